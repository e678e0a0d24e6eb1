// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_weight.hpp>
#include <tacet/ops/conv2d_winograd.hpp>

// The weight gradient of 3 x 3 convolutions in steps of one pixel by Winograd's method: G^T [sum over tiles of (B^T d B) * (A dy A^T)] G.
// The sum over the tiles is 36 small matrix products, whose results stay in a thread's cache until its tiles are done.
namespace tacet::detail::kernel {

/// How the sum is cut into tasks, by the problem's extents alone: `chunks` of `per_chunk` tiles, times groups, times `slices` of `channels`
/// input channels. Each task fills a partial sum; chunks are added in order.
struct WinogradSplit {
    Index chunks, per_chunk, slices, channels;
};
inline WinogradSplit split_winograd(Conv2dGeometry const& g, Index tiles) {
    constexpr Index held = 160 * 1024;  // elements of the 36 products that a task holds: within a second-level cache
    Index const cg = g.c / g.groups, og = g.oc / g.groups;
    Index const channels = round_up(div_up(cg, div_up(cg * og * winograd_positions, held)), 8), slices = div_up(cg, channels);
    Index const chunks = partial_sums(tiles, WinogradPlan::most, 96, g.groups * slices, g.oc * cg * 9);
    Index const per_chunk = div_up(tiles, std::max<Index>(chunks, 1));
    return {div_up(tiles, per_chunk), per_chunk, slices, channels};
}

/// Whether the weight gradient may go this way. Its bits are those of one sum over all pixels, so the image's extents may decide.
inline bool is_winograd_weight(Conv2dGeometry const& g) {
    constexpr Index least_tiles = 4;
    return is_winograd(g) && WinogradPlan(g.n, g.out_h(), g.out_w()).tiles >= least_tiles;
}

/// Row `t` of each of the 36 matrices at `to`: the transformed gradient of one tile's outputs; those that do not exist are zeros.
template <class V, class T> void transform_gradient(Picture<T> const& gy, Index i, Index j, T* to, Index stride) {
    Window<T> const x = vector_window<V>(gy, i, winograd_tile, j, winograd_tile);
    for (Index c = 0; c < gy.channels(); c += V::lanes)
        transform_tile<WinogradGradient, V>(
            [&](auto u, auto v) __attribute__((always_inline)) { return V::load(x.data + u * x.row + v * x.pixel + c); },
            [&](auto u, auto v, V value) __attribute__((always_inline)) { value.store(to + (u * winograd_window + v) * stride + c); });
}

/// The gradient's part that one task sums.
template <class T> struct WinogradSum {
    Conv2dGeometry const& g;
    WinogradPlan const& p;
    Index group, first_channel, channels;
    Images<T> x, gy;

    Index outputs() const { return g.oc / g.groups; }
    Picture<T> input(Index image) const { return x.picture(image, group * (g.c / g.groups) + first_channel, channels); }
    Picture<T> gradient(Index image) const { return gy.picture(image, group * outputs(), outputs()); }
};

/// Adds to the 36 products [position][channel][outputs] what tiles [first, first + count) give.
template <class V, class T> void add_tiles(WinogradSum<T> const& s, Index first, Index count, T* products, Index product_stride) {
    Index const width = round_up(s.channels, V::lanes), outputs = round_up(s.outputs(), V::lanes);
    Index const x_stride = matrix_stride<V>(WinogradPlan::most, width), gy_stride = matrix_stride<V>(WinogradPlan::most, outputs);
    T* const x = scratch<T, tile_slot>(winograd_positions * (x_stride + gy_stride));
    T* const gy = x + winograd_positions * x_stride;
    for (Index t = 0; t < count; ++t) {
        WinogradTile const at = tile_at(s.p, first + t);
        transform_window<V>(s.input(at.image), at.i - s.g.padding, at.j - s.g.padding, x + t * width, x_stride);
        transform_gradient<V>(s.gradient(at.image), at.i, at.j, gy + t * outputs, gy_stride);
    }
    Walk const walk{1, 1, count, 1, 0, 0, width, 0, 0, outputs};
    for (Index k = 0; k < winograd_positions; ++k)
        for (Index i = 0; i < block_count<V>(s.outputs()); ++i) {
            Block const block = block_at<V>(s.outputs(), i);
            Index const tile = tile_rows<V>(block.vectors);
            for (Index c = 0; c < s.channels; c += tile) {
                T* const to = products + k * product_stride + c * outputs + block.begin;
                run_tile<V>(block.vectors, walk, x + k * x_stride + c, gy + k * gy_stride + block.begin,
                            TileOutput<T>{to, outputs, std::min(tile, s.channels - c), V::lanes, nullptr, true});
            }
        }
}

/// Fills the partial sum [tap][channel][outputs] of one task from tiles [begin, end).
template <class V, class T> void sum_tiles(WinogradSum<T> const& s, Index begin, Index end, T* partial) {
    Index const outputs = round_up(s.outputs(), V::lanes), size = s.channels * outputs, stride = size + V::lanes;
    T* const products = scratch<T, product_slot>(winograd_positions * stride);
    std::fill_n(products, winograd_positions * stride, T(0));
    for (Index t = begin; t < end; t += WinogradPlan::most) add_tiles<V>(s, t, std::min(WinogradPlan::most, end - t), products, stride);
    for (Index k = 0; k < size; k += V::lanes)
        transform_tile<WinogradWeightGradient, V>(
            [&](auto u, auto v) __attribute__((always_inline)) { return V::load(products + (u * winograd_window + v) * stride + k); },
            [&](auto u, auto v, V value) __attribute__((always_inline)) { value.store(partial + (u * 3 + v) * size + k); });
}

/// Adds the chunks of one channel in order and writes its weights in PyTorch's layout: to gw[o out_stride + tap].
template <class V, class T>
void merge_winograd(Index outputs, Index chunks, Index chunk_stride, T const* partial, Index tap_stride, T* gw, Index out_stride) {
    for (Index o = 0; o < outputs; o += V::lanes)
        for (Index tap = 0; tap < 9; ++tap) {
            T const* const from = partial + tap * tap_stride + o;
            V sum = V::load(from);
            for (Index k = 1; k < chunks; ++k) sum += V::load(from + k * chunk_stride);
            for (int lane = 0; lane < V::lanes && o + lane < outputs; ++lane) gw[(o + lane) * out_stride + tap] = sum[lane];
        }
}

/// gw (oc, c / groups, 3, 3) = d(loss)/dw from x (n, h, w, c) and gy (n, out_h, out_w, oc).
template <class V, class T = typename V::value_type>
void winograd_weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, T* gw) {
    WinogradPlan const p(g.n, g.out_h(), g.out_w());
    WinogradSplit const split = split_winograd(g, p.tiles);
    Index const og = g.oc / g.groups, cg = g.c / g.groups, outputs = round_up(og, V::lanes), columns = g.groups * split.slices;
    Index const stride = split.channels * outputs * 9;
    T* const partials = scratch<T, partial_slot>(split.chunks * columns * stride);  // [chunk][group][slice][tap][channel][outputs]
    auto const channels_of = [&](Index slice) { return std::min(split.channels, cg - slice * split.channels); };
    parallel_for(split.chunks * columns, [&](Index task) {
        Index const begin = task / columns * split.per_chunk, slice = task % split.slices;
        WinogradSum<T> const sum{g, p, task / split.slices % g.groups, slice * split.channels, channels_of(slice), x,
                                Images<T>::plain(gy, g.out_h(), g.out_w(), g.oc)};
        sum_tiles<V>(sum, begin, std::min(p.tiles, begin + split.per_chunk), partials + task * stride);
    });
    parallel_ranges(g.groups * cg, 16, [&](Index begin, Index end) {  // neighbours share cache lines of gw
        for (Index k = begin; k < end; ++k) {
            Index const c = k % cg, slice = c / split.channels, group = k / cg, within = c % split.channels;
            merge_winograd<V>(og, split.chunks, columns * stride, partials + (group * split.slices + slice) * stride + within * outputs,
                              channels_of(slice) * outputs, gw + (group * og * cg + c) * 9, cg * 9);
        }
    });
}

}  // namespace tacet::detail::kernel
