// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

namespace tacet::warp {

/// What one lane holds of the factors and the result of a product on the tensor cores: mma.cuh says which elements.
struct MatrixA {
    std::uint32_t r[4];
};
struct MatrixB {
    std::uint32_t r[2];
};
struct MatrixC {
    float v[4] = {0, 0, 0, 0};
};

}  // namespace tacet::warp
