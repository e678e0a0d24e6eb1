// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/ops/conv2d_geometry.hpp>
#include <tacet/ops/scratch.hpp>
#include <tacet/ops/vectors.hpp>
#include <algorithm>
#include <cstdint>

namespace tacet::detail {

/// What becomes of the sums of a convolution before they are stored: y = f(sum), then perhaps the largest of each 2 x 2.
/// f(v) is v where positive, else slope v; with `rectify` it is 0 there, also for an infinite v.
template <class T> struct Epilogue {
    T slope = 1;
    bool rectify = false;
    bool pool = false;               // y is then (n, out_h / 2, out_w / 2, oc), rounded down
    std::uint8_t* argmax = nullptr;  // like y: the winner's number within its window, row by row; null where nobody asks

    bool activates() const { return slope != 1 || rectify; }
    template <class V> [[gnu::always_inline]] V activate(V v) const {
        V const low = rectify ? V::zero() : v * V::broadcast(slope);
        return select(v <= V::zero(), low, v);  // the comparison is false for NaN, which so stays NaN
    }
    /// d(loss)/d(sum) from g = d(loss)/dy and y.
    template <class V> [[gnu::always_inline]] V pull(V g, V y) const {
        return g * select(y > V::zero(), V::broadcast(1), V::broadcast(slope));
    }
};

namespace kernel {

/// How many sums of `pixels` pixels are made on their own before they are added in order.
inline Index pixel_chunks(Index pixels) { return std::clamp<Index>(pixels / 2048, 1, 64); }

/// Calls body(pixel, first channel, lanes, sum) for the vectors of channels of all pixels (pixels, channels), in parallel, where sum is a
/// vector to which the body adds; totals (channels) = the sums over the pixels, in a fixed order; null where they are not wanted.
template <class V, class T = typename V::value_type, class F>
void sum_pixels(Index pixels, Index channels, T* totals, F&& body) {
    constexpr Index near = 64;  // pixels that stay in the first-level cache while all their channels are added
    Index const chunks = pixel_chunks(pixels), chunk = div_up(pixels, chunks), stride = round_up(channels, V::lanes);
    T* const partials = scratch<T, partial_slot>(chunks * stride);
    parallel_for(chunks, [&](Index k) {
        T* const sum = partials + k * stride;
        std::fill_n(sum, stride, T(0));
        Index const last = std::min(pixels, (k + 1) * chunk);
        for (Index begin = k * chunk; begin < last; begin += near)
            for_vectors<V>(channels, [&](Index c, auto lanes) {
                V acc = V::zero();
                for (Index p = begin; p < std::min(last, begin + near); ++p) body(p, c, lanes, acc);
                (V::load(sum + c) + acc).store(sum + c);
            });
    });
    for (Index c = 0; totals && c < channels; ++c) {
        totals[c] = 0;
        for (Index k = 0; k < chunks; ++k) totals[c] += partials[k * stride + c];
    }
}

/// totals (channels) = the sum of gy (pixels, channels) over the pixels.
template <class V, class T = typename V::value_type> void bias_gradient(Index pixels, Index channels, T const* gy, T* totals) {
    sum_pixels<V>(pixels, channels, totals, [&](Index p, Index c, auto lanes, V& sum) __attribute__((always_inline)) {
        sum += lanes.load(gy + p * channels + c);
    });
}

/// gz = d(loss)/d(sum) from gy and y, all (pixels, channels), and totals (channels) = its sum over the pixels.
template <class V, class T = typename V::value_type>
void undo_activation(Epilogue<T> const& e, Index pixels, Index channels, T const* gy, T const* y, T* gz, T* totals) {
    sum_pixels<V>(pixels, channels, totals, [&](Index p, Index c, auto lanes, V& sum) __attribute__((always_inline)) {
        Index const at = p * channels + c;
        V const g = e.pull(lanes.load(gy + at), lanes.load(y + at));
        lanes.store(gz + at, g);
        sum += g;
    });
}

/// The same where y, gy and argmax are pooled: gz (n, out_h, out_w, oc) is zero but at the winners.
template <class V, class T = typename V::value_type>
void undo_pool(Conv2dGeometry const& g, Epilogue<T> const& e, T const* gy, T const* y, T* gz, T* totals) {
    Index const oh = g.out_h(), ow = g.out_w(), high = oh / 2, wide = ow / 2, row = ow * g.oc;
    sum_pixels<V>(g.n * high * wide, g.oc, totals, [&](Index p, Index c, auto lanes, V& sum) __attribute__((always_inline)) {
        Index const at = p * g.oc + c;
        T winner[V::lanes] = {};
        for (int k = 0; k < lanes.count(); ++k) winner[k] = static_cast<T>(e.argmax[at + k]);
        V const gain = e.pull(lanes.load(gy + at), lanes.load(y + at)), number = V::load(winner);
        sum += gain;
        T* const to = gz + ((p / (high * wide) * oh + p / wide % high * 2) * ow + p % wide * 2) * g.oc + c;
        for (int k = 0; k < 4; ++k)
            lanes.store(to + k / 2 * row + k % 2 * g.oc, select(number == V::broadcast(static_cast<T>(k)), gain, V::zero()));
    });
    if (oh % 2 == 0 && ow % 2 == 0) return;
    for (Index i = 0; i < g.n * oh; ++i) {  // what no window covers
        if (i % oh == 2 * high) std::fill_n(gz + i * row, row, T(0));
        if (ow % 2) std::fill_n(gz + (i + 1) * row - g.oc, g.oc, T(0));
    }
}

}  // namespace kernel
}  // namespace tacet::detail
