// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/rows.hpp>

namespace tacet {

/// Device half of softmax: rows of n elements. x, y, gx, gy (rows, n).
template <class D> struct SoftmaxKernel {
    static_assert(sizeof(D) == 0, "softmax has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
    static void backward(auto const&...) {}
};

template <> struct SoftmaxKernel<Cpu> {
    template <class T> static void run(T* y, T const* x, Index rows, Index n) {
        parallel_ranges(rows, Rows::per_task(8 * n), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row) softmax(y + row * n, x + row * n, n);
        });
    }
    /// gx = y (gy - <gy, y>)
    template <class T> static void backward(T* gx, T const* gy, T const* y, Index rows, Index n) {
        parallel_ranges(rows, Rows::per_task(2 * n), [&](Index begin, Index end) {
            for (Index k = begin * n; k < end * n; k += n) slope(gx + k, gy + k, y + k, Rows::dot(gy + k, y + k, n), n);
        });
    }

private:
    using Rows = detail::Rows<Cpu>;

    template <class T> static void softmax(T* __restrict y, T const* __restrict x, Index n) {
        T const largest = Rows::largest(x, n);
        for (Index k = 0; k < n; ++k) y[k] = math::exp(x[k] - largest);
        T const sum = Rows::sum(y, n);
        for (Index k = 0; k < n; ++k) y[k] /= sum;
    }
    template <class T> static void slope(T* __restrict gx, T const* __restrict gy, T const* __restrict y, T mean, Index n) {
        for (Index k = 0; k < n; ++k) gx[k] = y[k] * (gy[k] - mean);
    }
};

/// exp(x) / sum(exp(x)) over the last dimension, computed relative to the largest element: no overflow. A row that is -infinity
/// throughout gives NaN, as in PyTorch. Keeps the result.
template <class T, int R, class D> Variable<T, R, D> softmax(Variable<T, R, D> const& x /* (..., n) */) {
    static_assert(R > 0, "softmax needs a dimension to normalise over");
    Index const n = x.shape()[R - 1], rows = n ? x.size() / n : 0;
    Tensor<T, R, D> y(x.shape());
    SoftmaxKernel<D>::run(y.data(), x.value().data(), rows, n);
    return record(y, [y, rows, n, slot = x.slot()](Tensor<T, R, D> const& gy) {
        Tensor<T, R, D> gx(y.shape());
        SoftmaxKernel<D>::backward(gx.data(), gy.data(), y.data(), rows, n);
        deliver(slot, gx);
    }, x);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/softmax.cuh>
#endif
