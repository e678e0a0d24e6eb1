// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/rows.hpp>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace tacet {

/// Device half of entmax15: rows of n elements. x, y, gx, gy (rows, n).
template <class D> struct EntmaxKernel {
    static_assert(sizeof(D) == 0, "entmax15 has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
    static void backward(auto const&...) {}
};

template <> struct EntmaxKernel<Cpu> {
    template <class T> static void run(T* y, T const* x, Index rows, Index n) {
        parallel_ranges(rows, Rows::per_task(16 * n), [&](Index begin, Index end) {
            std::vector<T> sorted(static_cast<std::size_t>(n));
            for (Index row = begin; row < end; ++row) entmax(y + row * n, x + row * n, sorted);
        });
    }
    /// With s = sqrt(y), the slope of y at its argument: gx = s (gy - <gy, s> / <1, s>)
    template <class T> static void backward(T* gx, T const* gy, T const* y, Index rows, Index n) {
        parallel_ranges(rows, Rows::per_task(8 * n), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row) slope(gx + row * n, gy + row * n, y + row * n, n);
        });
    }

private:
    using Rows = detail::Rows<Cpu>;

    template <class T> static void entmax(T* y, T const* x, std::vector<T>& sorted) {
        auto const n = static_cast<Index>(sorted.size());
        if (std::any_of(x, x + n, [](T v) { return std::isnan(v); })) return Rows::fill(y, n, std::numeric_limits<T>::quiet_NaN());
        T const largest = *std::max_element(x, x + n);
        for (Index k = 0; k < n; ++k) y[k] = (x[k] - largest) / 2;
        std::copy_n(y, n, sorted.begin());
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        T const limit = threshold(sorted);
        for (Index k = 0; k < n; ++k) {
            T const above = std::max(y[k] - limit, T(0));
            y[k] = above * above;
        }
    }
    /// The t for which the squares of what stands above it sum to 1. For the k largest elements it solves a quadratic equation; the
    /// support is as large as its own solution admits, and everything in it above -1, as the largest element is 0.
    template <class T> static T threshold(std::vector<T> const& sorted) {
        T sum = 0, squares = 0, best = 0;
        for (std::size_t k = 0; k < sorted.size() && sorted[k] > -1; ++k) {
            T const count = static_cast<T>(k + 1);
            sum += sorted[k], squares += sorted[k] * sorted[k];
            T const mean = sum / count, spread = squares - sum * mean;  // of the k largest around their mean
            T const limit = mean - std::sqrt(std::max((1 - spread) / count, T(0)));
            if (k > 0 && limit > sorted[k]) break;
            best = limit;
        }
        return best;
    }
    template <class T> static void slope(T* gx, T const* gy, T const* y, Index n) {
        T along = 0, total = 0;
        for (Index k = 0; k < n; ++k) {
            T const s = std::sqrt(y[k]);
            along += gy[k] * s, total += s;
        }
        T const mean = along / total;
        for (Index k = 0; k < n; ++k) gx[k] = std::sqrt(y[k]) * (gy[k] - mean);
    }
};

/// The 1.5-entmax over the last dimension, max(x / 2 - t, 0)^2 with the t for which a row sums to 1: between softmax and the projection to
/// the simplex, small entries become exactly 0 (Peters, Niculae and Martins, Sparse sequence-to-sequence models, 2019). Keeps the result.
template <class T, int R, class D> Variable<T, R, D> entmax15(Variable<T, R, D> const& x /* (..., n) */) {
    static_assert(R > 0, "entmax15 needs a dimension to normalise over");
    Index const n = x.shape()[R - 1], rows = n ? x.size() / n : 0;
    Tensor<T, R, D> y(x.shape());
    EntmaxKernel<D>::run(y.data(), x.value().data(), rows, n);
    return record(y, [y, rows, n, slot = x.slot()](Tensor<T, R, D> const& gy) {
        Tensor<T, R, D> gx(y.shape());
        EntmaxKernel<D>::backward(gx.data(), gy.data(), y.data(), rows, n);
        deliver(slot, gx);
    }, x);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/entmax.cuh>
#endif
