// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/simd.hpp>
#include <tacet/core/thread_pool.hpp>
#include <algorithm>
#include <vector>

namespace tacet::detail {

/// Loops over runs of n neighbouring numbers, of which (N, H, W, C) images consist: the channels of a pixel, the pixels of a row.
/// `D` makes the instruction set part of their names. Runs must not overlap.
template <class D> struct Rows {
    /// How many items (rows, pixels, ...) of `elements` operations each one task takes: enough work to be worth a task.
    static Index per_task(Index elements) { return std::max<Index>(1, 32768 / std::max<Index>(elements, 1)); }

    template <class T> static void fill(T* y, Index n, T value) {
        for (Index k = 0; k < n; ++k) y[k] = value;
    }
    template <class T> static void copy(T* __restrict y, T const* __restrict x, Index n) {
        for (Index k = 0; k < n; ++k) y[k] = x[k];
    }
    /// Whether results of so many bytes are better written past the caches, which they would not fit into anyway.
    static bool streams(Index bytes) { return bytes > (Index(1) << 24); }
    /// y += x
    template <class S, class T> static void add(S* __restrict y, T const* __restrict x, Index n) {
        for (Index k = 0; k < n; ++k) y[k] += x[k];
    }
    /// y /= a
    template <class T> static void divide(T* y, Index n, T a) {
        for (Index k = 0; k < n; ++k) y[k] /= a;
    }
    /// y += a x
    template <class T> static void add_scaled(T* __restrict y, T a, T const* __restrict x, Index n) {
        for (Index k = 0; k < n; ++k) y[k] += a * x[k];
    }

    /// The sum of term(load, k) over vectors of elements from k on, in a fixed order; load(p) gives zeros behind the end.
    template <class T> static T total(Index n, auto&& term) {
        constexpr int lanes = Simd<T>::lanes;
        auto sum = Simd<T>::zero();
        Index k = 0;
        for (; k + lanes <= n; k += lanes) sum += term([](T const* p) { return Simd<T>::load(p); }, k);
        if (k < n) sum += term([&](T const* p) { return Simd<T>::load_partial(p, static_cast<int>(n - k)); }, k);
        return reduce_add(sum);
    }
    template <class T> static T sum(T const* x, Index n) {
        return total<T>(n, [&](auto load, Index k) { return load(x + k); });
    }
    template <class T> static T dot(T const* x, T const* y, Index n) {
        return total<T>(n, [&](auto load, Index k) { return load(x + k) * load(y + k); });
    }
    /// The sum of (x - m)^2.
    template <class T> static T sum_of_squares(T const* x, T m, Index n) {
        auto const mean = Simd<T>::broadcast(m);
        Index const whole = n - n % Simd<T>::lanes;
        T sum = total<T>(whole, [&](auto load, Index k) { return (load(x + k) - mean) * (load(x + k) - mean); });
        for (Index k = whole; k < n; ++k) sum += (x[k] - m) * (x[k] - m);
        return sum;
    }
    /// The largest of n > 0 elements, none of which is NaN.
    template <class T> static T largest(T const* x, Index n) {
        T best = x[0];
        Index k = 0;
        if (n >= Simd<T>::lanes) {
            auto lane = Simd<T>::load(x);
            for (; k + Simd<T>::lanes <= n; k += Simd<T>::lanes) lane = max(Simd<T>::load(x + k), lane);
            for (int l = 0; l < Simd<T>::lanes; ++l) best = std::max(best, lane[l]);
        }
        for (; k < n; ++k) best = std::max(best, x[k]);
        return best;
    }
};

/// In how many parts to sum rows of channels: enough to share the work, few enough that the partial sums stay small beside the data.
inline Index sum_parts(Index rows, Index channels) {
    Index const by_work = rows * channels / 32768, by_memory = rows / 16;
    return std::clamp<Index>(std::min(by_work, by_memory), 1, 64);
}

/// K sums per channel over the rows of each of `groups` groups, (groups, K, C): `body(first row, last row, sums (K, C))` adds its rows to
/// `sums`. Every part has sums of its own, which are added in order: the result does not depend on the number of threads.
template <int K> std::vector<double> channel_sums(Index groups, Index rows, Index channels, auto&& body) {
    Index const parts = sum_parts(rows, channels), size = K * channels;
    std::vector<double> partial(static_cast<std::size_t>(groups * parts * size)), total(static_cast<std::size_t>(groups * size));
    parallel_for(groups * parts, [&](Index task) {
        Index const group = task / parts, part = task % parts;
        body(group * rows + rows * part / parts, group * rows + rows * (part + 1) / parts, partial.data() + task * size);
    });
    for (Index task = 0; task < groups * parts; ++task) {
        double *const to = total.data() + task / parts * size, *const from = partial.data() + task * size;
        for (Index k = 0; k < size; ++k) to[k] += from[k];
    }
    return total;
}

}  // namespace tacet::detail
