// SPDX-License-Identifier: MIT
#include <gpu.hpp>
#include <support/catch.hpp>

namespace tacet::test {
std::string missing() { return missing_gpu(); }  // else every test would fail
}  // namespace tacet::test
