// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/rows.hpp>

namespace tacet {

/// How batch_norm works: with the statistics of the batch, or with the running ones.
struct BatchNormOptions {
    bool training = true;
    double momentum = 0.1;  ///< weight of a batch in the running statistics
    double eps = 1e-5;
};

/// Device half of batch_norm. x, y, gx, gy (..., C); everything else (C), where rstd is the reciprocal of the standard deviation.
template <class D> struct BatchNormKernel {
    static_assert(sizeof(D) == 0, "batch_norm has no kernels for this device here: compile this file as .cu");
    static void statistics(auto const&...) {}
    static void normalize(auto const&...) {}
    static void gradient_sums(auto const&...) {}
    static void input_gradient(auto const&...) {}
};

template <> struct BatchNormKernel<Cpu> {
    template <class T> using Channels = Tensor<T, 1>;

    /// The mean and the variance (of the population) of every channel.
    template <class T, int R> static void statistics(Channels<T> const& mean, Channels<T> const& var, Tensor<T, R> const& x) {
        Index const c = mean.size(), rows = x.size() / std::max<Index>(c, 1);
        T const* const origin = x.data();  // the first row: sums relative to it do not cancel below, however large the mean is
        auto const sums = detail::channel_sums<2>(1, rows, c, [&](Index begin, Index end, double* sum /* (2, c) */) {
            for (Index row = begin; row < end; ++row) add_squares(sum, sum + c, x.data() + row * c, origin, c);
        });
        for (Index k = 0; k < c; ++k) {
            double const m = at(sums, k) / static_cast<double>(rows), squares = at(sums, c + k) / static_cast<double>(rows);
            mean.data()[k] = static_cast<T>(m + static_cast<double>(origin[k]));
            var.data()[k] = static_cast<T>(std::max(squares - m * m, 0.0));
        }
    }
    /// y = (x - mean) scale + bias
    template <class T, int R>
    static void normalize(Tensor<T, R> const& y, Tensor<T, R> const& x, Channels<T> const& mean, Channels<T> const& scale,
                          Channels<T> const& bias) {
        for_each_row(x, [&](Index k, Index c) { normalize_row(y.data() + k, x.data() + k, mean.data(), scale.data(), bias.data(), c); });
    }
    /// gw = the sums of gy (x - mean) rstd, gb = the sums of gy.
    template <class T, int R>
    static void gradient_sums(Channels<T> const& gw, Channels<T> const& gb, Tensor<T, R> const& gy, Tensor<T, R> const& x,  //
                              Channels<T> const& mean, Channels<T> const& rstd) {
        Index const c = mean.size(), rows = x.size() / std::max<Index>(c, 1);
        auto const sums = detail::channel_sums<2>(1, rows, c, [&](Index begin, Index end, double* sum /* (2, c) */) {
            for (Index row = begin; row < end; ++row) add_products(sum, sum + c, gy.data() + row * c, x.data() + row * c, mean.data(), c);
        });
        for (Index k = 0; k < c; ++k) {
            gw.data()[k] = static_cast<T>(at(sums, k) * static_cast<double>(rstd.data()[k]));
            gb.data()[k] = static_cast<T>(at(sums, c + k));
        }
    }
    /// gx = scale gy - slope (x - mean) - shift
    template <class T, int R>
    static void input_gradient(Tensor<T, R> const& gx, Tensor<T, R> const& gy, Tensor<T, R> const& x, Channels<T> const& mean,
                               Channels<T> const& scale, Channels<T> const& slope, Channels<T> const& shift) {
        for_each_row(x, [&](Index k, Index c) {
            gradient_row(gx.data() + k, gy.data() + k, x.data() + k, mean.data(), scale.data(), slope.data(), shift.data(), c);
        });
    }

private:
    static double at(std::vector<double> const& sums, Index k) { return sums[static_cast<std::size_t>(k)]; }
    /// Calls body(number of the row's first element, C) for every row of C elements, in parallel.
    template <class T, int R> static void for_each_row(Tensor<T, R> const& x, auto&& body) {
        Index const c = x.shape()[R - 1], rows = x.size() / std::max<Index>(c, 1);
        parallel_ranges(rows, detail::Rows<Cpu>::per_task(c), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row) body(row * c, c);
        });
    }
    template <class T>
    static void add_squares(double* __restrict sum, double* __restrict squares, T const* x, T const* origin, Index c) {
        for (Index k = 0; k < c; ++k) {
            double const d = static_cast<double>(x[k]) - static_cast<double>(origin[k]);
            sum[k] += d, squares[k] += d * d;
        }
    }
    template <class T>
    static void add_products(double* __restrict products, double* __restrict sum, T const* gy, T const* x, T const* mean, Index c) {
        for (Index k = 0; k < c; ++k) products[k] += gy[k] * (x[k] - mean[k]), sum[k] += gy[k];
    }
    template <class T>
    static void normalize_row(T* __restrict y, T const* __restrict x, T const* __restrict mean, T const* __restrict scale,
                              T const* __restrict bias, Index c) {
        for (Index k = 0; k < c; ++k) y[k] = (x[k] - mean[k]) * scale[k] + bias[k];
    }
    template <class T>
    static void gradient_row(T* __restrict gx, T const* __restrict gy, T const* __restrict x, T const* __restrict mean,
                             T const* __restrict scale, T const* __restrict slope, T const* __restrict shift, Index c) {
        for (Index k = 0; k < c; ++k) gx[k] = scale[k] * gy[k] - slope[k] * (x[k] - mean[k]) - shift[k];
    }
};

