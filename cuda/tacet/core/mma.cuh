// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/matrix_fragment.cuh>
#include <cstdint>

// Small matrix products of a warp on the tensor cores (mma.sync, PTX ISA 8, "Matrix multiply-accumulate"), with these layouts. With
// g = lane / 4 and t = lane % 4, two 16-bit elements in each register, the one of the smaller column or row in the lower half:
//   A (16, 16): register 0: row g, columns 2t, 2t + 1; 1: row g + 8; 2: row g, columns 2t + 8, 2t + 9; 3: row g + 8, the same columns
//   B (16, 8): register 0: rows 2t, 2t + 1 of column g; 1: rows 2t + 8, 2t + 9
//   C (16, 8): 0, 1: row g, columns 2t, 2t + 1; 2, 3: row g + 8
// with 32-bit elements (TF32), A (16, 8): row g, column t; row g + 8; row g, column t + 4; row g + 8, the same column
//   B (8, 8): row t of column g; row t + 4
namespace tacet {
namespace gpu {
__device__ inline Tf32::Tf32(float x) { asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x)); }
}  // namespace gpu

namespace warp {

/// c += a b for elements T, summed in float: 16 deep for Half and BFloat16, 8 for Tf32.
template <class T> __device__ void multiply(MatrixC& c, MatrixA const& a, MatrixB const& b);
template <> __device__ inline void multiply<Half>(MatrixC& c, MatrixA const& a, MatrixB const& b) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c.v[0]), "+f"(c.v[1]), "+f"(c.v[2]), "+f"(c.v[3])
                 : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
}
template <> __device__ inline void multiply<BFloat16>(MatrixC& c, MatrixA const& a, MatrixB const& b) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c.v[0]), "+f"(c.v[1]), "+f"(c.v[2]), "+f"(c.v[3])
                 : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
}
template <> __device__ inline void multiply<gpu::Tf32>(MatrixC& c, MatrixA const& a, MatrixB const& b) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c.v[0]), "+f"(c.v[1]), "+f"(c.v[2]), "+f"(c.v[3])
                 : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
}

/// Two neighbours in a fragment, rounded to T; the first one in the lower half.
template <class T> __device__ std::uint32_t packed(float first, float second);
template <> __device__ inline std::uint32_t packed<Half>(float first, float second) {
    std::uint32_t both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
    return both;
}
template <> __device__ inline std::uint32_t packed<BFloat16>(float first, float second) {
    std::uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
    return both;
}

/// Loads four 8 x 8 matrices of 16-bit elements, or 8 x 4 of 32 bits, whose rows are 16 aligned bytes of shared memory: lanes 8 m to
/// 8 m + 7 name the rows of matrix m. In each, this lane gets columns 2t and 2t + 1 of row g, or column t; `transposed`, rows 2t and 2t + 1
/// of column g.
template <bool transposed = false> __device__ void load_matrices(std::uint32_t (&r)[4], void const* row) {
    auto const address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
    if constexpr (transposed)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

}  // namespace warp
}  // namespace tacet
