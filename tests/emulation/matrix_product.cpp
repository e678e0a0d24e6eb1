// SPDX-License-Identifier: MIT
#include <tacet/core/half.hpp>
#include <tacet/core/mma.cuh>
#include <bit>
#include <cstring>

// The fragments are laid out as the PTX manual says (ISA 8, "Matrix fragments for mma.m16n8k16 with floating point type", for m16n8k8 with
// .tf32, and for ldmatrix), written down again here, not taken from the header that shim/tacet/core/mma.cuh stands in for.

namespace tacet::warp::detail {
namespace {

/// The 16-bit element `which` (0: lower half) of a register.
template <class T> float element(std::uint32_t r, int which) {
    T x;
    x.bits = static_cast<std::uint16_t>(r >> (16 * which));
    return static_cast<float>(x);
}

/// Row and column of C's element i in a lane: groupID = lane >> 2, row = groupID for i < 2, else groupID + 8,
/// column = (lane % 4) * 2 + (i & 1).
void add_product(Lanes lanes, float const (&a)[16][16], float const (&b)[16][8], int depth) {
    for (int lane = 0; lane < emulation::warp_size; ++lane) {
        auto const& product = *static_cast<Product*>(lanes[static_cast<std::size_t>(lane)]);
        for (int i = 0; i < 4; ++i) {
            int const row = (lane >> 2) + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
            float sum = product.c->v[i];
            for (int k = 0; k < depth; ++k) sum += a[row][k] * b[k][column];
            product.c->v[i] = sum;
        }
    }
}

float tf32(std::uint32_t bits) {
    if (bits & 0x1fffu) throw emulation::Fault("mma: a number that was not rounded to TF32");
    return std::bit_cast<float>(bits);
}

}  // namespace

template <class T> void multiply_16(Lanes lanes) {
    float a[16][16], b[16][8];
    for (int lane = 0; lane < emulation::warp_size; ++lane) {
        auto const& product = *static_cast<Product*>(lanes[static_cast<std::size_t>(lane)]);
        int const group = lane >> 2, in_group = lane % 4;
        for (int i = 0; i < 8; ++i) {  // a_i: row = group for i = 0, 1, 4, 5; column = in_group * 2 + (i & 1), + 8 from i = 4 on
            int const row = group + (i % 4 < 2 ? 0 : 8), column = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
            a[row][column] = element<T>(product.a->r[i / 2], i & 1);
        }
        for (int i = 0; i < 4; ++i) {  // b_i: row = in_group * 2 + (i & 1), + 8 from i = 2 on; column = group
            int const row = in_group * 2 + (i & 1) + (i < 2 ? 0 : 8);
            b[row][group] = element<T>(product.b->r[i / 2], i & 1);
        }
    }
    add_product(lanes, a, b, 16);
}

void multiply_8(Lanes lanes) {
    float a[16][16], b[16][8];
    for (int lane = 0; lane < emulation::warp_size; ++lane) {
        auto const& product = *static_cast<Product*>(lanes[static_cast<std::size_t>(lane)]);
        int const group = lane >> 2, in_group = lane % 4;
        for (int i = 0; i < 4; ++i) a[group + (i % 2 ? 8 : 0)][in_group + (i < 2 ? 0 : 4)] = tf32(product.a->r[i]);
        for (int i = 0; i < 2; ++i) b[in_group + (i ? 4 : 0)][group] = tf32(product.b->r[i]);
    }
    add_product(lanes, a, b, 8);
}

template <bool transposed> void load(Lanes lanes) {
    for (int lane = 0; lane < emulation::warp_size; ++lane) {
        auto const& mine = *static_cast<Load*>(lanes[static_cast<std::size_t>(lane)]);
        for (int m = 0; m < 4; ++m) {
            std::uint16_t pair[2];
            for (int i = 0; i < 2; ++i) {
                int const row = transposed ? lane % 4 * 2 + i : lane / 4, column = transposed ? lane / 4 : lane % 4 * 2 + i;
                auto const* from = static_cast<Load*>(lanes[static_cast<std::size_t>(8 * m + row)])->row;
                std::memcpy(&pair[i], from + 2 * column, 2);
            }
            mine.r[m] = pair[0] | std::uint32_t(pair[1]) << 16;
        }
    }
}

template void multiply_16<BFloat16>(Lanes);
template void multiply_16<Half>(Lanes);
template void load<false>(Lanes);
template void load<true>(Lanes);

}  // namespace tacet::warp::detail
