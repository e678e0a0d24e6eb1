// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/ops/register_tile.hpp>
#include <tacet/ops/scratch.hpp>
#include <algorithm>

namespace tacet {

/// Whether a matrix is taken as it is or transposed.
enum class Transposition { None, Transpose };

/// Device half of matmul.
template <class D> struct GemmKernel {
    static_assert(sizeof(D) == 0, "matmul has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
};

template <> struct GemmKernel<Cpu> {
    /// For each i < batch: c_i (m, n) = op(a_i) (m, k) op(b_i) (k, n), all row-major and contiguous; nothing overlaps. Every element sums
    /// over k in one order: its bits depend neither on the number of threads nor on the other rows.
    template <class T>
    static void run(Transposition ta, Transposition tb, Index batch, Index m, Index n, Index k, T const* a, T const* b, T* c) {
        using V = Simd<T>;
        using namespace detail::kernel;
        constexpr Index rows = 96;  // of a task: whole tiles of 6 and of 8 rows
        bool const plain_a = ta == Transposition::None, plain_b = tb == Transposition::None;
        Index const blocks = block_count<V>(n), strips = div_up(m, rows), width = round_up(n, V::lanes);
        T* const packed = scratch<T, weight_slot>(batch * k * width);
        parallel_for(batch * blocks, [&](Index task) {
            Index const i = task / blocks;
            Block const block = block_at<V>(n, task % blocks);
            pack<V>(b + i * k * n + (plain_b ? block.begin : block.begin * k), k, plain_b ? n : 1, plain_b ? 1 : k, block,
                    packed + (i * width + block.begin) * k);
        });
        parallel_for(batch * strips, [&](Index task) {
            Index const i = task / strips, begin = task % strips * rows, height = std::min(rows, m - begin);
            T const* const strip = a + i * m * k + (plain_a ? begin * k : begin);
            multiply<V>(height, n, k, strip, plain_a ? k : 1, plain_a ? 1 : m, packed + i * width * k, c + (i * m + begin) * n);
        });
    }

private:
    /// Lays out one block of columns of b (element (l, j) at l b_row + j b_col) as tiles read it: [k][vectors of the block], padded with
    /// zeros.
    template <class V, class T> static void pack(T const* b, Index k, Index b_row, Index b_col, detail::kernel::Block const& block, T* to) {
        Index const width = block.vectors * V::lanes;
        for (Index l = 0; l < k; ++l)
            for (Index j = 0; j < width; ++j) to[l * width + j] = j < block.size ? b[l * b_row + j * b_col] : T(0);
    }

    /// `height` rows of c (n columns) from as many rows of a (element (i, l) at i a_row + l a_col).
    template <class V, class T>
    static void multiply(Index height, Index n, Index k, T const* a, Index a_row, Index a_col, T const* packed, T* c) {
        using namespace detail::kernel;
        constexpr Index depth = 512;  // of one pass over k: what it reads of a and b stays in the second-level cache
        for (Index l = 0; l == 0 || l < k; l += depth)
            for (Index q = 0; q < block_count<V>(n); ++q) {
                Block const block = block_at<V>(n, q);
                T const* const b = packed + block.begin * k + l * block.vectors * V::lanes;
                multiply_block<V>(height, n, std::min(depth, k - l), a + l * a_col, a_row, a_col, block, b, l > 0, c + block.begin);
            }
    }

    /// One block of columns of these rows; added to c where `add`.
    template <class V, class T>
    static void multiply_block(Index height, Index n, Index k, T const* a, Index a_row, Index a_col, detail::kernel::Block const& block,
                               T const* b, bool add, T* c) {
        using namespace detail::kernel;
        Index const tile = tile_rows<V>(block.vectors);
        for (Index i = 0; i < height; i += tile) {
            Index const rows = std::min(tile, height - i);
            Walk walk{1, 1, k, a_row, 0, 0, a_col, 0, 0, block.vectors * V::lanes};
            T const* from = a + i * a_row;
            if (rows < tile) {  // a tile reads all its rows: the missing ones are zeros
                from = pad_rows(from, rows, tile, k, a_row, a_col);
                walk.a_tile = k, walk.a_inner = 1;
            }
            run_tile<V>(block.vectors, walk, from, b, TileOutput<T>{c + i * n, n, rows, block.last, nullptr, add});
        }
    }

    template <class T> static T const* pad_rows(T const* a, Index rows, Index tile, Index k, Index a_row, Index a_col) {
        T* const padded = detail::kernel::scratch<T, detail::kernel::window_slot>(tile * k);
        std::fill_n(padded, tile * k, T(0));
        for (Index i = 0; i < rows; ++i)
            for (Index l = 0; l < k; ++l) padded[i * k + l] = a[i * a_row + l * a_col];
        return padded;
    }
};

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/gemm.cuh>
#endif
