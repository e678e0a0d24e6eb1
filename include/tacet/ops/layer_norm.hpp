// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/rows.hpp>

namespace tacet {

/// Device half of layer_norm. x, y, gx, gy (..., C) of type T; of type Wide<T>: weight, bias, gw, gb (C); mean, rstd (rows of x), where
/// rstd is the reciprocal of the standard deviation. mean and rstd may be undefined in `run`, gx in `backward`, where they are not wanted.
template <class D> struct LayerNormKernel {
    static_assert(sizeof(D) == 0, "layer_norm has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
    static void backward(auto const&...) {}
};

template <> struct LayerNormKernel<Cpu> {
    template <class T, int R>
    static void run(Tensor<T, R> const& y, Tensor<T, 1> const& mean, Tensor<T, 1> const& rstd,  //
                    Tensor<T, R> const& x, Tensor<T, 1> const& weight, Tensor<T, 1> const& bias, T eps) {
        Index const c = weight.size(), rows = x.size() / std::max<Index>(c, 1);
        parallel_ranges(rows, Rows::per_task(4 * c), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row) {
                T const* const v = x.data() + row * c;
                T const m = Rows::sum(v, c) / static_cast<T>(c);
                T const r = 1 / std::sqrt(Rows::sum_of_squares(v, m, c) / static_cast<T>(c) + eps);
                normalize(y.data() + row * c, v, m, r, weight.data(), bias.data(), c);
                if (mean.size()) mean.data()[row] = m, rstd.data()[row] = r;
            }
        });
    }
    // With u = gy weight and the normalised row z: gx = rstd (u - mean(u) - z mean(u z)), gw = the sum of gy z, gb = the sum of gy.
    template <class T, int R>
    static void backward(Tensor<T, R> const& gx, Tensor<T, 1> const& gw, Tensor<T, 1> const& gb, Tensor<T, R> const& gy,  //
                         Tensor<T, R> const& x, Tensor<T, 1> const& mean, Tensor<T, 1> const& rstd, Tensor<T, 1> const& weight) {
        Index const c = weight.size(), rows = mean.size();
        auto const sums = detail::channel_sums<2>(1, rows, c, [&](Index begin, Index end, double* sum /* (2, c) */) {
            std::vector<T> block(static_cast<std::size_t>(2 * c));  // gw, gb of a few rows
            for (Index first = begin; first < end; first += 32) {
                std::fill(block.begin(), block.end(), T(0));
                for (Index row = first; row < std::min(first + 32, end); ++row) {
                    T const *const g = gy.data() + row * c, *const v = x.data() + row * c, m = mean.data()[row], r = rstd.data()[row];
                    if (gx.size()) input_gradient(gx.data() + row * c, g, v, m, r, weight.data(), c);
                    add_products(block.data(), block.data() + c, g, v, m, r, c);
                }
                Rows::add(sum, block.data(), 2 * c);
            }
        });
        for (Index k = 0; k < c; ++k) {
            gw.data()[k] = static_cast<T>(sums[static_cast<std::size_t>(k)]);
            gb.data()[k] = static_cast<T>(sums[static_cast<std::size_t>(c + k)]);
        }
    }

private:
    using Rows = detail::Rows<Cpu>;

    template <class T>
    static void normalize(T* __restrict y, T const* __restrict x, T m, T r, T const* __restrict weight, T const* __restrict bias, Index c) {
        for (Index k = 0; k < c; ++k) y[k] = (x[k] - m) * r * weight[k] + bias[k];
    }
    template <class T>
    static void add_products(T* __restrict gw, T* __restrict gb, T const* __restrict gy, T const* __restrict x, T m, T r, Index c) {
        for (Index k = 0; k < c; ++k) gw[k] += gy[k] * ((x[k] - m) * r), gb[k] += gy[k];
    }
    template <class T>
    static void input_gradient(T* __restrict gx, T const* __restrict gy, T const* __restrict x, T m, T r, T const* __restrict weight,
                               Index c) {
        auto const centre = Simd<T>::broadcast(m);
        T const sum_u = Rows::dot(gy, weight, c);
        T const sum_uz = r * Rows::template total<T>(c, [&](auto load, Index k) {
            return load(gy + k) * load(weight + k) * (load(x + k) - centre);
        });
        T const mean_u = sum_u / static_cast<T>(c), slope = r * sum_uz / static_cast<T>(c);
        for (Index k = 0; k < c; ++k) gx[k] = r * (gy[k] * weight[k] - mean_u - (x[k] - m) * slope);
    }
};

namespace detail {
template <class T, int R, class D> struct LayerNormPull {
    Tensor<T, R, D> x;                   // (..., C)
    Tensor<Wide<T>, 1, D> weight, mean, rstd;  // (C), (rows), (rows)
    std::shared_ptr<Slot<T, R, D>> xs;
    std::shared_ptr<Slot<Wide<T>, 1, D>> ws, bs;

    void operator()(Tensor<T, R, D> const& gy) const {
        Tensor<T, R, D> gx;
        if (xs) gx = Tensor<T, R, D>(x.shape());
        Tensor<Wide<T>, 1, D> const gw(weight.shape()), gb(weight.shape());
        LayerNormKernel<D>::backward(gx, gw, gb, gy, x, mean, rstd, weight);
        deliver(xs, gx);
        deliver(ws, gw);
        deliver(bs, gb);
    }
};
}  // namespace detail

/// (x - mean) / sqrt(variance + eps) * weight + bias, with the mean and the variance (of the population) of each row along the last
/// dimension (Ba et al., 2016). Keeps x, the means and the reciprocal standard deviations.
template <class T, int R, class D>
Variable<T, R, D> layer_norm(Variable<T, R, D> const& x /* (..., C) */, Variable<Wide<T>, 1, D> const& weight /* (C) */,
                             Variable<Wide<T>, 1, D> const& bias /* (C) */, double eps = 1e-5) {
    static_assert(R > 0, "layer_norm needs a dimension to normalise over");
    Index const c = x.shape()[R - 1], rows = c ? x.size() / c : 0;
    check_shape(weight.size() == c && bias.size() == c,  //
                "layer_norm: weight ", weight.shape(), " and bias ", bias.shape(), " do not fit the last extent of x ", x.shape());
    Tensor<T, R, D> y(x.shape());
    Tensor<Wide<T>, 1, D> mean, rstd;
    if (records(x, weight, bias)) mean = Tensor<Wide<T>, 1, D>(Shape{rows}), rstd = Tensor<Wide<T>, 1, D>(Shape{rows});
    LayerNormKernel<D>::run(y, mean, rstd, x.value(), weight.value(), bias.value(), static_cast<Wide<T>>(eps));
    detail::LayerNormPull<T, R, D> pull{x.value(), weight.value(), mean, rstd, x.slot(), weight.slot(), bias.slot()};
    return record(y, std::move(pull), x, weight, bias);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/layer_norm.cuh>
#endif