namespace detail {
template <class T, int R, class D> struct BatchNormPull {
    Tensor<T, R, D> x;                   // (..., C)
    Tensor<Wide<T>, 1, D> weight, mean, rstd;  // (C)
    bool training;
    std::shared_ptr<Slot<T, R, D>> xs;
    std::shared_ptr<Slot<Wide<T>, 1, D>> ws, bs;

    // While training, mean and rstd depend on x: gx = weight rstd (gy - mean(gy) - z mean(gy z)), z the normalised x.
    void operator()(Tensor<T, R, D> const& gy) const {
        Tensor<Wide<T>, 1, D> const gw(weight.shape()), gb(weight.shape());
        BatchNormKernel<D>::gradient_sums(gw, gb, gy, x, mean, rstd);
        if (xs) {
            Wide<T> const share = training ? static_cast<Wide<T>>(weight.size()) / static_cast<Wide<T>>(x.size()) : Wide<T>(0);
            Tensor<T, R, D> const gx(x.shape());
            Tensor<Wide<T>, 1, D> const scale = weight * rstd, slope = scale * rstd * gw * share, shift = scale * gb * share;
            BatchNormKernel<D>::input_gradient(gx, gy, x, mean, scale, slope, shift);
            deliver(xs, gx);
        }
        deliver(ws, gw);
        deliver(bs, gb);
    }
};
}  // namespace detail

/// (x - mean) / sqrt(variance + eps) * weight + bias per channel, the last dimension (Ioffe & Szegedy, 2015). While training, mean and
/// variance (of the population) are those of x, and the running ones move towards them, in place: running += momentum (new - running),
/// where the new variance is the unbiased one, as in PyTorch. Otherwise the running ones are used. Keeps x, mean and reciprocal
/// standard deviation. Under checkpoint() the running statistics move twice.
template <class T, int R, class D>
Variable<T, R, D> batch_norm(Variable<T, R, D> const& x /* (..., C) */, Variable<Wide<T>, 1, D> const& weight /* (C) */,
                             Variable<Wide<T>, 1, D> const& bias /* (C) */, Tensor<Wide<T>, 1, D> const& running_mean /* (C) */,
                             Tensor<Wide<T>, 1, D> const& running_var /* (C) */, BatchNormOptions const& options = {}) {
    static_assert(R > 1, "batch_norm needs a dimension to average over");
    Index const c = x.shape()[R - 1], rows = c ? x.size() / c : 0;
    check_shape(weight.size() == c && bias.size() == c,  //
                "batch_norm: weight ", weight.shape(), " and bias ", bias.shape(), " do not fit the channels of x ", x.shape());
    check_shape(running_mean.size() == c && running_var.size() == c, "batch_norm: running mean ", running_mean.shape(), " and variance ",
                running_var.shape(), " do not fit the channels of x ", x.shape());
    check_shape(!options.training || rows > 1,  //
                "batch_norm: x ", x.shape(), " has ", rows, " value(s) per channel: training needs two or more");
    Tensor<Wide<T>, 1, D> const mean(Shape{c}), var(Shape{c});
    if (options.training) {
        Wide<T> const m = static_cast<Wide<T>>(options.momentum), unbiased = static_cast<Wide<T>>(rows) / static_cast<Wide<T>>(rows - 1);
        BatchNormKernel<D>::statistics(mean, var, x.value());
        running_mean.assign(running_mean + m * (mean - running_mean));
        running_var.assign(running_var + m * (unbiased * var - running_var));
    } else mean.assign(running_mean), var.assign(running_var);  // copies: later training steps must not change what the tape keeps
    Tensor<Wide<T>, 1, D> const rstd = rsqrt(var + static_cast<Wide<T>>(options.eps)), scale = weight.value() * rstd;
    Tensor<T, R, D> y(x.shape());
    BatchNormKernel<D>::normalize(y, x.value(), mean, scale, bias.value());
    detail::BatchNormPull<T, R, D> pull{x.value(), weight.value(), mean, rstd, options.training, x.slot(), weight.slot(), bias.slot()};
    return record(y, std::move(pull), x, weight, bias);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/batch_norm.cuh>
#endif
