// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/sums.cuh>
#include <tacet/ops/total_variation.hpp>

namespace tacet {
namespace gpu {

/// Images x (N, H, W, C) and their differences to the right and below, 0 at the edges.
template <class T> struct Differences {
    T const* x;
    Shape<4> shape;
    Wide<T> eps2;

    __device__ Index line() const { return shape[2] * shape[3]; }
    __device__ Wide<T> dx(Index k) const { return k % line() + shape[3] < line() ? x[k + shape[3]] - x[k] : Wide<T>(0); }
    __device__ Wide<T> dy(Index k) const { return k / line() % shape[1] < shape[1] - 1 ? x[k + line()] - x[k] : Wide<T>(0); }
    __device__ Wide<T> norm(Index k) const { return std::sqrt(dx(k) * dx(k) + dy(k) * dy(k) + eps2); }
};

/// The norms over n as an expression of rank 1, which device_sums adds up.
template <class T> struct NormTerms {
    Differences<T> differences;
    double n;
    constexpr NormTerms const& flat() const { return *this; }
    template <bool> __device__ double at(Index k) const { return static_cast<double>(differences.norm(k)) / n; }
    __device__ double at(Shape<1> const& i) const { return at<true>(i[0]); }
    constexpr bool contiguous(Shape<1> const&) const { return true; }
};

template <class T> struct TotalVariationBackward {
    T* gx;
    T const* gy;
    Differences<T> d;
    double n;
    /// Every element stands in three norms: its own and those to its left and above.
    __device__ void operator()(Index k) const {
        Index const c = d.shape[3], line = d.line();
        Wide<T> sum = -(d.dx(k) + d.dy(k)) / d.norm(k);
        if (k % line >= c) sum += d.dx(k - c) / d.norm(k - c);
        if (k / line % d.shape[1] > 0) sum += d.dy(k - line) / d.norm(k - line);
        gx[k] = static_cast<T>(static_cast<Wide<T>>(static_cast<double>(*gy) / n) * sum);
    }
};

}  // namespace gpu

template <> struct TotalVariationKernel<Cuda> {
    template <class T> static void forward(T* y, Tensor<T, 4, Cuda> const& x, double eps, double n) {
        detail::device_sums("total_variation", y, 1, Shape<1>{}, Shape<1>{{x.size()}}, gpu::NormTerms<T>{differences(x, eps), n});
    }
    template <class T>
    static void backward(Tensor<T, 4, Cuda> const& gx, T const* gy, Tensor<T, 4, Cuda> const& x, double eps, double n) {
        launch_each("total_variation_backward", x.shape(), gpu::TotalVariationBackward<T>{gx.data(), gy, differences(x, eps), n});
    }

private:
    template <class T> static gpu::Differences<T> differences(Tensor<T, 4, Cuda> const& x, double eps) {
        return {x.data(), x.shape(), static_cast<Wide<T>>(eps * eps)};
    }
};

}  // namespace tacet
