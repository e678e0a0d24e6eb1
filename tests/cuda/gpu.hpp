// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/cuda.hpp>

namespace tacet::test {

/// Why no GPU can be used here; empty where one can.
inline std::string missing_gpu() {
    try {
        check_gpu();
    } catch (Error const& error) {
        return error.what();
    }
    return "";
}

}  // namespace tacet::test
