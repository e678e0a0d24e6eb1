// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/part_sum.cuh>
#include <tacet/core/shared_memory.cuh>
#include <algorithm>
#include <array>

namespace tacet {
namespace gpu {

/// What a block of column_parts adds up: 32 columns, by 8 threads each.
constexpr int column_lanes = 32, column_strands = 8;
template <class T, int K> struct ColumnParts {
    T sum[column_strands][K][column_lanes];
};

/// part[p][k][column] = the sum of f(row, column)[k] over the p-th range of rows: each thread adds every eighth row of its column, and the
/// eight of a column are added in order. Block p * strips + s has the 32 columns of strip s.
template <class T, int K, class F>
__global__ void column_parts(T* part /* (parts, K, columns) */, Index rows, Index rows_per_part, Index columns, Index strips, F f) {
    auto& shared = shared_memory<ColumnParts<T, K>>();
    int const lane = static_cast<int>(threadIdx.x) % column_lanes, strand = static_cast<int>(threadIdx.x) / column_lanes;
    Index const p = blockIdx.x / strips, column = blockIdx.x % strips * column_lanes + lane;
    T sum[K] = {};
    if (column < columns) {
        Index const end = std::min(rows, (p + 1) * rows_per_part);
        for (Index row = p * rows_per_part + strand; row < end; row += column_strands) {
            T term[K];
            f(row, column, term);
            for (int k = 0; k < K; ++k) sum[k] += term[k];
        }
    }
    for (int k = 0; k < K; ++k) shared.sum[strand][k][lane] = sum[k];
    __syncthreads();
    if (strand > 0 || column >= columns) return;
    for (int k = 0; k < K; ++k) {
        for (int s = 1; s < column_strands; ++s) sum[k] += shared.sum[s][k][lane];
        part[(p * K + k) * columns + column] = sum[k];
    }
}

/// The elements of rows (rows, columns) themselves, as terms.
template <class T> struct RowTerms {
    T const* x;
    Index columns;
    __device__ void operator()(Index row, Index k, Wide<T> (&term)[1]) const { term[0] = x[row * columns + k]; }
};

}  // namespace gpu

namespace detail {

/// out[k][column] = the sum over all rows of f(row, column, term (K))[k]; columns next to each other are read by threads next to each
/// other. In a fixed order: the same bits every time.
template <class T, std::size_t K, class F>
void column_sums(char const* name, std::array<T*, K> const& out /* K times (columns) */, Index rows, Index columns, F const& f) {
    Index const strips = div_up(columns, gpu::column_lanes);
    // Enough parts to keep a GPU busy, few enough that the parts are small beside the rows.
    Index const parts = std::clamp<Index>(rows / 128, 1, std::max<Index>(1, 1024 / std::max<Index>(strips, 1)));
    constexpr int n = static_cast<int>(K);
    Buffer<Cuda> const memory(parts * n * columns, sizeof(T));
    auto* const part = static_cast<T*>(memory.data());
    launch({name, Shape{rows, columns}}, Grid{parts * strips, gpu::column_lanes * gpu::column_strands, sizeof(gpu::ColumnParts<T, n>)},
           &gpu::column_parts<T, n, F>, part, rows, div_up(rows, parts), columns, strips, f);
    for (int k = 0; k < n; ++k)
        launch_part_sums(name, columns, gpu::PartSum<T, T>{out[static_cast<std::size_t>(k)], part + k * columns, parts, n * columns});
}

}  // namespace detail
}  // namespace tacet
