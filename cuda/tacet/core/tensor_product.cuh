// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/product_factor.cuh>
#include <tacet/core/product_shape.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/tile_fragment.cuh>
#include <tacet/core/warp.cuh>
#include <algorithm>

// Matrix products of 16-bit numbers on the tensor cores, summed in float.
namespace tacet {
namespace gpu {

/// Tiles of 32 `high` x 64, 32 deep, by four warps of 16 `high` x 32 each.
constexpr int tensor_depth = 32, tensor_columns = 64, tensor_threads = 128;
template <int high> constexpr int tensor_rows = 32 * high;

/// A part of a factor: lines of an odd number of 16 bytes, so that eight of them meet different banks.
template <class T, bool deep, int width> struct TensorTile {
    static constexpr int lines = deep ? width : tensor_depth, length = deep ? tensor_depth : width;
    static constexpr int runs = lines * length / 8, each = runs / tensor_threads;  // of eight elements, and those of a thread
    alignas(16) T element[lines][length + 8];
};
template <class T, int high, class A, class B> struct TensorTiles {
    TensorTile<T, A::deep, tensor_rows<high>> a;
    TensorTile<T, B::deep, tensor_columns> b;
};

/// What a thread brings from memory for the next tile of a factor while the warps multiply the last one.
template <class T, class Tile> struct TensorStage {
    AlignedVector<T, 8> run[Tile::each];

    /// `first`: of the rows or columns of the tile, of `size` in all; [l0, end) what is left of k.
    template <class F> __device__ void load(F const& factor, Index product, Index first, Index size, Index l0, Index end) {
#pragma unroll
        for (int q = 0; q < Tile::each; ++q) {
            auto const [line, at] = place(q);
            Index const index = F::deep ? first + line : l0 + line, from = F::deep ? l0 + at : first + at;
            if (index < (F::deep ? size : end)) load_padded(run[q], factor.line(product, index), from, (F::deep ? end : size) - from);
            else run[q] = {};
        }
    }
    __device__ void store(Tile& tile) const {
#pragma unroll
        for (int q = 0; q < Tile::each; ++q) {
            auto const [line, at] = place(q);
            *reinterpret_cast<AlignedVector<T, 8>*>(&tile.element[line][at]) = run[q];
        }
    }

private:
    struct Place {
        int line, at;
    };
    __device__ static Place place(int q) {
        constexpr int per_line = Tile::length / 8;
        int const r = static_cast<int>(threadIdx.x) + q * tensor_threads;
        return {r / per_line, r % per_line * 8};
    }
};

/// out(z, i, j, the sum over l of a(z, i, l) b(z, l, j)), as tile_product does for wider numbers.
template <class T, int high, class A, class B, class Out> __global__ void tensor_product(ProductShape s, A a, B b, Out out) {
    auto& tiles = shared_memory<TensorTiles<T, high, A, B>>();
    Index const columns = detail::div_up(s.n, tensor_columns), count = s.tiles(tensor_rows<high>, tensor_columns);
    Index const z = blockIdx.x / count, i0 = blockIdx.x % count / columns * tensor_rows<high>, j0 = blockIdx.x % columns * tensor_columns;
    Index const product = z / s.parts, begin = z % s.parts * s.depth_of_part(tensor_depth);
    Index const end = std::min(s.k, begin + s.depth_of_part(tensor_depth));
    int const row = warp::number() / 2 * 16 * high, column = warp::number() % 2 * 32;
    TensorStage<T, decltype(tiles.a)> next_a;
    TensorStage<T, decltype(tiles.b)> next_b;
    warp::MatrixC sum[high][4];
    next_a.load(a, product, i0, s.m, begin, end);
    next_b.load(b, product, j0, s.n, begin, end);
    for (Index l0 = begin; l0 < end; l0 += tensor_depth) {
        __syncthreads();  // nobody reads the last tiles any more
        next_a.store(tiles.a);
        next_b.store(tiles.b);
        __syncthreads();
        next_a.load(a, product, i0, s.m, l0 + tensor_depth, end);
        next_b.load(b, product, j0, s.n, l0 + tensor_depth, end);
#pragma unroll
        for (int depth = 0; depth < tensor_depth; depth += 16) {
            warp::MatrixB right[2][2];
            for (int n = 0; n < 2; ++n) load_right<B::deep>(right[n], tiles.b.element, depth, column + 16 * n);
#pragma unroll
            for (int m = 0; m < high; ++m) {
                warp::MatrixA left;
                load_left<A::deep>(left, tiles.a.element, row + 16 * m, depth);
                for (int n = 0; n < 4; ++n) warp::multiply<T>(sum[m][n], left, right[n / 2][n % 2]);
            }
        }
    }
#pragma unroll
    for (int m = 0; m < high; ++m)
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                Index const i = i0 + row + 16 * m + warp::row_of_result(e), j = j0 + column + 8 * n + warp::column_of_result(e);
                if (i < s.m && j < s.n) out(z, i, j, sum[m][n].v[e]);
            }
}

}  // namespace gpu

namespace detail {
template <class T, int high, class A, class B, class Out>
void tensor_product(char const* name, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    Index const tiles = s.tiles(gpu::tensor_rows<high>, gpu::tensor_columns);
    launch(name, Grid{s.batch * s.parts * tiles, gpu::tensor_threads, sizeof(gpu::TensorTiles<T, high, A, B>)},
           &gpu::tensor_product<T, high, A, B, Out>, s, a, b, out);
}
/// The same in tall tiles, which read less, where these are enough to keep a GPU busy.
template <class T, class A, class B, class Out>
void tensor_product(char const* name, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    constexpr Index enough = 256;
    if (s.batch * s.parts * s.tiles(gpu::tensor_rows<4>, gpu::tensor_columns) >= enough) tensor_product<T, 4>(name, s, a, b, out);
    else tensor_product<T, 2>(name, s, a, b, out);
}
}  // namespace detail
}  // namespace tacet
