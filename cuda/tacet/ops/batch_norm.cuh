// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/column_sums.cuh>
#include <tacet/ops/batch_norm.hpp>

namespace tacet {
namespace gpu {

/// Differences from the first row, and their squares: sums relative to it do not cancel, however large the mean is.
template <class T> struct SquareTerms {
    T const* x;  // (rows, c)
    Index c;
    __device__ void operator()(Index row, Index k, double (&term)[2]) const {
        double const d = static_cast<double>(x[row * c + k]) - static_cast<double>(x[k]);
        term[0] = d, term[1] = d * d;
    }
};
template <class T> struct MeanAndVariance {
    Wide<T> *mean, *var;          // (c)
    T const* origin;              // (c)
    double const *sum, *squares;  // (c)
    double rows;
    __device__ void operator()(Index k) const {
        double const m = sum[k] / rows, v = squares[k] / rows - m * m;
        mean[k] = static_cast<Wide<T>>(m + static_cast<double>(origin[k]));
        var[k] = static_cast<Wide<T>>(v > 0 ? v : 0);
    }
};
template <class T> struct Normalize {
    T* y;
    T const* x;
    Wide<T> const *mean, *scale, *bias;
    Index c;
    __device__ void operator()(Index i) const {
        Index const k = i % c;
        y[i] = static_cast<T>((x[i] - mean[k]) * scale[k] + bias[k]);
    }
};
template <class T> struct BatchNormTerms {
    T const *gy, *x;
    Wide<T> const *mean, *rstd;
    Index c;
    __device__ void operator()(Index row, Index k, Wide<T> (&term)[2]) const {
        Wide<T> const g = gy[row * c + k];
        term[0] = g * (x[row * c + k] - mean[k]) * rstd[k], term[1] = g;
    }
};
template <class T> struct BatchNormInputGradient {
    T* gx;
    T const *gy, *x;
    Wide<T> const *mean, *scale, *slope, *shift;
    Index c;
    __device__ void operator()(Index i) const {
        Index const k = i % c;
        gx[i] = static_cast<T>(scale[k] * gy[i] - slope[k] * (x[i] - mean[k]) - shift[k]);
    }
};

}  // namespace gpu

template <> struct BatchNormKernel<Cuda> {
    template <class T> using Channels = Tensor<Wide<T>, 1, Cuda>;

    template <class T, int R> static void statistics(Channels<T> const& mean, Channels<T> const& var, Tensor<T, R, Cuda> const& x) {
        Index const c = mean.size(), rows = x.size() / std::max<Index>(c, 1);
        Channels<double> const sum(mean.shape()), squares(mean.shape());
        detail::column_sums("batch_norm_statistics", std::array{sum.data(), squares.data()}, rows, c, gpu::SquareTerms<T>{x.data(), c});
        launch_each("batch_norm_statistics", c, gpu::MeanAndVariance<T>{mean.data(), var.data(), x.data(), sum.data(), squares.data(),
                                                                           static_cast<double>(rows)});
    }
    template <class T, int R>
    static void normalize(Tensor<T, R, Cuda> const& y, Tensor<T, R, Cuda> const& x, Channels<T> const& mean, Channels<T> const& scale,
                          Channels<T> const& bias) {
        launch_each("batch_norm", x.shape(),
                    gpu::Normalize<T>{y.data(), x.data(), mean.data(), scale.data(), bias.data(), mean.size()});
    }
    template <class T, int R>
    static void gradient_sums(Channels<T> const& gw, Channels<T> const& gb, Tensor<T, R, Cuda> const& gy, Tensor<T, R, Cuda> const& x,
                              Channels<T> const& mean, Channels<T> const& rstd) {
        Index const c = mean.size(), rows = x.size() / std::max<Index>(c, 1);
        detail::column_sums("batch_norm_weights", std::array{gw.data(), gb.data()}, rows, c,
                            gpu::BatchNormTerms<T>{gy.data(), x.data(), mean.data(), rstd.data(), c});
    }
    template <class T, int R>
    static void input_gradient(Tensor<T, R, Cuda> const& gx, Tensor<T, R, Cuda> const& gy, Tensor<T, R, Cuda> const& x,
                               Channels<T> const& mean, Channels<T> const& scale, Channels<T> const& slope, Channels<T> const& shift) {
        launch_each("batch_norm_backward", x.shape(),
                    gpu::BatchNormInputGradient<T>{gx.data(), gy.data(), x.data(), mean.data(), scale.data(), slope.data(), shift.data(),
                                                      mean.size()});
    }
};

}  // namespace tacet
