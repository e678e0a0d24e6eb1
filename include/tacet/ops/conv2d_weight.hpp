// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/ops/conv2d_window.hpp>

namespace tacet::detail::kernel {

/// How many partial sums of `weights` numbers to make of `units` (pixels, tiles): of `usual` units each, but enough for some threads beside
/// the `columns` other parts of the work (of `least` units at least), and of about 16 MB in floats together.
inline Index partial_sums(Index units, Index least, Index usual, Index columns, Index weights) {
    Index const few = std::min(div_up(16, columns), div_up(units, least)), memory = (Index(1) << 22) / weights + 1;
    return std::clamp<Index>(std::min(units / usual, memory), few, std::max<Index>(few, 64));
}

/// How the gradient of the weights is cut into tasks, by the problem's extents alone: `chunks` of `rows` rows of gy (all images' rows in
/// one sequence), times groups, times slices of `channels` input channels. Each task fills a partial sum; chunks are added in order.
struct WeightSplit {
    Index chunks, rows, slices, channels;
};
inline WeightSplit split_weight_sum(Conv2dGeometry const& g) {
    Index const cg = g.c / g.groups, rows = g.n * g.out_h(), pixels = rows * g.out_w();
    Index const channels = round_up(div_up(cg, div_up(cg, 64)), 8), slices = div_up(cg, channels);
    Index const chunks = partial_sums(pixels, 256, 4096, g.groups * slices, g.oc * cg * g.kh * g.kw);
    Index const per_chunk = div_up(rows, std::min(rows, chunks));
    return {div_up(rows, per_chunk), per_chunk, slices, channels};
}

/// The weights that one task sums, as tiles see them: for each row u of the kernel `runs` runs of `length` neighbours in memory
/// (all taps of a row times the channels where possible), each padded to `padded`.
struct WeightLines {
    Index runs, length, padded, channels;
    Index per_block(Index kh) const { return kh * runs * padded; }
};
constexpr Index line_multiple = 24;  // whole tiles of 6 and of 8 rows
inline WeightLines weight_lines(Conv2dGeometry const& g, Index channels) {
    Index const runs = g.dilation == 1 ? 1 : g.kw, length = g.dilation == 1 ? g.kw * channels : channels;
    return {runs, length, round_up(length, line_multiple), channels};
}

/// Adds the products of `high` rows of `wide` positions to a partial sum [block][u][run][padded][vectors of the block].
template <class V, class T>
void add_products(Conv2dGeometry const& g, WeightLines const& lines, Window<T> const& x, Window<T> const& gy, Index high, Index wide,
                  T* partial) {
    Index const og = g.oc / g.groups;
    bool const one_line = x.row == wide * x.pixel && gy.row == wide * gy.pixel;  // as for kernels of one tap: rows continue each other
    Walk const walk{one_line ? 1 : high, 1, one_line ? high * wide : wide, 1, g.stride * x.row, 0, g.stride * x.pixel, gy.row, 0, gy.pixel};
    for (Index i = 0; i < block_count<V>(og); ++i) {
        Block const block = block_at<V>(og, i);
        Index const width = block.vectors * V::lanes, tile = tile_rows<V>(block.vectors);
        T* to = partial + block.begin * lines.per_block(g.kh);
        for (Index u = 0; u < g.kh; ++u)
            for (Index run = 0; run < lines.runs; ++run, to += lines.padded * width)
                for (Index q = 0; q < lines.length; q += tile) {
                    T const* const a = x.data + u * g.dilation * x.row + run * g.dilation * x.pixel + q;
                    run_tile<V>(block.vectors, walk, a, gy.data + block.begin,
                                TileOutput<T>{to + q * width, width, tile, V::lanes, nullptr, true});
                }
    }
}

/// Rows [i0, i0 + high) and columns [j0, j0 + wide) of gy's group, each pixel in whole vectors.
template <class V, class T> Window<T> gradient_window(Picture<T> const& gy, Index i0, Index high, Index j0, Index wide) {
    if (gy.channels() % V::lanes == 0) return whole_window(gy, i0, j0);
    Index const width = round_up(gy.channels(), V::lanes);
    return copy_window<V>(gy, i0, high, j0, wide, width, 0, scratch<T, gradient_slot>(high * wide * width));
}

/// x seen by those positions; tiles may read up to line_multiple elements past its end.
template <class V, class T>
Window<T> input_window(Picture<T> const& x, Conv2dGeometry const& g, WeightLines const& lines, Index i0, Index high, Index j0, Index wide) {
    Axis const rows = forward_axis(g.h, g.out_h(), g.kh, g), cols = forward_axis(g.w, g.out_w(), g.kw, g);
    Index const r0 = rows.read_begin(i0), r = rows.span(high), c0 = cols.read_begin(j0), c = cols.span(wide);
    bool const rows_are_lines = x.plane.pixel == x.channels();
    if (lines.length == lines.padded && (lines.runs > 1 || rows_are_lines || g.kw == 1) && in_place(x, r0, r, c0, c))
        return whole_window(x, r0, c0);
    return copy_window<V>(x, r0, r, c0, c, x.channels(), line_multiple, scratch<T, window_slot>(r * c * x.channels() + line_multiple));
}

/// Fills the partial sum of one task: rows [begin, end) of all images' rows, channels [c0, c0 + lines.channels) of group `group`.
template <class V, class T>
void sum_chunk(Conv2dGeometry const& g, WeightLines const& lines, Index begin, Index end, Index group, Index c0, Images<T> const& x,
               T const* gy, T* partial) {
    constexpr Index positions = 128;  // so many pixels of gy stay in the first-level cache while all weights pass by
    Index const oh = g.out_h(), ow = g.out_w(), cg = g.c / g.groups, og = g.oc / g.groups;
    Images<T> const gradient = Images<T>::plain(gy, oh, ow, g.oc);
    std::fill_n(partial, round_up(og, V::lanes) * lines.per_block(g.kh), T(0));
    Index const across = div_up(ow, positions), wide = div_up(ow, across);
    for (Index r = begin, high; r < end; r += high) {
        Index const image = r / oh, i = r % oh;
        high = std::min({end - r, oh - i, std::max<Index>(1, positions / ow)});
        Picture<T> const px = x.picture(image, group * cg + c0, lines.channels), pgy = gradient.picture(image, group * og, og);
        for (Index j = 0; j < ow; j += wide) {
            Index const w = std::min(wide, ow - j);
            Window<T> const wx = input_window<V>(px, g, lines, i, high, j, w), wgy = gradient_window<V>(pgy, i, high, j, w);
            add_products<V>(g, lines, wx, wgy, high, w, partial);
        }
    }
}

/// Adds the chunks of one row u of one block in order and writes them in PyTorch's layout.
template <class V, class T>
void merge_chunks(Conv2dGeometry const& g, WeightLines const& lines, Block const& block, Index u, Index chunks, Index stride,
                  T const* partial, T* gw) {
    Index const width = block.vectors * V::lanes, cg = g.c / g.groups;
    T const* from = partial + block.begin * lines.per_block(g.kh) + u * lines.runs * lines.padded * width;
    for (Index run = 0; run < lines.runs; ++run, from += lines.padded * width)
        for (Index q = 0; q < lines.length; ++q)
            for (Index o = 0; o < block.size; o += V::lanes) {
                V sum = V::load(from + q * width + o);
                for (Index k = 1; k < chunks; ++k) sum += V::load(from + k * stride + q * width + o);
                Index const c = q % lines.channels, v = run + q / lines.channels;
                for (int lane = 0; lane < V::lanes && o + lane < block.size; ++lane)
                    gw[(((block.begin + o + lane) * cg + c) * g.kh + u) * g.kw + v] = sum[lane];
            }
}

/// gw (oc, c / groups, kh, kw) = d(loss)/dw from x (n, h, w, c) and gy (n, out_h, out_w, oc).
template <class V, class T = typename V::value_type> 
void dense_weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, T* gw) {
    WeightSplit const split = split_weight_sum(g);
    Index const og = g.oc / g.groups, cg = g.c / g.groups, blocks = block_count<V>(og);
    Index const columns = g.groups * split.slices, stride = round_up(og, V::lanes) * weight_lines(g, split.channels).per_block(g.kh);
    T* const partials = scratch<T, partial_slot>(split.chunks * columns * stride);  // [chunk][group][slice]
    auto const slice_lines = [&](Index slice) { return weight_lines(g, std::min(split.channels, cg - slice * split.channels)); };
    parallel_for(split.chunks * columns, [&](Index task) {
        Index const chunk = task / columns, group = task / split.slices % g.groups, slice = task % split.slices;
        sum_chunk<V>(g, slice_lines(slice), chunk * split.rows, std::min(g.n * g.out_h(), (chunk + 1) * split.rows), group,
                     slice * split.channels, x, gy, partials + task * stride);
    });
    parallel_for(columns * blocks * g.kh, [&](Index task) {
        Index const u = task % g.kh, i = task / g.kh % blocks, column = task / g.kh / blocks, slice = column % split.slices;
        T* const to = gw + (column / split.slices * og * cg + slice * split.channels) * g.kh * g.kw;
        merge_chunks<V>(g, slice_lines(slice), block_at<V>(og, i), u, split.chunks, columns * stride, partials + column * stride, to);
    });
}

}  // namespace tacet::detail::kernel
