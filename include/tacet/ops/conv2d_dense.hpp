// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/ops/conv2d_epilogue.hpp>
#include <tacet/ops/conv2d_window.hpp>

namespace tacet::detail::kernel {

/// One sliding-window sum: what the convolution is, and every phase of its input gradient.
/// Reads x (n, rows.in, cols.in, groups in_channels), writes y (n, rows.out, cols.out, groups out_channels), of type T; weights and biases
/// are of type W.
template <class T, class W = T> struct Dense {
    Index n, groups, in_channels, out_channels;  // channels of one group
    Axis rows, cols;
    Images<T> x;
    W const* w;  // of group g: w[g group_stride + out out_stride + in in_stride + u kernel_width + v]
    Index group_stride, out_stride, in_stride, kernel_width;
    W const* bias;  // (groups out_channels), or null
    T* y;
    Epilogue<W> epilogue = {};

    /// The weight of tap (u, v) of the axes; the next one in the row is cols.tap_step further.
    constexpr W const* weight(Index g, Index out, Index in, Index u, Index v) const {
        Index const row = rows.tap_begin + u * rows.tap_step, col = cols.tap_begin + v * cols.tap_step;
        return w + g * group_stride + out * out_stride + in * in_stride + row * kernel_width + col;
    }
    /// Channel c of y at position (i, j) of the axes; the next position in the row is output_step() further.
    constexpr T* output(Index image, Index i, Index j, Index c) const {
        Index const row = image * rows.out + rows.out_begin + i * rows.out_step, col = cols.out_begin + j * cols.out_step;
        return y + (row * cols.out + col) * groups * out_channels + c;
    }
    constexpr Index output_step() const { return cols.out_step * groups * out_channels; }
    /// Where the first tap of position (i, j) lies in a window that begins at position (i0, j0).
    T const* input(Window<T> const& window, Index i, Index j) const {
        return window.data + i * rows.in_step * window.row + j * cols.in_step * window.pixel;
    }
};

/// The elements of one group's weights once packed: [block][u][v][in][vectors of the block], the last vector padded with zeros.
template <class V, class T> Index packed_size(Dense<T> const& d) {
    return round_up(d.out_channels, V::lanes) * d.rows.taps * d.cols.taps * d.in_channels;
}

/// Packs channels [c0, c1) of one block; to points to its first line [u][v][in][vectors of the block].
template <class V, class T> void pack_channels(Dense<T> const& d, Index group, Block const& block, Index c0, Index c1, T* to) {
    Index const width = block.vectors * V::lanes, step = d.cols.tap_step, rows = d.rows.taps, cols = d.cols.taps,
                next_tap = d.in_channels * width;
    for (Index o = 0; o < width; ++o)
        for (Index c = c0; c < c1; ++c)
            for (Index u = 0; u < rows; ++u) {
                T* line = to + (u * cols * d.in_channels + c) * width + o;
                T const* from = o < block.size ? d.weight(group, block.begin + o, c, u, 0) : nullptr;
                for (Index v = 0; v < cols; ++v, line += next_tap) *line = from ? from[v * step] : T(0);
            }
}

/// Packs the weights of all groups, so that tiles read them in a straight line.
template <class V, class T> void pack_weights(Dense<T> const& d, T* packed) {
    constexpr Index near = 16;  // channels whose lines stay in the first-level cache while all outputs are written to them
    Index const lines = d.rows.taps * d.cols.taps * d.in_channels, blocks = block_count<V>(d.out_channels);
    parallel_for(d.groups * blocks, [&](Index task) {
        Index const g = task / blocks;
        Block const block = block_at<V>(d.out_channels, task % blocks);
        T* const to = packed + g * packed_size<V>(d) + block.begin * lines;
        for (Index c = 0; c < d.in_channels; c += near) pack_channels<V>(d, g, block, c, std::min(d.in_channels, c + near), to);
    });
}

/// Biases padded with zeros to whole vectors, per group; null without biases.
template <class V, class T> T const* pad_bias(Dense<T> const& d, T* padded) {
    if (!d.bias) return nullptr;
    Index const width = round_up(d.out_channels, V::lanes);
    for (Index g = 0; g < d.groups; ++g) {
        std::copy_n(d.bias + g * d.out_channels, d.out_channels, padded + g * width);
        std::fill(padded + g * width + d.out_channels, padded + (g + 1) * width, T(0));
    }
    return padded;
}

/// How the output is cut into tasks: tiles of `high` by `wide` positions, by the problem's extents alone.
struct Tiling {
    Index high, wide, down, across;
};
inline Tiling tile_output(Axis const& rows, Axis const& cols, Index channels, Index copies) {
    constexpr Index multiple = 24, widest = 96, elements = 48 * 1024, enough_tasks = 16;  // 24: whole tiles of 6 and of 8 rows
    Index const across = div_up(cols.count, widest), wide = std::min(cols.count, round_up(div_up(cols.count, across), multiple));
    auto const fits = [&](Index high) { return rows.span(high) * cols.span(wide) * channels <= elements; };
    Index high = 1;
    while (high < rows.count && high < 64 && fits(high + 1)) ++high;
    while (high > 1 && copies * across * div_up(rows.count, high) < enough_tasks) high = div_up(high, 2);
    return {high, wide, div_up(rows.count, high), across};
}

/// A task: output rows [i0, i1), columns [j0, j1) of image `image`, group `group`.
struct Patch {
    Index image, group, i0, i1, j0, j1;
};
inline Patch patch_at(Index task, Tiling const& t, Index groups, Axis const& rows, Axis const& cols) {
    Index const j = task % t.across, i = task / t.across % t.down, g = task / t.across / t.down % groups;
    return {task / t.across / t.down / groups,      g,          i * t.high,
            std::min(rows.count, (i + 1) * t.high), j * t.wide, std::min(cols.count, (j + 1) * t.wide)};
}

/// Activates what a task has stored, while it is in the cache.
template <class V, class T> void activate_patch(Dense<T> const& d, Patch const& p, Index first, Index channels) {
    if (!d.epilogue.activates()) return;
    for (Index i = p.i0; i < p.i1; ++i)
        for (Index j = p.j0; j < p.j1; ++j) {
            T* const y = d.output(p.image, i, j, first);
            for_vectors<V>(channels, [&](Index c, auto lanes) { lanes.store(y + c, d.epilogue.activate(lanes.load(y + c))); });
        }
}

template <class V, class T>
void run_block(Dense<T> const& d, Patch const& p, Window<T> const& x, Block const& block, T const* w, T const* bias) {
    Index const width = block.vectors * V::lanes, tile = tile_rows<V>(block.vectors);
    bool const row_is_line = d.cols.spacing == 1 && x.pixel == d.in_channels;  // the taps of a row are neighbours in memory
    Index const mid = row_is_line ? 1 : d.cols.taps, inner = row_is_line ? d.cols.taps * d.in_channels : d.in_channels;
    Walk const walk{
        d.rows.taps,         mid,           inner, d.cols.in_step * x.pixel, d.rows.spacing * x.row, d.cols.spacing * x.pixel, 1,
        mid * inner * width, inner * width, width};
    for (Index i = p.i0; i < p.i1; ++i)
        for (Index j = p.j0; j < p.j1; j += tile) {
            T* const y = d.output(p.image, i, j, p.group * d.out_channels + block.begin);
            TileOutput<T> const out{y, d.output_step(), std::min(tile, p.j1 - j), block.last, bias};
            run_tile<V>(block.vectors, walk, d.input(x, i - p.i0, j - p.j0), w, out);
        }
}

/// The positions that the tiles of a row of n outputs touch: the last tile may compute some that nobody stores.
template <class V> Index computed_positions(Index out_channels, Index n) {
    Index const last = block_count<V>(out_channels) - 1;
    return std::max(round_up(n, tile_rows<V>(block_at<V>(out_channels, 0).vectors)),
                    round_up(n, tile_rows<V>(block_at<V>(out_channels, last).vectors)));
}

template <class V, class T> void run_patch(Dense<T> const& d, Patch const& p, T const* packed, T const* bias) {
    Index const lines = d.rows.taps * d.cols.taps * d.in_channels;
    Picture<T> const picture = d.x.picture(p.image, p.group * d.in_channels, d.in_channels);
    Index const computed = computed_positions<V>(d.out_channels, p.j1 - p.j0);
    Window<T> const x =
        lines ? window_of<V>(picture, d.rows.read_begin(p.i0), d.rows.span(p.i1 - p.i0), d.cols.read_begin(p.j0), d.cols.span(computed))
              : Window<T>{d.x.first.data, 0, 0};
    for (Index i = 0; i < block_count<V>(d.out_channels); ++i) {
        Block const block = block_at<V>(d.out_channels, i);
        T const* const b = bias ? bias + p.group * round_up(d.out_channels, V::lanes) + block.begin : nullptr;
        run_block<V>(d, p, x, block, packed + p.group * packed_size<V>(d) + block.begin * lines, b);
    }
    activate_patch<V>(d, p, p.group * d.out_channels, d.out_channels);
}

/// Runs the sum on all threads. Every output is the sum over (u, v, in) in this order, padding included as zeros, plus the bias:
/// its bits depend neither on the number of threads nor on where in the image it lies.
template <class V, class T> void run_dense(Dense<T> const& d) {
    T* const packed = scratch<T, weight_slot>(d.groups * (packed_size<V>(d) + round_up(d.out_channels, V::lanes)));
    pack_weights<V>(d, packed);
    T const* const bias = pad_bias<V>(d, packed + d.groups * packed_size<V>(d));
    Tiling const t = tile_output(d.rows, d.cols, d.in_channels, d.n * d.groups);
    parallel_for(d.n * d.groups * t.down * t.across,
                 [&](Index task) { run_patch<V>(d, patch_at(task, t, d.groups, d.rows, d.cols), packed, bias); });
}

}  // namespace tacet::detail::kernel
