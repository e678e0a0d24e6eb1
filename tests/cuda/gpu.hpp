// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/cuda.hpp>

namespace tacet::test {

/// Why no GPU can be used here; empty where one can.
inline std::string missing_gpu() {
    int count = 0;
    auto const status = cudaGetDeviceCount(&count);
    return status == cudaSuccess && count > 0 ? "" : concat_text("no GPU can be used: ", cudaGetErrorString(status));
}

}  // namespace tacet::test
