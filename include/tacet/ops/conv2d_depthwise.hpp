// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_dense.hpp>
#include <tacet/ops/conv2d_weight.hpp>

// Depthwise convolutions: one filter per channel, so that channels are the lanes and nothing is broadcast.
namespace tacet::detail::kernel {

inline constexpr int depthwise_vectors = 4;  // of channels per task: a slice

/// The channels of slice i.
template <class V> constexpr Block slice_at(Index channels, Index i) {
    Index const begin = i * depthwise_vectors * V::lanes, size = std::min<Index>(channels - begin, depthwise_vectors * V::lanes);
    Index const vectors = div_up(size, V::lanes);
    return {begin, size, static_cast<int>(vectors), static_cast<int>(size - (vectors - 1) * V::lanes)};
}
template <class V> constexpr Index slice_count(Index channels) { return div_up(channels, depthwise_vectors * V::lanes); }

/// P neighbouring outputs of one vector of channels; w holds [u][v][stride].
template <class V, int P, class T>
void depthwise_tile(Dense<T> const& d, Window<T> const& x, T const* from, T const* w, Index stride, TileOutput<T> const& out) {
    V acc[P][1];
    unrolled<P>([&](auto p) __attribute__((always_inline)) { acc[p][0] = V::zero(); });
    for (Index u = 0; u < d.rows.taps; ++u)
        for (Index v = 0; v < d.cols.taps; ++v) {
            T const* const tap = from + u * d.rows.spacing * x.row + v * d.cols.spacing * x.pixel;
            V const weight = V::load(w + (u * d.cols.taps + v) * stride);
            unrolled<P>([&](auto p) __attribute__((always_inline)) {
                acc[p][0] = fma(V::load(tap + p * d.cols.in_step * x.pixel), weight, acc[p][0]);
            });
        }
    unrolled<P>([&](auto p) __attribute__((always_inline)) {
        if (p < out.rows) store_tile_row<V, 1>(acc[p], out.y + p * out.step, out.last, out.bias, out.add);
    });
}

template <class V, class T> void depthwise_patch(Dense<T> const& d, Patch const& p, T const* packed, Index stride, bool biased) {
    constexpr int tile = 8;
    Block const slice = slice_at<V>(d.groups, p.group);
    Picture<T> const picture = d.x.picture(p.image, slice.begin, slice.size);
    Index const rows = d.rows.span(p.i1 - p.i0), cols = d.cols.span(round_up(p.j1 - p.j0, tile));
    Window<T> const x = rows && cols ? vector_window<V>(picture, d.rows.read_begin(p.i0), rows, d.cols.read_begin(p.j0), cols)
                                     : Window<T>{d.x.first.data, 0, 0};
    T const* const bias = packed + d.rows.taps * d.cols.taps * stride;
    for (Index v = 0; v < slice.size; v += V::lanes)
        for (Index i = p.i0; i < p.i1; ++i)
            for (Index j = p.j0; j < p.j1; j += tile) {
                int const last = static_cast<int>(std::min<Index>(V::lanes, slice.size - v));
                TileOutput<T> const out{d.output(p.image, i, j, slice.begin + v), d.output_step(), std::min<Index>(tile, p.j1 - j), last,
                                        biased ? bias + slice.begin + v : nullptr};
                depthwise_tile<V, tile>(d, x, d.input(x, i - p.i0, j - p.j0) + v, packed + slice.begin + v, stride, out);
            }
    activate_patch<V>(d, p, slice.begin, slice.size);
}

/// run_dense for groups of one channel.
template <class V, class T> void run_depthwise(Dense<T> const& d) {
    Index const stride = round_up(d.groups, V::lanes), taps = d.rows.taps * d.cols.taps;
    T* const packed = scratch<T, weight_slot>((taps + 1) * stride);
    std::fill_n(packed, (taps + 1) * stride, T(0));
    for (Index c = 0; c < d.groups; ++c) {
        for (Index u = 0; u < d.rows.taps; ++u)
            for (Index v = 0; v < d.cols.taps; ++v) packed[(u * d.cols.taps + v) * stride + c] = *d.weight(c, 0, 0, u, v);
        if (d.bias) packed[taps * stride + c] = d.bias[c];
    }
    Index const slices = slice_count<V>(d.groups);
    Tiling const t = tile_output(d.rows, d.cols, std::min<Index>(d.groups, depthwise_vectors * V::lanes), d.n * slices);
    parallel_for(d.n * slices * t.down * t.across,
                 [&](Index task) { depthwise_patch<V>(d, patch_at(task, t, slices, d.rows, d.cols), packed, stride, d.bias != nullptr); });
}

/// sum[t] += products of N neighbouring taps (x moves by `spacing` from tap to tap) over `high` rows of `wide` positions, one vector of
/// channels.
template <class V, int N, class T>
void add_depthwise(Index high, Index wide, T const* x, Index x_row, Index x_pixel, Index spacing, T const* gy, Index gy_row, Index gy_pixel,
                   T* sum, Index stride) {
    V acc[N];
    unrolled<N>([&](auto t) __attribute__((always_inline)) { acc[t] = V::load(sum + t * stride); });
    for (Index i = 0; i < high; ++i)
        for (Index j = 0; j < wide; ++j) {
            V const g = V::load(gy + i * gy_row + j * gy_pixel);
            T const* const from = x + i * x_row + j * x_pixel;
            unrolled<N>([&](auto t) __attribute__((always_inline)) { acc[t] = fma(V::load(from + t * spacing), g, acc[t]); });
        }
    unrolled<N>([&](auto t) __attribute__((always_inline)) { acc[t].store(sum + t * stride); });
}

/// The partial sum [u][v][width] of one slice of channels over rows [begin, end) of all images' rows.
template <class V, class T>
void depthwise_chunk(Conv2dGeometry const& g, Block const& slice, Index begin, Index end, Images<T> const& x, T const* gy,
                     T* partial) {
    Index const oh = g.out_h(), ow = g.out_w(), width = slice.vectors * V::lanes;
    Axis const rows = forward_axis(g.h, oh, g.kh, g), cols = forward_axis(g.w, ow, g.kw, g);
    Images<T> const gradient = Images<T>::plain(gy, oh, ow, g.c);
    std::fill_n(partial, g.kh * g.kw * width, T(0));
    for (Index r = begin; r < end; ++r) {
        Index const image = r / oh, i = r % oh;
        Picture<T> const px = x.picture(image, slice.begin, slice.size), pgy = gradient.picture(image, slice.begin, slice.size);
        Window<T> const wx = vector_window<V>(px, rows.read_begin(i), rows.span(1), cols.read_begin(0), cols.span(ow));
        Window<T> const wgy = gradient_window<V>(pgy, i, 1, 0, ow);
        for (Index u = 0; u < g.kh; ++u)
            for (Index c = 0; c < width; c += V::lanes)
                for (Index v = 0, n; v < g.kw; v += n) {
                    T const* const from = wx.data + u * g.dilation * wx.row + v * g.dilation * wx.pixel + c;
                    T* const sum = partial + (u * g.kw + v) * width + c;
                    n = v + 3 <= g.kw ? 3 : 1;
                    auto const add = n == 3 ? add_depthwise<V, 3, T> : add_depthwise<V, 1, T>;
                    add(1, ow, from, 0, g.stride * wx.pixel, g.dilation * wx.pixel, wgy.data + c, 0, wgy.pixel, sum, width);
                }
    }
}

/// dense_weight_gradient for groups of one channel.
template <class V, class T = typename V::value_type>
void depthwise_weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, T* gw) {
    WeightSplit const split = split_weight_sum(g);
    Index const slices = slice_count<V>(g.c), taps = g.kh * g.kw, stride = taps * depthwise_vectors * V::lanes;
    T* const partials = scratch<T, partial_slot>(split.chunks * slices * stride);  // [chunk][slice]
    parallel_for(split.chunks * slices, [&](Index task) {
        Index const chunk = task / slices;
        depthwise_chunk<V>(g, slice_at<V>(g.c, task % slices), chunk * split.rows, std::min(g.n * g.out_h(), (chunk + 1) * split.rows), x,
                           gy, partials + task * stride);
    });
    parallel_for(slices, [&](Index i) {
        Block const slice = slice_at<V>(g.c, i);
        for (Index c = 0; c < slice.size; ++c)
            for (Index tap = 0; tap < taps; ++tap) {
                T sum = 0;
                for (Index k = 0; k < split.chunks; ++k) sum += partials[(k * slices + i) * stride + tap * slice.vectors * V::lanes + c];
                gw[(slice.begin + c) * taps + tap] = sum;
            }
    });
}

}  // namespace tacet::detail::kernel
