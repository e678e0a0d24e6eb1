// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/warp.cuh>

namespace tacet {
namespace warp {

constexpr int per_block = 4;

/// The number of this warp in a launch_warps.
__device__ inline Index task() { return Index(blockIdx.x) * per_block + number(); }

/// The larger one; NaN where one is NaN.
template <class T> __device__ T larger(T a, T b) { return a > b || a != a ? a : b; }

/// The sum over the lanes, or over each `lanes` neighbours, a power of two; the same bits in each of them: both partners add the same two
/// numbers.
template <int lanes = size, class T> __device__ T sum(T v) {
#pragma unroll
    for (int mask = lanes / 2; mask > 0; mask /= 2) v += exchange(v, mask);
    return v;
}
/// The largest of the lanes, or of each `lanes` neighbours; NaN where one is NaN.
template <int lanes = size, class T> __device__ T largest(T v) {
#pragma unroll
    for (int mask = lanes / 2; mask > 0; mask /= 2) v = larger(v, exchange(v, mask));
    return v;
}

/// The largest of n > 0 numbers in memory; NaN where one is NaN.
template <class T> __device__ Wide<T> largest_of(T const* v, Index n) {
    Wide<T> most = v[0];
    for (Index k = lane(); k < n; k += size) most = larger(most, static_cast<Wide<T>>(v[k]));
    return largest(most);
}

}  // namespace warp

/// Runs kernel(args...) with a warp for each of n tasks; those beyond have nothing to do.
template <class... P, class... A> void launch_warps(KernelLabel const& label, Index n, void (*kernel)(P...), A const&... args) {
    launch(label, Grid{detail::div_up(n, warp::per_block), warp::per_block * warp::size}, kernel, args...);
}

}  // namespace tacet
