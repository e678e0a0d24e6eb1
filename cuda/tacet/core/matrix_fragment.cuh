// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/warp.cuh>
#include <cstdint>

namespace tacet::gpu {

/// A float rounded to TF32: 10 bits of fraction, ties away from zero. What the tensor cores multiply where floats may be rounded.
struct Tf32 {
    std::uint32_t bits;
    Tf32() = default;
    __device__ explicit Tf32(float x);
};

}  // namespace tacet::gpu

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
