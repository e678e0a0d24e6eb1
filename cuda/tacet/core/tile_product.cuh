// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/precision.hpp>
#include <tacet/core/product_stage.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/tensor_product.cuh>

namespace tacet {
namespace gpu {

/// A matrix product in tiles of 64 x 64, 16 deep: a thread sums 4 x 4 elements.
constexpr int product_tile = 64, product_depth = 16, product_threads = 256;

/// A part of a factor, from place to place of k.
template <class T, bool deep> struct ProductTile {
    static constexpr int lines = deep ? product_tile : product_depth, length = deep ? product_depth : product_tile, run = 4;
    T element[product_depth][product_tile + run];  // threads that write one column of a deep factor meet other banks
    template <class S> __device__ void store(int line, int at, S const (&from)[run]) {
#pragma unroll
        for (int e = 0; e < run; ++e) (deep ? element[at + e][line] : element[line][at + e]) = static_cast<T>(from[e]);
    }
};
template <class T, class A, class B> struct ProductTiles {
    alignas(16) ProductTile<T, A::deep> a;
    alignas(16) ProductTile<T, B::deep> b;
};

/// out(z, i, j, the block of sums over l of a(z, i, l) b(z, l, j) from (i, j) on), every sum in one order; factors (see
/// product_factor.cuh) are asked for what lies inside only.
template <class T, class A, class B, class Out> __global__ void tile_product(ProductShape s, A a, B b, Out out) {
    auto& tiles = shared_memory<ProductTiles<T, A, B>>();
    ProductTask<product_tile, product_tile, product_depth> const task(s);
    ProductStage<A, decltype(tiles.a), product_threads> next_a(a, task.product, task.i, s.m, task.begin, task.end);
    ProductStage<B, decltype(tiles.b), product_threads> next_b(b, task.product, task.j, s.n, task.begin, task.end);
    ResultBlock<T> block{};
    constexpr int each = block.size, across = product_tile / each;
    int const row = static_cast<int>(threadIdx.x) / across * each, column = static_cast<int>(threadIdx.x) % across * each;
    for_tiles<product_depth>(task.begin, task.end, next_a, tiles.a, next_b, tiles.b, [&] {
#pragma unroll
        for (int l = 0; l < product_depth; ++l)
#pragma unroll
            for (int i = 0; i < each; ++i)
#pragma unroll
                for (int j = 0; j < each; ++j) block.sum[i][j] += tiles.a.element[l][row + i] * tiles.b.element[l][column + j];
    });
    block.rows = s.m - task.i - row, block.columns = s.n - task.j - column;
    if (block.rows > 0 && block.columns > 0) out(task.z, task.i + row, task.j + column, block);
}

/// What becomes of the blocks of a product whose sums may be made in parts: into memory with these, or on to where the sums go.
template <class W, class Out> struct PartedResult {
    Out out;
    PlainResult<W> parts;  // (batch, parts, m, n), or null
    __device__ void operator()(Index z, Index i, Index j, ResultBlock<W> const& block) const {
        if (parts.data) parts(z, i, j, block);
        else out(z, i, j, block);
    }
};
/// out(z, i, j, block) for block k of 4 x 4, the sum of its parts in order.
template <class W, class Out> struct JoinParts {
    Out out;
    W const* part;  // (batch, parts, m, n)
    ProductShape s;
    __device__ void operator()(Index k) const {
        ResultBlock<W> block{};
        constexpr Index size = block.size;
        Index const across = detail::div_up(s.n, size), down = detail::div_up(s.m, size);
        Index const z = k / (across * down), i = k / across % down * size, j = k % across * size;
        block.rows = s.m - i, block.columns = s.n - j;
#pragma unroll 4
        for (Index p = 0; p < s.parts; ++p)
#pragma unroll
            for (int row = 0; row < size; ++row)
                if (row < block.rows) add(block.sum[row], part + ((z * s.parts + p) * s.m + i + row) * s.n + j, block.columns);
        out(z, i, j, block);
    }

private:
    template <int N> __device__ static void add(W (&sum)[N], W const* from, Index count) {
        W term[N] = {};
        if (count < N || !load_vector(term, from))
#pragma unroll
            for (int e = 0; e < N; ++e)
                if (e < count) term[e] = from[e];
#pragma unroll
        for (int e = 0; e < N; ++e) sum[e] += term[e];
    }
};

}  // namespace gpu

namespace detail {
/// Products of numbers T: on the tensor cores where these have the type, or are allowed to round floats.
template <class T, class A, class B, class Out>
void tile_product(KernelLabel const& label, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    if constexpr (is_16_bit<T>) return tensor_product<T>(label, s, a, b, out);
    if constexpr (std::is_same_v<T, float>)
        if (TensorFloat32::wanted()) return tensor_product<gpu::Tf32>(label, s, a, b, out);
    if constexpr (!is_16_bit<T>)
        launch(label, Grid{s.batch * s.parts * s.tiles(gpu::product_tile, gpu::product_tile), gpu::product_threads,
                          sizeof(gpu::ProductTiles<T, A, B>)},
               &gpu::tile_product<T, A, B, Out>, s, a, b, out);
}
/// The same for sums in s.parts parts, which are added before `out` gets them, in an order that depends on the shape alone.
template <class T, class A, class B, class Out>
void joined_product(KernelLabel const& label, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    using W = Wide<T>;
    Buffer<Cuda> const memory(s.parts > 1 ? s.batch * s.parts * s.m * s.n : 0, sizeof(W));  // of nothing: null
    auto* const part = static_cast<W*>(memory.data());
    tile_product<T>(label, s, a, b, gpu::PartedResult<W, Out>{out, {part, s.m, s.n}});
    constexpr Index size = gpu::ResultBlock<W>::size;
    if (s.parts > 1)
        launch_each(label.name(), Shape{s.batch, div_up(s.m, size), div_up(s.n, size)}, gpu::JoinParts<W, Out>{out, part, s});
}
}  // namespace detail
}  // namespace tacet
