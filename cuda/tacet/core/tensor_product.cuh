// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/product_stage.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/tile_fragment.cuh>
#include <tacet/core/warp.cuh>

// Matrix products on the tensor cores, summed in float: of 16-bit numbers, and of floats that are rounded to TF32.
namespace tacet {
namespace gpu {

/// Tiles of 32 `high` x 64, 64 bytes deep, by four warps of 16 `high` x 32 each.
constexpr int tensor_columns = 64, tensor_threads = 128;
template <class T> constexpr int tensor_depth = 64 / static_cast<int>(sizeof(T));
template <int high> constexpr int tensor_rows = 32 * high;

/// A part of a factor. Its lines end in a gap, so that fragments are read from different banks.
template <class T, bool is_deep, int width> struct TensorTile {
    static constexpr bool deep = is_deep;
    static constexpr int lines = deep ? width : tensor_depth<T>, length = deep ? tensor_depth<T> : width;
    static constexpr int run = 16 / static_cast<int>(sizeof(T));
    static constexpr int gap = deep || is_16_bit<T> ? run : 2 * run;
    alignas(16) T element[lines][length + gap];
    template <class S> __device__ void store(int line, int at, S const (&from)[run]) {
        T stored[run];
#pragma unroll
        for (int e = 0; e < run; ++e) stored[e] = static_cast<T>(from[e]);
        store_vector(&element[line][at], stored);
    }
};
template <class T, int high, class A, class B> struct TensorTiles {
    TensorTile<T, A::deep, tensor_rows<high>> a;
    TensorTile<T, B::deep, tensor_columns> b;
};
/// Results of a warp, 16 x 32, on their way from the lanes that summed them to those that store them.
struct TensorResults {
    alignas(16) float sum[16][32 + 8];
};
template <class T, int high, class A, class B> union TensorMemory {
    TensorTiles<T, high, A, B> tiles;
    TensorResults results[tensor_threads / warp::size];
};

/// The results of a warp from row i and column j on, as blocks of 4 x 4.
template <int high, class Out>
__device__ void store_results(TensorResults& results, warp::MatrixC const (&sum)[high][4], ProductShape const& s, Index z, Index i, Index j,
                              Out const& out) {
    int const row = warp::lane() / 8 * 4, column = warp::lane() % 8 * 4;
#pragma unroll
    for (int m = 0; m < high; ++m) {
        warp::sync();
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int e = 0; e < 4; e += 2) {
                float const two[] = {sum[m][n].v[e], sum[m][n].v[e + 1]};
                store_vector(&results.sum[warp::row_of_result(e)][8 * n + warp::column_of_result(0)], two);
            }
        warp::sync();
        ResultBlock<float> block;
#pragma unroll
        for (int r = 0; r < block.size; ++r) load_vector(block.sum[r], &results.sum[row + r][column]);
        block.rows = s.m - i - 16 * m - row, block.columns = s.n - j - column;
        if (block.rows > 0 && block.columns > 0) out(z, i + 16 * m + row, j + column, block);
    }
}

/// out(z, i, j, the block of sums over l of a(z, i, l) b(z, l, j)), as tile_product does on the other cores.
template <class T, int high, class A, class B, class Out> __global__ void tensor_product(ProductShape s, A a, B b, Out out) {
    auto& memory = shared_memory<TensorMemory<T, high, A, B>>();
    auto& tiles = memory.tiles;
    ProductTask<tensor_rows<high>, tensor_columns, tensor_depth<T>> const task(s);
    ProductStage<A, decltype(tiles.a), tensor_threads> next_a(a, task.product, task.i, s.m, task.begin, task.end);
    ProductStage<B, decltype(tiles.b), tensor_threads> next_b(b, task.product, task.j, s.n, task.begin, task.end);
    int const row = warp::number() / 2 * 16 * high, column = warp::number() % 2 * 32;
    warp::MatrixC sum[high][4];
    for_tiles<tensor_depth<T>>(task.begin, task.end, next_a, tiles.a, next_b, tiles.b, [&] {
#pragma unroll
        for (int depth = 0; depth < tensor_depth<T>; depth += tensor_depth<T> / 2) {
            warp::MatrixB right[2][2];
            for (int n = 0; n < 2; ++n) load_right<B::deep>(right[n], tiles.b.element, depth, column + 16 * n);
#pragma unroll
            for (int m = 0; m < high; ++m) {
                warp::MatrixA left;
                load_left<A::deep>(left, tiles.a.element, row + 16 * m, depth);
                for (int n = 0; n < 4; ++n) warp::multiply<T>(sum[m][n], left, right[n / 2][n % 2]);
            }
        }
    });
    __syncthreads();  // the tiles' memory is that of the results now
    store_results(memory.results[warp::number()], sum, s, task.z, task.i + row, task.j + column, out);
}

}  // namespace gpu

namespace detail {
template <class T, int high, class A, class B, class Out>
void tensor_product(KernelLabel const& label, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    Index const tiles = s.tiles(gpu::tensor_rows<high>, gpu::tensor_columns);
    launch(label, Grid{s.batch * s.parts * tiles, gpu::tensor_threads, sizeof(gpu::TensorMemory<T, high, A, B>)},
           &gpu::tensor_product<T, high, A, B, Out>, s, a, b, out);
}
/// The same in tall tiles, which read less, where these are enough to keep a GPU busy, and where few of their rows lie beyond the matrix.
template <class T, class A, class B, class Out>
void tensor_product(KernelLabel const& label, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    constexpr Index enough = 256;
    bool const full = round_up(s.m, gpu::tensor_rows<4>) - round_up(s.m, gpu::tensor_rows<2>) <= s.m / 8;
    if (full && s.batch * s.parts * s.tiles(gpu::tensor_rows<4>, gpu::tensor_columns) >= enough) tensor_product<T, 4>(label, s, a, b, out);
    else tensor_product<T, 2>(label, s, a, b, out);
}
}  // namespace detail
}  // namespace tacet
