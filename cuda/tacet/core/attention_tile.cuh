// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/product_factor.cuh>
#include <tacet/core/tile_fragment.cuh>
#include <tacet/core/warp_reduce.cuh>
#include <cmath>
#include <limits>
#include <type_traits>

// The arithmetic of attention among 64 tokens on the tensor cores: four warps, each with 16 queries and all keys. Scores stay in registers.
namespace tacet::gpu {

constexpr int attention_tokens = 64, attention_threads = 128, attention_queries = 16;

/// A row for each token: queries, keys, values or gradients of one head, filled up with zeros.
template <class T, int depth> struct HeadTile {
    alignas(16) T row[attention_tokens][depth + 8];

    /// row_of(token): where its `used` numbers lie, or null. All threads take part; a barrier must follow.
    template <class F> __device__ void load(F const& row_of, int used) {
        for (int k = static_cast<int>(threadIdx.x); k < attention_tokens * depth / 2; k += attention_threads) {
            int const token = k / (depth / 2), c = k % (depth / 2) * 2;
            T const* const from = row_of(token);
            T two[2] = {T(0), T(0)};
            if (from && (c + 1 >= used || !load_vector(two, from + c)))
#pragma unroll
                for (int e = 0; e < 2; ++e) two[e] = c + e < used ? from[c + e] : T(0);
            store_vector(&row[token][c], two);
        }
    }
};
/// Weights, or gradients of scores, as 16-bit numbers: (queries, keys).
template <class T> struct ScoreTile {
    alignas(16) T row[attention_tokens][attention_tokens + 8];
};

/// This warp's queries by all keys, (16, 64).
struct Scores {
    static constexpr int tiles = attention_tokens / 8, lanes_of_query = 4;
    warp::MatrixC tile[tiles];

    /// f(number of the query, of the key, which of this lane's two queries, the score) for what this lane holds.
    template <class F> __device__ void each(F const& f) {
#pragma unroll
        for (int n = 0; n < tiles; ++n)
#pragma unroll
            for (int e = 0; e < 4; ++e)
                f(warp::number() * attention_queries + warp::row_of_result(e), 8 * n + warp::column_of_result(e), e / 2, tile[n].v[e]);
    }
    /// a b^T for the rows of two tiles.
    template <class T, int depth> __device__ static Scores of(HeadTile<T, depth> const& a, HeadTile<T, depth> const& b) {
        Scores s;
#pragma unroll
        for (int k = 0; k < depth; k += 16) {
            warp::MatrixA left;
            load_left<true>(left, a.row, warp::number() * attention_queries, k);
#pragma unroll
            for (int n = 0; n < tiles; n += 2) {
                warp::MatrixB right[2];
                load_right<true>(right, b.row, k, 8 * n);
#pragma unroll
                for (int side = 0; side < 2; ++side) warp::multiply<T>(s.tile[n + side], left, right[side]);
            }
        }
        return s;
    }
    /// The scores become exponentials along the keys, relative to the largest one of the query. `inverse`: one by their sum, of this lane's
    /// two queries; 0 where all scores are minus infinity.
    __device__ void exponentials(float (&inverse)[2]) {
        constexpr float none = -std::numeric_limits<float>::infinity();
        float largest[2] = {none, none}, total[2] = {0, 0};
        each([&](int, int, int mine, float v) { largest[mine] = warp::larger(largest[mine], v); });
        for (float& v : largest) {
            v = warp::largest<lanes_of_query>(v);
            if (v == none) v = 0;  // so that their exponentials are 0
        }
        each([&](int, int, int mine, float& v) { total[mine] += v = std::exp(v - largest[mine]); });
#pragma unroll
        for (int mine = 0; mine < 2; ++mine) {
            float const sum = warp::sum<lanes_of_query>(total[mine]);
            inverse[mine] = sum == 0 ? 0.f : 1 / sum;
        }
    }
    /// The scores become weights of a softmax along the keys; where all of a query's are minus infinity, 0.
    __device__ void softmax() {
        float inverse[2];
        exponentials(inverse);
        each([&](int, int, int mine, float& v) { v *= inverse[mine]; });
    }
    /// From the gradients of weights to those of the scores: each times its weight, less the mean of the query's.
    __device__ void softmax_backward(Scores const& weights) {
        float mean[2] = {0, 0};
        each_with(weights, [&](int mine, float& v, float weight) { mean[mine] += v * weight; });
        for (float& v : mean) v = warp::sum<lanes_of_query>(v);
        each_with(weights, [&](int mine, float& v, float weight) { v = weight * (v - mean[mine]); });
    }
    __device__ Scores& operator+=(Scores const& other) {
        each_with(other, [](int, float& v, float more) { v += more; });
        return *this;
    }
    template <class T> __device__ void store(ScoreTile<T>& to) const {
#pragma unroll
        for (int n = 0; n < tiles; ++n)
#pragma unroll
            for (int e = 0; e < 4; ++e)
                to.row[warp::number() * attention_queries + warp::row_of_result(e)][8 * n + warp::column_of_result(e)] = T(tile[n].v[e]);
    }

private:
    template <class F> __device__ void each_with(Scores const& other, F const& f) {
#pragma unroll
        for (int n = 0; n < tiles; ++n)
#pragma unroll
            for (int e = 0; e < 4; ++e) f(e / 2, tile[n].v[e], other.tile[n].v[e]);
    }
};

/// Rows of a head by this warp's 16 tokens: (16, depth).
template <int depth> struct HeadRows {
    static constexpr int tiles = depth / 8;
    warp::MatrixC tile[tiles];

    /// += weights (16, 64) times the rows of a tile.
    template <class T> __device__ void add(Scores const& weights, HeadTile<T, depth> const& rows) {
#pragma unroll
        for (int k = 0; k < Scores::tiles; k += 2) multiply(as_left<T>(weights.tile[k], weights.tile[k + 1]), rows, 8 * k);
    }
    /// += transposed scores, of this warp's 16 keys by all queries, times the rows of a tile.
    template <class T> __device__ void add_transposed(ScoreTile<T> const& scores, HeadTile<T, depth> const& rows) {
#pragma unroll
        for (int k = 0; k < attention_tokens; k += 16) {
            warp::MatrixA left;
            load_left<false>(left, scores.row, warp::number() * attention_queries, k);
            multiply(left, rows, k);
        }
    }
    /// Writes the rows times a factor, as far as they are used; row_of(token): where to, or null.
    template <class F> __device__ void store(F const& row_of, int used, float factor) const {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            auto* const to = row_of(warp::number() * attention_queries + warp::row_of_result(2 * half));
            using T = std::remove_cvref_t<decltype(*to)>;
            for (int n = 0; to && n < tiles; ++n) {
                int const c = 8 * n + warp::column_of_result(2 * half);
                T const both[2] = {static_cast<T>(tile[n].v[2 * half] * factor), static_cast<T>(tile[n].v[2 * half + 1] * factor)};
                store_padded(to + c, both, used - c);
            }
        }
    }

private:
    template <class T> __device__ void multiply(warp::MatrixA const& left, HeadTile<T, depth> const& rows, int k) {
#pragma unroll
        for (int n = 0; n < tiles; n += 2) {
            warp::MatrixB right[2];
            load_right<false>(right, rows.row, k, 8 * n);
#pragma unroll
            for (int side = 0; side < 2; ++side) warp::multiply<T>(tile[n + side], left, right[side]);
        }
    }
};

}  // namespace tacet::gpu
