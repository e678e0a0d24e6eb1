// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/column_sums.cuh>
#include <tacet/core/warp_reduce.cuh>
#include <tacet/ops/layer_norm.hpp>

namespace tacet {
namespace gpu {

/// A warp normalises a row: its second pass reads from the first-level cache what the first one brought there.
template <class T>
__global__ void layer_norm(T* y /* (rows, c) */, Wide<T>* mean, Wide<T>* rstd /* (rows), or null */, T const* x /* (rows, c) */,
                           Wide<T> const* weight /* (c) */, Wide<T> const* bias /* (c) */, Index rows, Index c, Wide<T> eps) {
    Index const row = warp::task();
    if (row >= rows) return;
    T const* const v = x + row * c;
    Wide<T> sum = 0, squares = 0;
    for (Index k = warp::lane(); k < c; k += warp::size) sum += v[k];
    Wide<T> const m = warp::sum(sum) / static_cast<Wide<T>>(c);
    for (Index k = warp::lane(); k < c; k += warp::size) squares += (v[k] - m) * (v[k] - m);
    Wide<T> const r = 1 / std::sqrt(warp::sum(squares) / static_cast<Wide<T>>(c) + eps);
    for (Index k = warp::lane(); k < c; k += warp::size) y[row * c + k] = static_cast<T>((v[k] - m) * r * weight[k] + bias[k]);
    if (mean && warp::lane() == 0) mean[row] = m, rstd[row] = r;
}

/// With u = gy weight and the normalised row z: gx = rstd (u - mean(u) - z mean(u z)); a warp for each row.
template <class T>
__global__ void layer_norm_backward(T* gx, T const* gy, T const* x /* (rows, c) */, Wide<T> const* mean,
                                    Wide<T> const* rstd /* (rows) */, Wide<T> const* weight /* (c) */, Index rows, Index c) {
    Index const row = warp::task();
    if (row >= rows) return;
    T const *const g = gy + row * c, *const v = x + row * c;
    Wide<T> const m = mean[row], r = rstd[row];
    Wide<T> sum_u = 0, sum_uz = 0;
    for (Index k = warp::lane(); k < c; k += warp::size) {
        Wide<T> const u = g[k] * weight[k];
        sum_u += u;
        sum_uz += u * (v[k] - m);
    }
    auto const n = static_cast<Wide<T>>(c);
    Wide<T> const mean_u = warp::sum(sum_u) / n, slope = r * r * warp::sum(sum_uz) / n;
    for (Index k = warp::lane(); k < c; k += warp::size)
        gx[row * c + k] = static_cast<T>(r * (g[k] * weight[k] - mean_u - (v[k] - m) * slope));
}

/// gy z and gy of an element: the terms of the gradients of weight and bias.
template <class T> struct LayerNormTerms {
    T const *gy, *x;
    Wide<T> const *mean, *rstd;
    Index c;
    __device__ void operator()(Index row, Index k, Wide<T> (&term)[2]) const {
        Wide<T> const g = gy[row * c + k];
        term[0] = g * ((x[row * c + k] - mean[row]) * rstd[row]), term[1] = g;
    }
};

}  // namespace gpu

template <> struct LayerNormKernel<Cuda> {
    template <class T, int R, class Channels = Tensor<Wide<T>, 1, Cuda>>
    static void run(Tensor<T, R, Cuda> const& y, Channels const& mean, Channels const& rstd,
                    Tensor<T, R, Cuda> const& x, Channels const& weight, Channels const& bias, Wide<T> eps) {
        Index const c = weight.size(), rows = x.size() / std::max<Index>(c, 1);
        launch_warps({"layer_norm", x.shape()}, rows, &gpu::layer_norm<T>, y.data(), mean.data(), rstd.data(), x.data(), weight.data(),
                     bias.data(), rows, c, eps);
    }
    template <class T, int R, class Channels = Tensor<Wide<T>, 1, Cuda>>
    static void backward(Tensor<T, R, Cuda> const& gx, Channels const& gw, Channels const& gb,
                         Tensor<T, R, Cuda> const& gy, Tensor<T, R, Cuda> const& x, Channels const& mean,
                         Channels const& rstd, Channels const& weight) {
        Index const c = weight.size(), rows = mean.size();
        if (gx.size())
            launch_warps({"layer_norm_backward", x.shape()}, rows, &gpu::layer_norm_backward<T>, gx.data(), gy.data(), x.data(),
                         mean.data(), rstd.data(), weight.data(), rows, c);
        detail::column_sums("layer_norm_weights", std::array{gw.data(), gb.data()}, rows, c,
                            gpu::LayerNormTerms<T>{gy.data(), x.data(), mean.data(), rstd.data(), c});
    }
};

}  // namespace tacet
