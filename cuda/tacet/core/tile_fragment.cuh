// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/mma.cuh>
#include <tacet/core/warp.cuh>

// Fragments of matrices of 16-bit numbers in shared memory, whose lines are a multiple of 16 bytes long. Lines of a deep matrix run along
// what products sum over: (rows, depth) of a left factor, (columns, depth) of a right one; those of others are (depth, rows or columns).
namespace tacet::gpu {

/// The left factor (16, 16) at (row, depth).
template <bool deep, class T, int length>
__device__ void load_left(warp::MatrixA& a, T const (*tile)[length], int row, int depth) {
    int const lane = warp::lane();
    if constexpr (deep) warp::load_matrices(a.r, &tile[row + lane % 16][depth + lane / 16 * 8]);
    else warp::load_matrices<true>(a.r, &tile[depth + lane % 8 + lane / 16 * 8][row + lane / 8 % 2 * 8]);
}
/// The right factors (16, 8) at (depth, column) and eight columns further.
template <bool deep, class T, int length>
__device__ void load_right(warp::MatrixB (&b)[2], T const (*tile)[length], int depth, int column) {
    int const lane = warp::lane();
    std::uint32_t r[4];
    if constexpr (deep) warp::load_matrices(r, &tile[column + lane % 8 + lane / 16 * 8][depth + lane / 8 % 2 * 8]);
    else warp::load_matrices<true>(r, &tile[depth + lane % 16][column + lane / 16 * 8]);
    b[0].r[0] = r[0], b[0].r[1] = r[1], b[1].r[0] = r[2], b[1].r[1] = r[3];
}

/// Two neighbours in a fragment, the first one in the lower half.
template <class T> __device__ std::uint32_t packed(float first, float second) {
    return T(first).bits | static_cast<std::uint32_t>(T(second).bits) << 16;
}
/// Two results side by side, (16, 8) each, as the left factor (16, 16) of another product: its lanes hold what theirs do.
template <class T> __device__ warp::MatrixA as_left(warp::MatrixC const& first, warp::MatrixC const& second) {
    return {{packed<T>(first.v[0], first.v[1]), packed<T>(first.v[2], first.v[3]), packed<T>(second.v[0], second.v[1]),
             packed<T>(second.v[2], second.v[3])}};
}

}  // namespace tacet::gpu
