// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_dense.hpp>
#include <tacet/ops/rows.hpp>
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

/// The same for the convolution itself.
inline bool is_winograd(Conv2dGeometry const& g) {
    return !g.direct && g.kh == 3 && g.kw == 3 && g.stride == 1 && g.dilation == 1
           && std::min(g.c, g.oc) / g.groups >= winograd_channels;
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

/// Transforms `channels` channels of a window of 6 x 6 pixels, of which (i, j) begins at pixel(i, j).
template <class V, class T> void transform_channels(Index channels, T* to, Index stride, auto const& pixel) {
    for_vectors<V>(channels, [&](Index c, auto lanes) __attribute__((always_inline)) {
        transform_tile<WinogradInput, V>(
            [&](auto i, auto j) __attribute__((always_inline)) { return lanes.load(pixel(i, j) + c); },
            [&](auto i, auto j, V v) __attribute__((always_inline)) { v.store(to + (i * winograd_window + j) * stride + c); });
    });
}
/// The same for the window of a plane of images of width w that begins at row r0, column c0.
template <class V, class T> void transform_plane(Plane<T> const& p, Index w, Index r0, Index c0, T* to, Index stride) {
    if (p.scale == 1) {
        T const* const first = p.data + (r0 * w + c0) * p.pixel;
        Index const row = w * p.pixel, step = p.pixel;
        return transform_channels<V>(p.channels, to, stride, [&](auto i, auto j) { return first + i * row + j * step; });
    }
    T const* row[winograd_window];
    Index col[winograd_window];
    for (Index k = 0; k < winograd_window; ++k)
        row[k] = p.data + (r0 + k) / p.scale * (w / p.scale) * p.pixel, col[k] = (c0 + k) / p.scale * p.pixel;
    transform_channels<V>(p.channels, to, stride, [&](auto i, auto j) { return row[i] + col[j]; });
}

/// The transformed window of one tile, from row r0, column c0 on: one row of each of the 36 matrices, the first at `to`.
template <class V, class T> void transform_window(Picture<T> const& x, Index r0, Index c0, T* to, Index stride) {
    bool const inside = r0 >= 0 && c0 >= 0 && r0 + winograd_window <= x.h && c0 + winograd_window <= x.w;
    if (inside && (x.plane.channels % V::lanes == 0 || x.more.channels == 0)) {
        transform_plane<V>(x.plane, x.w, r0, c0, to, stride);
        return transform_plane<V>(x.more, x.w, r0, c0, to + x.plane.channels, stride);
    }
    Window<T> const window = vector_window<V>(x, r0, winograd_window, c0, winograd_window);
    transform_plane<V>(Plane<T>{window.data, window.pixel, x.channels()}, winograd_window, 0, 0, to, stride);
}

/// The outputs of one tile and one vector of channels: `high` x `wide` pixels exist and `lanes` channels. y is the first of them, its
/// neighbour to the right lies `pixel` further, the one below `row`.
template <class T> struct TileStore {
    T* y;
    Index row, pixel, high, wide;
    int lanes;
    bool streams;          // past the caches
    std::uint8_t* argmax;  // like y; null where it is not wanted

    template <class V> [[gnu::always_inline]] void store(Index i, Index j, V v) const {
        if (i >= high || j >= wide) return;
        if (streams) v.stream(y + i * row + j * pixel);
        else if (lanes == V::lanes) v.store(y + i * row + j * pixel);
        else v.store_partial(y + i * row + j * pixel, lanes);
    }
    template <class V> [[gnu::always_inline]] void store_largest(Index i, Index j, V const (&window)[4]) const {
        if (i >= high || j >= wide) return;
        Largest<V> largest{window[0], V::zero()};
        unrolled<3>([&](auto k) __attribute__((always_inline)) { largest.offer(window[k + 1], V::broadcast(k + 1)); });
        store(i, j, largest.best);
        for (int lane = 0; argmax && lane < lanes; ++lane)
            argmax[i * row + j * pixel + lane] = static_cast<std::uint8_t>(static_cast<int>(largest.number[lane]));
    }
};

/// Transforms the products of one tile and one vector of channels back and stores what becomes of them.
template <class V, class T>
void transform_products(T const* from, Index stride, T const* bias, Epilogue<T> const& e, TileStore<T> const& to) {
    V const b = bias ? V::load(bias) : V::zero();
    auto const product = [&](auto i, auto j) __attribute__((always_inline)) { return V::load(from + (i * winograd_window + j) * stride); };
    auto const finish = [&](V v) __attribute__((always_inline)) { return e.activates() ? e.activate(v + b) : v + b; };
    if (!e.pool)
        return transform_tile<WinogradOutput, V>(
            product, [&](auto i, auto j, V v) __attribute__((always_inline)) { to.store(i, j, finish(v)); });
    V windows[4][4];
    transform_tile<WinogradOutput, V>(product, [&](auto i, auto j, V v) __attribute__((always_inline)) {
        windows[i / 2 * 2 + j / 2][i % 2 * 2 + j % 2] = finish(v);
    });
    unrolled<4>([&](auto k) __attribute__((always_inline)) { to.store_largest(k / 2, k % 2, windows[k]); });
}

/// Whether outputs go past the caches: where they would not fit in, and a vector is a whole line of them.
template <class V, class T> bool streams(Dense<T> const& d) {
    Index const scale = d.epilogue.pool ? 2 : 1, pixels = d.n * (d.rows.out / scale) * (d.cols.out / scale);
    bool const whole_lines =
        V::bytes == 64 && d.out_channels % V::lanes == 0 && reinterpret_cast<std::uintptr_t>(d.y) % V::bytes == 0;
    return whole_lines && Rows<V>::streams(pixels * d.output_step() * static_cast<Index>(sizeof(T)));
}

/// Where the outputs of a tile go, from channel c on.
template <class V, class T> TileStore<T> tile_store(Dense<T> const& d, WinogradTile const& at, Index c) {
    Index const scale = d.epilogue.pool ? 2 : 1, high = d.rows.out / scale, wide = d.cols.out / scale, pixel = d.output_step();
    Index const i = at.i / scale, j = at.j / scale, first = ((at.image * high + i) * wide + j) * pixel + c;
    std::uint8_t* const argmax = d.epilogue.argmax ? d.epilogue.argmax + first : nullptr;
    return {d.y + first, wide * pixel, pixel, high - i, wide - j, 0, streams<V>(d), argmax};
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
        for (int v = 0; v < block.vectors; ++v) {
            TileStore<T> to = tile_store<V>(d, at, group * d.out_channels + block.begin + v * V::lanes);
            to.lanes = v + 1 < block.vectors ? V::lanes : block.last;
            transform_products<V>(products + t * width + v * V::lanes, stride, bias ? bias + v * V::lanes : nullptr, d.epilogue, to);
        }
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
        Picture<T> const x = d.x.picture(at.image, group * d.in_channels, d.in_channels);
        transform_window<V>(x, d.rows.read_begin(at.i), d.cols.read_begin(at.j), input + t * width, stride);
    }
    Index const outputs = round_up(d.out_channels, V::lanes);
    for (Index i = block0; i < block1; ++i) {
        Block const block = block_at<V>(d.out_channels, i);
        winograd_block<V>(d, p, first, count, group, block, input, stride, width,
                          packed + winograd_positions * d.in_channels * (group * outputs + block.begin),
                          bias ? bias + group * outputs + block.begin : nullptr);
    }
    if (streams<V>(d)) V::fence();
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
