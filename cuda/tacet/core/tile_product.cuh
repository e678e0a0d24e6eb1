// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/part_sum.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/tensor_product.cuh>
#include <algorithm>

namespace tacet {
namespace gpu {

/// A matrix product in tiles of 64 x 64, 16 deep: a thread sums 4 x 4 elements.
constexpr int product_tile = 64, product_depth = 16, product_threads = 256, product_each = 4;
template <class T> struct ProductTile {
    T a[product_depth][product_tile + 4];  // columns shifted by four: threads that write a column meet different banks
    T b[product_depth][product_tile];
};

/// out(z, i, j, the sum over l of a(z, i, l) b(z, l, j)), every sum in one order; factors (see product_factor.cuh) are asked for what lies
/// inside only.
template <class T, class A, class B, class Out> __global__ void tile_product(ProductShape s, A a, B b, Out out) {
    auto& tile = shared_memory<ProductTile<T>>();
    Index const columns = detail::div_up(s.n, product_tile), tiles = s.tiles(product_tile, product_tile);
    Index const z = blockIdx.x / tiles, i0 = blockIdx.x % tiles / columns * product_tile, j0 = blockIdx.x % columns * product_tile;
    Index const product = z / s.parts, begin = z % s.parts * s.depth_of_part(product_depth);
    Index const end = std::min(s.k, begin + s.depth_of_part(product_depth));
    int const self = static_cast<int>(threadIdx.x), row = self / 16 * product_each, column = self % 16 * product_each;
    T sum[product_each][product_each] = {};
    for (Index l0 = begin; l0 < end; l0 += product_depth) {
        for (int q = self; q < product_tile * product_depth; q += product_threads) {
            int const i = A::deep ? q / product_depth : q % product_tile, l = A::deep ? q % product_depth : q / product_tile;
            bool const inside = i0 + i < s.m && l0 + l < end;
            tile.a[l][i] = inside ? a.line(product, A::deep ? i0 + i : l0 + l)(A::deep ? l0 + l : i0 + i) : T(0);
        }
        for (int q = self; q < product_tile * product_depth; q += product_threads) {
            int const j = B::deep ? q / product_depth : q % product_tile, l = B::deep ? q % product_depth : q / product_tile;
            bool const inside = j0 + j < s.n && l0 + l < end;
            tile.b[l][j] = inside ? b.line(product, B::deep ? j0 + j : l0 + l)(B::deep ? l0 + l : j0 + j) : T(0);
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

/// Products into memory: (batch, m, n), plus a bias (n) unless null.
template <class T> struct PlainResult {
    T* data;
    Wide<T> const* bias;
    Index m, n;
    __device__ void operator()(Index z, Index i, Index j, Wide<T> sum) const {
        data[(z * m + i) * n + j] = static_cast<T>(bias ? sum + bias[j] : sum);
    }
};

}  // namespace gpu

namespace detail {
/// Products of numbers T: on the tensor cores where these have the type.
template <class T, class A, class B, class Out>
void tile_product(char const* name, gpu::ProductShape const& s, A const& a, B const& b, Out const& out) {
    if constexpr (is_16_bit<T>) tensor_product<T>(name, s, a, b, out);
    else
        launch(name, Grid{s.batch * s.parts * s.tiles(gpu::product_tile, gpu::product_tile), gpu::product_threads,
                          sizeof(gpu::ProductTile<T>)},
               &gpu::tile_product<T, A, B, Out>, s, a, b, out);
}
}  // namespace detail
}  // namespace tacet
