// SPDX-License-Identifier: MIT
#pragma once
// A fuzz target defines these two functions. Linked to libFuzzer (clang, -fsanitize=fuzzer) it searches for inputs that crash; linked to
// replay_main.cpp it runs with any compiler on its seeds and on mutations of them, the same ones every time.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

/// Gives one input to the reader under test. Only tacet::Error may be thrown inside, and is caught there.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace tacet::test {

/// Inputs that reach the reader's depths: what mutations start from.
std::vector<std::vector<std::uint8_t>> fuzz_seeds();

/// Stops the program, as a sanitizer does, when a property of the reader fails.
inline void require(bool ok, char const* property) {
    if (ok) return;
    std::fprintf(stderr, "violated: %s\n", property);
    std::abort();
}

}  // namespace tacet::test
