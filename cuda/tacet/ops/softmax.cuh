// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/warp_reduce.cuh>
#include <tacet/ops/softmax.hpp>

namespace tacet {
namespace gpu {

/// exp(x - largest) / sum, a warp for each row.
template <class T> __global__ void softmax(T* y, T const* x /* (rows, n) */, Index rows, Index n) {
    Index const row = warp::task();
    if (row >= rows) return;
    T const* const v = x + row * n;
    Wide<T> const largest = warp::largest_of(v, n);
    Wide<T> sum = 0;
    for (Index k = warp::lane(); k < n; k += warp::size) sum += std::exp(v[k] - largest);
    sum = warp::sum(sum);
    for (Index k = warp::lane(); k < n; k += warp::size) y[row * n + k] = static_cast<T>(std::exp(v[k] - largest) / sum);
}

/// gx = y (gy - <gy, y>), a warp for each row.
template <class T> __global__ void softmax_backward(T* gx, T const* gy, T const* y /* (rows, n) */, Index rows, Index n) {
    Index const row = warp::task();
    if (row >= rows) return;
    Wide<T> mean = 0;
    for (Index k = row * n + warp::lane(); k < (row + 1) * n; k += warp::size) mean += gy[k] * y[k];
    mean = warp::sum(mean);
    for (Index k = row * n + warp::lane(); k < (row + 1) * n; k += warp::size) gx[k] = static_cast<T>(y[k] * (gy[k] - mean));
}

}  // namespace gpu

template <> struct SoftmaxKernel<Cuda> {
    template <class T> static void run(T* y, T const* x, Index rows, Index n) {
        launch_warps({"softmax", Shape{rows, n}}, rows, &gpu::softmax<T>, y, x, rows, n);
    }
    template <class T> static void backward(T* gx, T const* gy, T const* y, Index rows, Index n) {
        launch_warps({"softmax_backward", Shape{rows, n}}, rows, &gpu::softmax_backward<T>, gx, gy, y, rows, n);
    }
};

}  // namespace tacet
