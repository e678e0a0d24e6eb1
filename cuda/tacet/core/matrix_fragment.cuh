// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/warp.cuh>
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
/// Where number e of this lane stands in a result (16, 8).
__device__ inline int row_of_result(int e) { return lane() / 4 + e / 2 * 8; }
__device__ inline int column_of_result(int e) { return lane() % 4 * 2 + e % 2; }

}  // namespace tacet::warp
