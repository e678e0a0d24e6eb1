// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/register_tile.hpp>
#include <tacet/ops/window_grid.hpp>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

// What attention computes with: exponentials, transposed squares of registers, rows that are packed and multiplied.
namespace tacet::detail::kernel {

/// Logits in float are binary logarithms.
template <class T> inline constexpr T logit_unit = sizeof(T) == 4 ? T(1.44269504088896341) : T(1);
/// The score of what a query does not see.
template <class T> inline constexpr T hidden_score = std::numeric_limits<T>::lowest() / 2;

/// What a logit's exponential is: 2^x in float, to 8e-8 and exactly 0 below -126.5, for x <= 0; e^x in double.
template <class V> [[gnu::always_inline]] inline V probability(V x) {
    using T = typename V::value_type;
    if constexpr (sizeof(T) == 4) {
        using Bits = typename V::IntegerVector;
        V const in = max(x, V::broadcast(-127));
        V const shifted = in + V::broadcast(12582912), r = in - (shifted - V::broadcast(12582912));  // 3 2^22: rounds to integers
        V p = fma(V::broadcast(0.000153533620f), r, V::broadcast(0.00133988739f));  // a minimax fit within |r| <= 1/2
        p = fma(p, r, V::broadcast(0.00961843692f));
        p = fma(p, r, V::broadcast(0.0555033237f));
        p = fma(p, r, V::broadcast(0.240226477f));
        p = fma(p, r, V::broadcast(0.693147182f));
        p = fma(p, r, V::broadcast(1));  // at r = 0 exactly 1, which the exponent -127 turns into 0
        auto const bits = std::bit_cast<Bits>(p.v) + (std::bit_cast<Bits>(shifted.v) << 23);
        return {std::bit_cast<typename V::Vector>(bits)};
    } else {
        for (int l = 0; l < V::lanes; ++l) x.v[l] = std::exp(x.v[l]);
        return x;
    }
}

/// Which lanes of rows i and i + step form the new row i, or the second one, when blocks of step x step change places.
template <class V, int step> constexpr auto exchanged_lanes(bool second) {
    std::array<typename V::Integer, V::lanes> from{};
    for (int l = 0; l < V::lanes; ++l) {
        int const other = l & step ? V::lanes - step : 0;
        from[static_cast<std::size_t>(l)] = l + other + (second ? step : 0);
    }
    return from;
}

/// Row i of the square of registers becomes column i.
template <class V> [[gnu::always_inline]] inline void transpose(V (&x)[V::lanes]) {
    unrolled<std::bit_width(static_cast<unsigned>(V::lanes)) - 1>([&](auto level) __attribute__((always_inline)) {
        constexpr int step = 1 << level;
        unrolled<V::lanes>([&](auto i) __attribute__((always_inline)) {
            if constexpr (!(i & step)) {
                V const a = x[i], b = x[i + step];
                x[i] = V::template shuffle<exchanged_lanes<V, step>(false)>(a, b);
                x[i + step] = V::template shuffle<exchanged_lanes<V, step>(true)>(a, b);
            }
        });
    });
}

/// Sizes of a window's work: queries in whole vectors, channels of a row in whole vectors.
template <class V> struct AttentionSizes {
    Index slots, queries, depth, row;
    explicit AttentionSizes(WindowGrid const& g)
        : slots(g.slots()), queries(round_up(slots, V::lanes)), depth(g.depth), row(round_up(depth, V::lanes)) {}
};

/// Rows `offset` of x (-1: zeros) as rows of whole vectors: to (count, row).
template <class V, class T = typename V::value_type>
void pack_rows(T* to, T const* x, Index const* offset, Index count, AttentionSizes<V> n) {
    int const last = static_cast<int>(n.depth - (n.row - V::lanes));
    for (Index i = 0; i < count; ++i, to += n.row) {
        if (offset[i] < 0) {
            std::fill(to, to + n.row, T(0));
            continue;
        }
        T const* const from = x + offset[i];
        for (Index c = 0; c < n.row - V::lanes; c += V::lanes) V::load(from + c).store(to + c);
        V::load_partial(from + n.row - V::lanes, last).store(to + n.row - V::lanes);
    }
}

/// The reverse: rows of `from` to `offset` of x; nowhere for -1.
template <class V, class T = typename V::value_type>
void unpack_rows(T* x, T const* from, Index const* offset, Index count, AttentionSizes<V> n) {
    int const last = static_cast<int>(n.depth - (n.row - V::lanes));
    for (Index i = 0; i < count; ++i, from += n.row) {
        if (offset[i] < 0) continue;
        T* const to = x + offset[i];
        for (Index c = 0; c < n.row - V::lanes; c += V::lanes) V::load(from + c).store(to + c);
        V::load(from + n.row - V::lanes).store_partial(to + n.row - V::lanes, last);
    }
}

/// to (columns, to_row) = factor x^T for x (rows, x_row), whose rows are whole vectors; rows of `to` end with zeros up to a whole vector.
template <class V, class T = typename V::value_type>
void transpose_rows(T* to, Index to_row, T const* x, Index x_row, Index rows, Index columns, T factor = 1) {
    for (Index c = 0; c < columns; c += V::lanes)
        for (Index i = 0; i < rows; i += V::lanes) {
            V block[V::lanes];
            unrolled<V::lanes>([&](auto l) __attribute__((always_inline)) {
                block[l] = i + l < rows ? V::load(x + (i + l) * x_row + c) * V::broadcast(factor) : V::zero();
            });
            transpose(block);
            unrolled<V::lanes>([&](auto l) __attribute__((always_inline)) {
                if (c + l < columns) block[l].store(to + (c + l) * to_row + i);
            });
        }
}

/// acc[p][v] += sum over k < count of a[p a_tile + k a_step] times the vector at b[k b_step + v lanes].
template <class V, int P, int K, class T = typename V::value_type>
[[gnu::always_inline]] inline void add_products(V (&acc)[P][K], T const* a, Index a_tile, Index a_step, T const* b, Index b_step,
                                                Index count) {
    for (Index k = 0; k < count; ++k, a += a_step, b += b_step) {
        V x[K];
        unrolled<K>([&](auto v) __attribute__((always_inline)) { x[v] = V::load(b + v * V::lanes).pinned(); });
        unrolled<P>([&](auto p) __attribute__((always_inline)) {
            V const factor = V::broadcast(a[p * a_tile]);
            unrolled<K>([&](auto v) __attribute__((always_inline)) { acc[p][v] = fma(factor, x[v], acc[p][v]); });
        });
    }
}

/// A matrix of weights: how far the rows of the result are apart in it, and the terms of their sums.
template <class T> struct Weights {
    T const* at;
    Index row, term;
};
/// Where rows go: row i to y + offset[i], nowhere for -1, times factor[i factor_step].
template <class T> struct RowsOutput {
    T* y;
    Index const* offset;
    Index rows;
    T const* factor;
    Index factor_step;
};

/// R rows of K vectors, the last with `last` lanes: row i is the sum over k < terms of weight (i, k) times row k of x, whose rows are
/// x_row apart.
template <class V, int R, int K, class T = typename V::value_type>
[[gnu::always_inline]] inline void weighted_sums_tile(Weights<T> w, T const* x, Index x_row, Index terms, RowsOutput<T> out, int last) {
    V acc[R][K];
    unrolled<R * K>([&](auto k) __attribute__((always_inline)) { acc[k / K][k % K] = V::zero(); });
    add_products(acc, w.at, w.row, w.term, x, x_row, terms);
    unrolled<R>([&](auto r) __attribute__((always_inline)) {
        if (r >= out.rows || out.offset[r] < 0) return;
        T* const to = out.y + out.offset[r];
        V const f = V::broadcast(out.factor[r * out.factor_step]);
        unrolled<K>([&](auto v) __attribute__((always_inline)) {
            V const value = acc[r][v] * f;
            if (v < K - 1 || last == V::lanes) value.store(to + v * V::lanes);
            else value.store_partial(to + v * V::lanes, last);
        });
    });
}

/// The same for all rows and channels.
template <class V, class T = typename V::value_type>
void weighted_sums(Weights<T> w, T const* x, Index terms, RowsOutput<T> out, AttentionSizes<V> n) {
    for (Index b = 0; b < block_count<V>(n.depth); ++b) {
        Block const block = block_at<V>(n.depth, b);
        auto const with = [&](auto vectors) {
            constexpr int R = tile_rows<V>(vectors);
            for (Index i = 0; i < out.rows; i += R)
                weighted_sums_tile<V, R, vectors>(
                    {w.at + i * w.row, w.row, w.term}, x + block.begin, n.row, terms,
                    {out.y + block.begin, out.offset + i, out.rows - i, out.factor + i * out.factor_step, out.factor_step}, block.last);
        };
        if (block.vectors == 1) with(std::integral_constant<int, 1>());
        if (block.vectors == 2) with(std::integral_constant<int, 2>());
        if constexpr (max_vectors<V> == 4) {
            if (block.vectors == 3) with(std::integral_constant<int, 3>());
            if (block.vectors == 4) with(std::integral_constant<int, 4>());
        }
    }
}

}  // namespace tacet::detail::kernel
