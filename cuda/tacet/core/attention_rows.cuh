// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <cmath>

// The arithmetic of attention by a thread for each query: rows of `depth` numbers in registers.
namespace tacet::gpu {

template <int depth, class T> __device__ T dot(T const (&a)[depth], T const (&b)[depth]) {
    T sum = 0;
    for (int c = 0; c < depth; ++c) sum += a[c] * b[c];
    return sum;
}
/// y += a x
template <int depth, class T> __device__ void add_scaled(T (&y)[depth], T a, T const (&x)[depth]) {
    for (int c = 0; c < depth; ++c) y[c] += a * x[c];
}
/// A row of `count` numbers into one of `depth`, filled up with zeros, times a factor.
template <int depth, class T> __device__ void load_row(T (&to)[depth], T const* from, Index count, T factor = 1) {
    for (int c = 0; c < depth; ++c) to[c] = from && c < count ? from[c] * factor : T(0);
}
template <int depth, class T> __device__ void store_row(T* to, T const (&from)[depth], Index count, T factor = 1) {
    for (int c = 0; c < depth; ++c)
        if (c < count) to[c] = static_cast<T>(from[c] * factor);
}

/// One query's softmax while keys go by: the largest score so far, and the sums relative to it.
template <class T, int depth> struct RunningSoftmax {
    T largest, total = 0, values[depth] = {};
    bool any = false;

    __device__ void add(T score, T const (&value)[depth]) {
        if (!any || score > largest) {
            T const shrink = any ? std::exp(largest - score) : T(0);
            total *= shrink;
            for (int c = 0; c < depth; ++c) values[c] *= shrink;
            largest = score, any = true;
        }
        T const weight = std::exp(score - largest);
        total += weight;
        add_scaled(values, weight, value);
    }
};

}  // namespace tacet::gpu
