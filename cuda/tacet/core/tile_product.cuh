// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/part_sum.cuh>
#include <tacet/core/shared_memory.cuh>
#include <algorithm>

namespace tacet {
namespace gpu {

/// A matrix product in tiles of 64 x 64, 16 deep: a thread sums 4 x 4 elements.
constexpr int product_tile = 64, product_depth = 16, product_threads = 256, product_each = 4;
template <class T> struct ProductTile {
    T a[product_depth][product_tile + 4];  // columns shifted by four: threads that write a column meet different banks
    T b[product_depth][product_tile];
};

/// How a product is cut: (m, k) times (k, n) for each of `batch`; each sum over k in `parts`, of which the p-th of product z is product
/// z * parts + p of the results.
struct ProductShape {
    Index m, n, k, batch = 1, parts = 1;
    constexpr Index tiles() const { return detail::div_up(m, product_tile) * detail::div_up(n, product_tile); }
    constexpr Index depth_of_part() const { return detail::round_up(detail::div_up(k, parts), product_depth); }
};

/// out(z, i, j, the sum over l of a(z, i, l) b(z, l, j)); a and b are asked for what lies inside only. Every sum is made in one order. A
/// has a constant `deep`: whether neighbours in l are neighbours in memory, rather than neighbours in i.
template <class T, class A, class B, class Out> __global__ void tile_product(ProductShape s, A a, B b, Out out) {
    auto& tile = shared_memory<ProductTile<T>>();
    Index const columns = detail::div_up(s.n, product_tile), tiles = s.tiles();
    Index const z = blockIdx.x / tiles, i0 = blockIdx.x % tiles / columns * product_tile, j0 = blockIdx.x % columns * product_tile;
    Index const part = z % s.parts, product = z / s.parts, begin = part * s.depth_of_part(), end = std::min(s.k, begin + s.depth_of_part());
    int const self = static_cast<int>(threadIdx.x), row = self / 16 * product_each, column = self % 16 * product_each;
    T sum[product_each][product_each] = {};
    for (Index l0 = begin; l0 < end; l0 += product_depth) {
        for (int q = self; q < product_tile * product_depth; q += product_threads) {
            int const i = A::deep ? q / product_depth : q % product_tile, l = A::deep ? q % product_depth : q / product_tile;
            tile.a[l][i] = i0 + i < s.m && l0 + l < end ? a(product, i0 + i, l0 + l) : T(0);
        }
        for (int q = self; q < product_tile * product_depth; q += product_threads) {
            int const j = B::deep ? q / product_depth : q % product_tile, l = B::deep ? q % product_depth : q / product_tile;
            tile.b[l][j] = j0 + j < s.n && l0 + l < end ? b(product, l0 + l, j0 + j) : T(0);
        }
        __syncthreads();
        for (int l = 0; l < product_depth; ++l)
            for (int i = 0; i < product_each; ++i)
                for (int j = 0; j < product_each; ++j) sum[i][j] += tile.a[l][row + i] * tile.b[l][column + j];
        __syncthreads();
    }
    for (int i = 0; i < product_each; ++i)
        for (int j = 0; j < product_each; ++j)
            if (i0 + row + i < s.m && j0 + column + j < s.n) out(z, i0 + row + i, j0 + column + j, sum[i][j]);
}

/// A row-major matrix (rows, columns) of a batch, or the transpose of one, as either factor.
template <class T> struct PlainMatrix {
    T const* data;
    Index batch_stride, row_stride, column_stride;
    __device__ T operator()(Index z, Index i, Index j) const { return data[z * batch_stride + i * row_stride + j * column_stride]; }
};
template <class T, bool is_deep> struct Factor : PlainMatrix<T> {
    static constexpr bool deep = is_deep;
};

/// Products into memory: (batch, m, n), plus a bias (n) unless null.
template <class T> struct PlainResult {
    T* data;
    T const* bias;
    Index m, n;
    __device__ void operator()(Index z, Index i, Index j, T sum) const { data[(z * m + i) * n + j] = bias ? sum + bias[j] : sum; }
};

}  // namespace gpu

namespace detail {
template <class T, class A, class B, class Out>
void tile_product(char const* name, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    launch(name, Grid{s.batch * s.parts * s.tiles(), gpu::product_threads, sizeof(gpu::ProductTile<T>)},
           &gpu::tile_product<T, A, B, Out>, s, a, b, out);
}
/// In how many parts a long sum is made, so that a GPU is busy: each at least 512 deep, and all blocks together about a thousand.
inline Index product_parts(gpu::ProductShape const& s) {
    return std::clamp<Index>(s.k / 512, 1, std::max<Index>(1, 1024 / std::max<Index>(s.tiles() * s.batch, 1)));
}
}  // namespace detail
}  // namespace tacet
