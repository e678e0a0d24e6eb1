// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_dense.hpp>
#include <tacet/ops/winograd.hpp>

// 3 x 3 sums in steps of one pixel by Winograd's method. The images are cut into tiles of 4 x 4 outputs; a task transforms the windows
// of some tiles, multiplies 36 small matrices and transforms back, all within its thread's second-level cache.
namespace tacet::detail::kernel {

/// The tiles of all images in one sequence, and how they make tasks: by the problem's extents alone.
struct WinogradPlan {
    static constexpr Index most = 24;  // tiles of a task: whole register tiles of 6 and of 8 rows; more would leave the cache

    Index high, wide, tiles;  // of one image to either side; of all images
    Index per_task, tasks;

    WinogradPlan(Index images, Index out_h, Index out_w)
        : high(div_up(out_h, winograd_tile)), wide(div_up(out_w, winograd_tile)), tiles(images * high * wide),
          per_task(std::min(most, std::max<Index>(tiles, 1))), tasks(div_up(tiles, per_task)) {}
};

/// Where tile `index` lies: its image and its first output.
struct WinogradTile {
    Index image, i, j;
};
inline WinogradTile tile_at(WinogradPlan const& p, Index index) {
    return {index / (p.high * p.wide), index / p.wide % p.high * winograd_tile, index % p.wide * winograd_tile};
}

/// Elements between two of the 36 matrices of `rows` rows: not a multiple of a memory page, so that they do not compete for cache sets.
template <class V> constexpr Index matrix_stride(Index rows, Index width) { return rows * width + V::lanes; }

inline constexpr Index winograd_channels = 16;  // on both sides; with fewer, the transforms cost more than they save

/// Whether a sum may go this way: a matter of its kernel and its channels, never of the image, so that tiles of an image fit together.
template <class T> bool is_winograd(Dense<T> const& d) {
    auto const steps_by_one = [](Axis const& a) { return a.taps == 3 && a.in_step == 1 && a.spacing == 1 && a.out_step == 1; };
    return steps_by_one(d.rows) && steps_by_one(d.cols) && d.in_channels >= winograd_channels
           && d.out_channels >= winograd_channels;
}

/// Transforms the weights of one input channel and one vector of outputs (from `out` on): 36 vectors, `step` elements apart.
template <class V, class T> void transform_weights(Dense<T> const& d, Index group, Index out, Index in, T* to, Index step) {
    T taps[9][V::lanes] = {};
    for (Index o = 0; o < std::min<Index>(V::lanes, d.out_channels - out); ++o) {
        T const* const w = d.weight(group, out + o, in, 0, 0);
        for (Index u = 0; u < 3; ++u)
            for (Index v = 0; v < 3; ++v) taps[u * 3 + v][o] = w[(u * d.rows.tap_step) * d.kernel_width + v * d.cols.tap_step];
    }
    transform_tile<WinogradWeight, V>([&](auto i, auto j) { return V::load(taps[i * 3 + j]); },
                                      [&](auto i, auto j, V v) { v.store(to + (i * winograd_window + j) * step); });
}

/// All weights as tiles read them: [group][block of outputs][position][input channel][vectors of the block].
template <class V, class T> void pack_winograd(Dense<T> const& d, T* packed) {
    Index const width = round_up(d.out_channels, V::lanes), blocks = block_count<V>(d.out_channels);
    constexpr Index near = 16;
    Index const slices = div_up(d.in_channels, near);
    parallel_for(d.groups * blocks * slices, [&](Index task) {
        Index const slice = task % slices, group = task / slices / blocks;
        Block const block = block_at<V>(d.out_channels, task / slices % blocks);
        Index const lanes = block.vectors * V::lanes;
        T* const to = packed + winograd_positions * d.in_channels * (group * width + block.begin);
        for (Index v = 0; v < block.vectors; ++v)
            for (Index c = slice * near; c < std::min(d.in_channels, (slice + 1) * near); ++c)
                transform_weights<V>(d, group, block.begin + v * V::lanes, c, to + c * lanes + v * V::lanes, d.in_channels * lanes);
    });
}

/// The transformed window of one tile: row `t` of each of the 36 matrices at `to`.
template <class V, class T> void transform_window(Window<T> const& x, Index channels, T* to, Index stride) {
    for (Index c = 0; c < channels; c += V::lanes)
        transform_tile<WinogradInput, V>(
            [&](auto i, auto j) __attribute__((always_inline)) { return V::load(x.data + i * x.row + j * x.pixel + c); },
            [&](auto i, auto j, V v) __attribute__((always_inline)) { v.store(to + (i * winograd_window + j) * stride + c); });
}

/// Writes the outputs of one tile and one vector of channels: `high` x `wide` of them exist, `last` of the vector's lanes.
template <class V, class T>
void transform_products(T const* from, Index stride, T const* bias, Index high, Index wide, int last, T* y, Index row, Index pixel) {
    V const b = bias ? V::load(bias) : V::zero();
    transform_tile<WinogradOutput, V>(
        [&](auto i, auto j) __attribute__((always_inline)) { return V::load(from + (i * winograd_window + j) * stride); },
        [&](auto i, auto j, V v) __attribute__((always_inline)) {
            if (i >= high || j >= wide) return;
            V const sum = v + b;
            if (last == V::lanes) sum.store(y + i * row + j * pixel);
            else sum.store_partial(y + i * row + j * pixel, last);
        });
}

/// One block of output channels of `count` tiles: 36 products, then the way back.
template <class V, class T>
void winograd_block(Dense<T> const& d, WinogradPlan const& p, Index first, Index count, Index group, Block const& block, T const* input,
                    Index input_stride, Index input_width, T const* w, T const* bias) {
    Index const width = block.vectors * V::lanes, tile = tile_rows<V>(block.vectors), rows = round_up(count, tile);
    Index const stride = matrix_stride<V>(WinogradPlan::most, width);
    T* const products = scratch<T, product_slot>(winograd_positions * stride);
    Walk const walk{1, 1, d.in_channels, input_width, 0, 0, 1, 0, 0, width};
    for (Index k = 0; k < winograd_positions; ++k)
        for (Index t = 0; t < rows; t += tile)
            run_tile<V>(block.vectors, walk, input + k * input_stride + t * input_width, w + k * d.in_channels * width,
                        TileOutput<T>{products + k * stride + t * width, width, tile, V::lanes});
    for (Index t = 0; t < count; ++t) {
        WinogradTile const at = tile_at(p, first + t);
        T* const y = d.output(at.image, at.i, at.j, group * d.out_channels + block.begin);
        Index const high = std::min<Index>(winograd_tile, d.rows.count - at.i), wide = std::min<Index>(winograd_tile, d.cols.count - at.j);
        for (int v = 0; v < block.vectors; ++v)
            transform_products<V>(products + t * width + v * V::lanes, stride, bias ? bias + v * V::lanes : nullptr, high, wide,
                                  v + 1 < block.vectors ? V::lanes : block.last, y + v * V::lanes, d.cols.out * d.output_step(),
                                  d.output_step());
    }
}

/// Tiles [first, first + count) of one group, blocks [block0, block1) of its outputs.
template <class V, class T>
void winograd_task(Dense<T> const& d, WinogradPlan const& p, Index first, Index count, Index group, Index block0, Index block1,
                   T const* packed, T const* bias) {
    Index const width = round_up(d.in_channels, V::lanes), stride = matrix_stride<V>(WinogradPlan::most, width);
    T* const input = scratch<T, tile_slot>(winograd_positions * stride);
    for (Index t = 0; t < count; ++t) {
        WinogradTile const at = tile_at(p, first + t);
        Picture<T> const picture = d.picture(at.image, group * d.in_channels, d.in_channels);
        Window<T> const x = vector_window<V>(picture, d.rows.read_begin(at.i), winograd_window, d.cols.read_begin(at.j), winograd_window);
        transform_window<V>(x, d.in_channels, input + t * width, stride);
    }
    Index const outputs = round_up(d.out_channels, V::lanes);
    for (Index i = block0; i < block1; ++i) {
        Block const block = block_at<V>(d.out_channels, i);
        winograd_block<V>(d, p, first, count, group, block, input, stride, width,
                          packed + winograd_positions * d.in_channels * (group * outputs + block.begin),
                          bias ? bias + group * outputs + block.begin : nullptr);
    }
}

/// Runs the sum on all threads. The bits of an output depend on the window of its tile alone.
template <class V, class T> void run_winograd(Dense<T> const& d) {
    Index const outputs = round_up(d.out_channels, V::lanes), size = d.groups * outputs * winograd_positions * d.in_channels;
    T* const packed = scratch<T, weight_slot>(size + d.groups * outputs);
    pack_winograd<V>(d, packed);
    T const* const bias = pad_bias<V>(d, packed + size);
    WinogradPlan const p(d.n, d.rows.count, d.cols.count);
    Index const blocks = block_count<V>(d.out_channels), columns = p.tasks * d.groups < 8 ? blocks : 1;  // few tiles: more tasks
    parallel_for(p.tasks * d.groups * columns, [&](Index task) {
        Index const column = task % columns, group = task / columns % d.groups, first = task / columns / d.groups * p.per_task;
        winograd_task<V>(d, p, first, std::min(p.per_task, p.tiles - first), group, column * blocks / columns,
                         (column + 1) * blocks / columns, packed, bias);
    });
}

}  // namespace tacet::detail::kernel
