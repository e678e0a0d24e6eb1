// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/place.cuh>
#include <tacet/ops/conv2d.hpp>

// What follows the sums of a convolution, and its gradients.
namespace tacet::gpu {

template <class W> __device__ W activated(detail::Epilogue<W> const& e, W sum) {
    if (sum <= 0) return e.rectify ? W(0) : sum * e.slope;
    return sum;
}
/// Bias and activation of sums that are in memory, (pixels, channels).
template <class T> struct FinishSums {
    T* y;
    Wide<T> const* bias;  // or null
    Index channels;
    detail::Epilogue<Wide<T>> epilogue;
    __device__ void operator()(Index k) const {
        Wide<T> const sum = y[k];
        y[k] = static_cast<T>(activated(epilogue, bias ? sum + bias[k % channels] : sum));
    }
};

/// The gradient of a sum, from the result y of its activation and the gradient gy of that.
template <class T> struct BeforeActivation {
    T const *gy, *y;
    Wide<T> slope;
    __device__ T operator()(Index k) const { return y[k] > 0 ? gy[k] : static_cast<T>(gy[k] * slope); }
};
template <class T> struct UndoActivation {
    T* gz;
    BeforeActivation<T> gradient;
    __device__ void operator()(Index k) const { gz[k] = gradient(k); }
};
/// The same for all pixels (n, h, w, c) of windows of 2 x 2, of which the winners have gradients.
template <class T> struct UndoPool {
    T* gz;
    BeforeActivation<T> gradient;
    std::uint8_t const* argmax;  // (n, h / 2, w / 2, c), like y and gy
    Shape<4> shape;
    __device__ void operator()(Index k) const {
        Place const at(k, shape);
        Index const i = at.i / 2, j = at.j / 2, high = shape[1] / 2, wide = shape[2] / 2;
        Index const from = ((at.image * high + i) * wide + j) * shape[3] + at.channel;
        bool const wins = i < high && j < wide && argmax[from] == at.i % 2 * 2 + at.j % 2;
        gz[k] = wins ? gradient(from) : T(0);
    }
};
/// Such gradients as terms of the bias gradient.
template <class T> struct BiasTerms {
    BeforeActivation<T> gradient;
    Index columns;
    __device__ void operator()(Index row, Index k, Wide<T> (&term)[1]) const { term[0] = gradient(row * columns + k); }
};

}  // namespace tacet::gpu
