// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/matrix_fragment.cuh>
#include <bit>
#include <cuda_runtime.h>
#include <type_traits>

namespace tacet {

// cvt.rna.tf32.f32: to the nearest of 10 bits of fraction, ties away from zero; a NaN stays one.
inline gpu::Tf32::Tf32(float x) : bits(std::bit_cast<std::uint32_t>(x)) {
    bits = x != x ? 0x7fffe000u : (bits + 0x1000u) & 0xffffe000u;
}

namespace warp {
namespace detail {

struct Product {
    MatrixC* c;
    MatrixA const* a;
    MatrixB const* b;
};
struct Load {
    std::uint32_t* r;
    std::byte const* row;
};
// What lanes do together that meet: matrix_product.cpp.
using Lanes = std::span<void* const, emulation::warp_size>;
template <class T> void multiply_16(Lanes lanes);
void multiply_8(Lanes lanes);
template <bool transposed> void load(Lanes lanes);

}  // namespace detail

template <class T> void multiply(MatrixC& c, MatrixA const& a, MatrixB const& b) {
    detail::Product product{&c, &a, &b};
    if constexpr (std::is_same_v<T, gpu::Tf32>) emulation::meet("mma.m16n8k8", &product, &detail::multiply_8);
    else emulation::meet("mma.m16n8k16", &product, &detail::multiply_16<T>);
}
template <class T> std::uint32_t packed(float first, float second) {
    return T(first).bits | static_cast<std::uint32_t>(T(second).bits) << 16;
}
template <bool transposed = false> void load_matrices(std::uint32_t (&r)[4], void const* row) {
    if (reinterpret_cast<std::uintptr_t>(row) % 16) throw emulation::Fault("ldmatrix: a row is not aligned to 16 bytes");
    detail::Load load{r, static_cast<std::byte const*>(row)};
    emulation::meet(transposed ? "ldmatrix.trans" : "ldmatrix", &load, &detail::load<transposed>);
}

}  // namespace warp
}  // namespace tacet
