// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_dense.hpp>

// Sums with few output channels (the picture at a network's end): the lanes are input channels, added up at the end.
namespace tacet::detail::kernel {

/// Whether the lanes are better filled with input than with output channels: a matter of the weights' shape alone.
template <class V, class T> bool is_narrow(Dense<T> const& d) { return d.out_channels <= 4 && d.in_channels >= V::lanes / 2; }

inline constexpr int narrow_outputs = 3;  // of one tile

/// P neighbouring positions times O output channels; w holds [u][v][out_channels][vectors of input channels].
template <class V, int P, int O, class T>
void narrow_tile(Dense<T> const& d, Window<T> const& x, T const* from, T const* w, T const* bias, Index positions, T* y, Index step) {
    V acc[P][O];
    unrolled<P * O>([&](auto i) __attribute__((always_inline)) { acc[i / O][i % O] = V::zero(); });
    Index const width = round_up(d.in_channels, V::lanes);
    for (Index u = 0; u < d.rows.taps; ++u)
        for (Index v = 0; v < d.cols.taps; ++v) {
            T const* const tap = from + u * d.rows.spacing * x.row + v * d.cols.spacing * x.pixel;
            T const* const weights = w + (u * d.cols.taps + v) * d.out_channels * width;
            for (Index c = 0; c < width; c += V::lanes)
                unrolled<P * O>([&](auto i) __attribute__((always_inline)) {
                    V const xs = V::load(tap + i / O * d.cols.in_step * x.pixel + c);
                    acc[i / O][i % O] = fma(xs, V::load(weights + i % O * width + c), acc[i / O][i % O]);
                });
        }
    unrolled<P * O>([&](auto i) __attribute__((always_inline)) {
        if (i / O < positions) y[i / O * step + i % O] = reduce_add(acc[i / O][i % O]) + (bias ? bias[i % O] : T(0));
    });
}

template <class V, class T> void narrow_patch(Dense<T> const& d, Patch const& p, T const* packed) {
    constexpr int tile = V::bytes == 64 ? 8 : 4;
    Index const width = round_up(d.in_channels, V::lanes);
    Picture<T> const picture = d.x.picture(p.image, p.group * d.in_channels, d.in_channels);
    Index const rows = d.rows.span(p.i1 - p.i0), cols = d.cols.span(round_up(p.j1 - p.j0, tile));
    Window<T> const x = rows && cols ? vector_window<V>(picture, d.rows.read_begin(p.i0), rows, d.cols.read_begin(p.j0), cols)
                                     : Window<T>{d.x.first.data, 0, 0};
    for (Index i = p.i0; i < p.i1; ++i)
        for (Index j = p.j0; j < p.j1; j += tile)
            for (Index o = 0, n; o < d.out_channels; o += n) {
                T const* const w = packed + p.group * d.rows.taps * d.cols.taps * d.out_channels * width + o * width;
                Index const channel = p.group * d.out_channels + o;
                n = d.out_channels - o >= narrow_outputs ? narrow_outputs : 1;
                auto const run = n == 1 ? narrow_tile<V, tile, 1, T> : narrow_tile<V, tile, narrow_outputs, T>;
                T const* const bias = d.bias ? d.bias + channel : nullptr;
                run(d, x, d.input(x, i - p.i0, j - p.j0), w, bias, p.j1 - j, d.output(p.image, i, j, channel), d.output_step());
            }
    activate_patch<V>(d, p, p.group * d.out_channels, d.out_channels);
}

/// run_dense where is_narrow: every output sums over (u, v, vectors of input channels), then over the lanes.
template <class V, class T> void run_narrow(Dense<T> const& d) {
    Index const width = round_up(d.in_channels, V::lanes), taps = d.rows.taps * d.cols.taps;
    T* const packed = scratch<T, weight_slot>(d.groups * taps * d.out_channels * width);
    T* to = packed;
    for (Index g = 0; g < d.groups; ++g)
        for (Index u = 0; u < d.rows.taps; ++u)
            for (Index v = 0; v < d.cols.taps; ++v)
                for (Index o = 0; o < d.out_channels; ++o)
                    for (Index c = 0; c < width; ++c) *to++ = c < d.in_channels ? *d.weight(g, o, c, u, v) : T(0);
    Tiling const t = tile_output(d.rows, d.cols, width, d.n * d.groups);
    parallel_for(d.n * d.groups * t.down * t.across,
                 [&](Index task) { narrow_patch<V>(d, patch_at(task, t, d.groups, d.rows, d.cols), packed); });
}

}  // namespace tacet::detail::kernel
