// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/warp_reduce.cuh>
#include <tacet/ops/entmax.hpp>

namespace tacet {
namespace gpu {

/// The limit t for which the squares of what stands above it sum to 1, z = (x - largest) / 2. That sum falls with t and is convex: from
/// t = -1 on, where it is at least 1, Newton's steps only climb, and end where rounding stops them.
template <class T> __global__ void entmax15(T* y, T const* x /* (rows, n) */, Index rows, Index n) {
    Index const row = warp::task();
    if (row >= rows) return;
    T const* const v = x + row * n;
    Wide<T> const largest = warp::largest_of(v, n);
    Wide<T> limit = -1;
    for (int steps = 0; steps < 100; ++steps) {
        Wide<T> sum = 0, squares = 0;
        for (Index k = warp::lane(); k < n; k += warp::size)
            if (Wide<T> const above = (v[k] - largest) / 2 - limit; above > 0) sum += above, squares += above * above;
        sum = warp::sum(sum), squares = warp::sum(squares);
        Wide<T> const next = limit + (squares - 1) / (2 * sum);
        if (!(next > limit)) break;
        limit = next;
    }
    for (Index k = warp::lane(); k < n; k += warp::size) {
        Wide<T> const above = (v[k] - largest) / 2 - limit;
        y[row * n + k] = static_cast<T>(above > 0 || above != above ? above * above : Wide<T>(0));
    }
}

/// With s = sqrt(y): gx = s (gy - <gy, s> / <1, s>), a warp for each row.
template <class T> __global__ void entmax15_backward(T* gx, T const* gy, T const* y /* (rows, n) */, Index rows, Index n) {
    Index const row = warp::task();
    if (row >= rows) return;
    Wide<T> along = 0, total = 0;
    for (Index k = row * n + warp::lane(); k < (row + 1) * n; k += warp::size) {
        Wide<T> const s = std::sqrt(Wide<T>(y[k]));
        along += gy[k] * s, total += s;
    }
    Wide<T> const mean = warp::sum(along) / warp::sum(total);
    for (Index k = row * n + warp::lane(); k < (row + 1) * n; k += warp::size)
        gx[k] = static_cast<T>(std::sqrt(Wide<T>(y[k])) * (gy[k] - mean));
}

}  // namespace gpu

template <> struct EntmaxKernel<Cuda> {
    template <class T> static void run(T* y, T const* x, Index rows, Index n) {
        launch_warps({"entmax15", Shape{rows, n}}, rows, &gpu::entmax15<T>, y, x, rows, n);
    }
    template <class T> static void backward(T* gx, T const* gy, T const* y, Index rows, Index n) {
        launch_warps({"entmax15_backward", Shape{rows, n}}, rows, &gpu::entmax15_backward<T>, gx, gy, y, rows, n);
    }
};

}  // namespace tacet
