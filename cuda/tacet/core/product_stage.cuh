// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/product_factor.cuh>
#include <tacet/core/product_shape.cuh>
#include <algorithm>

namespace tacet::gpu {

/// The block of a result that a block of threads makes, of `rows` x `columns` from row i and column j on, and the part [begin, end) of k
/// that it sums, in steps of `depth`.
template <int rows, int columns, int depth> struct ProductTask {
    Index z, product, i, j, begin, end;
    __device__ explicit ProductTask(ProductShape const& s) {
        Index const across = detail::div_up(s.n, columns), tiles = s.tiles(rows, columns), tile = blockIdx.x % tiles;
        z = blockIdx.x / tiles, product = z / s.parts;
        i = tile / across * rows, j = tile % across * columns;
        begin = z % s.parts * s.depth_of_part(depth), end = std::min(s.k, begin + s.depth_of_part(depth));
    }
};

/// What a thread brings from memory for the next tile of a factor while the last one is multiplied. A Tile says how many `lines` of which
/// `length` it takes from the factor, and how many elements in one `run`, and stores them; where the lines are, and the spots in them, is
/// found out once.
template <class F, class Tile, int threads> class ProductStage {
    static constexpr int per_line = Tile::length / Tile::run, each = Tile::lines * per_line / threads, spacing = threads / per_line;
    static_assert(threads % per_line == 0 && each * spacing == Tile::lines);

public:
    /// `first`: of the rows or columns of the tile, of `size` in all; [begin, end) of k.
    __device__ ProductStage(F const& factor, Index product, Index first, Index size, Index begin, Index end)
        : factor_(factor), spot_(factor.spot((F::deep ? begin : first) + own_spot())),
          lines_left_((F::deep ? size - first : end - begin) - own_line()),
          spots_left_((F::deep ? end - begin : size - first) - own_spot()) {
#pragma unroll
        for (int q = 0; q < each; ++q) line_[q] = factor.line(product, (F::deep ? first : begin) + own_line() + q * spacing);
    }
    /// Reads a tile, and goes on to the next.
    __device__ void load() {
#pragma unroll
        for (int q = 0; q < each; ++q)
            if (q * spacing < lines_left_) load_padded(run_[q], factor_, line_[q], spot_, spots_left_);
            else
#pragma unroll
                for (auto& element : run_[q]) element = typename F::Element(0);
        if constexpr (F::deep) {
            factor_.advance(spot_, Tile::length), spots_left_ -= Tile::length;
        } else {
#pragma unroll
            for (auto& line : line_) factor_.advance(line, Tile::lines);
            lines_left_ -= Tile::lines;
        }
    }
    __device__ void store(Tile& tile) const {
#pragma unroll
        for (int q = 0; q < each; ++q) tile.store(own_line() + q * spacing, own_spot(), run_[q]);
    }

private:
    __device__ static int own_line() { return static_cast<int>(threadIdx.x) / per_line; }
    __device__ static int own_spot() { return static_cast<int>(threadIdx.x) % per_line * Tile::run; }

    F const& factor_;
    typename F::Line line_[each];
    typename F::Spot spot_;
    Index lines_left_, spots_left_;
    typename F::Element run_[each][Tile::run];
};

/// Calls multiply() for each pair of tiles of [begin, end) while the next pair is on its way from memory.
template <int depth, class A, class TileA, class B, class TileB, class M>
__device__ void for_tiles(Index begin, Index end, A& a, TileA& tile_a, B& b, TileB& tile_b, M const& multiply) {
    for (Index l = begin;; l += depth) {
        bool const more = l < end;
        if (more) a.load(), b.load();
        if (l > begin) multiply();
        if (!more) return;
        __syncthreads();  // nobody reads the last tiles any more
        a.store(tile_a), b.store(tile_b);
        __syncthreads();
    }
}

/// A piece of a result: 4 x 4, of which the first `rows` and `columns` are wanted.
template <class T> struct ResultBlock {
    static constexpr int size = 4;
    T sum[size][size];
    Index rows, columns;
};
/// Products into memory: (batch, m, n).
template <class T> struct PlainResult {
    T* data;
    Index m, n;
    __device__ void operator()(Index z, Index i, Index j, ResultBlock<Wide<T>> const& block) const {
        T* const to = data + (z * m + i) * n + j;
#pragma unroll
        for (int row = 0; row < block.size; ++row) {
            T line[block.size];
#pragma unroll
            for (int e = 0; e < block.size; ++e) line[e] = static_cast<T>(block.sum[row][e]);
            if (row < block.rows) store_padded(to + row * n, line, block.columns);
        }
    }
};

}  // namespace tacet::gpu
