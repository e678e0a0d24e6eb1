// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/mma.cuh>
#include <tacet/core/warp.cuh>

// Fragments of matrices in shared memory, whose lines are a multiple of 16 bytes long. Lines of a deep matrix run along what products sum
// over: (rows, depth) of a left factor, (columns, depth) of a right one; those of others are (depth, rows or columns). A fragment is 16
// numbers of 16 bits deep, or 8 of TF32.
namespace tacet::gpu {

/// The left factor (16, 16 or 8) at (row, depth).
template <bool deep, class T, int length>
__device__ void load_left(warp::MatrixA& a, T const (*tile)[length], int row, int depth) {
    int const lane = warp::lane();
    if constexpr (deep) {
        constexpr int half = 16 / sizeof(T);  // the halves of a line of the fragment are 16 bytes each, whatever these hold
        warp::load_matrices(a.r, &tile[row + lane % 16][depth + lane / 16 * half]);
    } else if constexpr (is_16_bit<T>) {
        warp::load_matrices<true>(a.r, &tile[depth + lane % 8 + lane / 16 * 8][row + lane / 8 % 2 * 8]);
    } else {
#pragma unroll
        for (int e = 0; e < 4; ++e) a.r[e] = tile[depth + lane % 4 + e / 2 * 4][row + lane / 4 + e % 2 * 8].bits;
    }
}
/// The right factors (16 or 8, 8) at (depth, column) and eight columns further.
template <bool deep, class T, int length>
__device__ void load_right(warp::MatrixB (&b)[2], T const (*tile)[length], int depth, int column) {
    int const lane = warp::lane();
    if constexpr (deep || is_16_bit<T>) {
        constexpr int half = 16 / sizeof(T);
        std::uint32_t r[4];
        if constexpr (deep) warp::load_matrices(r, &tile[column + lane % 8 + lane / 16 * 8][depth + lane / 8 % 2 * half]);
        else warp::load_matrices<true>(r, &tile[depth + lane % 16][column + lane / 16 * 8]);
        b[0].r[0] = r[0], b[0].r[1] = r[1], b[1].r[0] = r[2], b[1].r[1] = r[3];
    } else {
#pragma unroll
        for (int e = 0; e < 4; ++e) b[e / 2].r[e % 2] = tile[depth + lane % 4 + e % 2 * 4][column + lane / 4 + e / 2 * 8].bits;
    }
}

/// Two results side by side, (16, 8) each, as the left factor (16, 16) of another product: its lanes hold what theirs do.
template <class T> __device__ warp::MatrixA as_left(warp::MatrixC const& first, warp::MatrixC const& second) {
    return {{warp::packed<T>(first.v[0], first.v[1]), warp::packed<T>(first.v[2], first.v[3]), warp::packed<T>(second.v[0], second.v[1]),
             warp::packed<T>(second.v[2], second.v[3])}};
}
/// c, two results side by side, += a b^T. As b is transposed, rows of both factors run along what is summed over, and the lanes hold of a
/// right factor what they would hold of a left one: every result can be either factor of the next product.
template <class T> __device__ void multiply_rows(warp::MatrixC* c /* 2 */, warp::MatrixA const& a, warp::MatrixA const& b) {
    warp::multiply<T>(c[0], a, {{b.r[0], b.r[2]}});
    warp::multiply<T>(c[1], a, {{b.r[1], b.r[3]}});
}

}  // namespace tacet::gpu
