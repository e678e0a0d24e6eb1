// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <tacet/core/simd.hpp>

// The inner loop of convolutions and matrix products.
namespace tacet::detail::kernel {

using detail::div_up, detail::round_up;

/// The sum that one register tile computes: acc[p][v] = sum over (i, j, k) of a[p a_tile + i a_outer + j a_mid + k a_inner]
/// times the vector at b[i b_outer + j b_mid + k b_inner + v lanes], i < outer, j < mid, k < inner, in this order.
struct Walk {
    Index outer, mid, inner;
    Index a_tile, a_outer, a_mid, a_inner;
    Index b_outer, b_mid, b_inner;
};

/// Where a tile goes: row p < rows to y + p step, whose last vector has `last` lanes; `bias` (or null) is added to each row,
/// and what y holds when `add`.
template <class T> struct TileOutput {
    T* y;
    Index step;
    Index rows;
    int last;
    T const* bias = nullptr;
    bool add = false;
};

/// The vectors side by side in a tile, and its rows: as many accumulators as the registers hold beside one row of b and one a.
template <class V> inline constexpr int max_vectors = V::bytes == 64 ? 4 : 2;
template <class V> constexpr int tile_rows(int vectors) { return V::bytes == 64 ? (vectors == 4 ? 6 : 8) : 6; }

/// Inlined by force: accumulators whose address goes to a function would live in memory.
template <class V, int K, class T = typename V::value_type>
[[gnu::always_inline]] inline void store_tile_row(V const (&acc)[K], T* y, int last, T const* bias, bool add) {
    unrolled<K>([&](auto v) __attribute__((always_inline)) {
        auto* const to = y + v * V::lanes;
        bool const whole = v < K - 1 || last == V::lanes;
        V value = acc[v];
        if (bias) value += V::load(bias + v * V::lanes);
        if (add) value += whole ? V::load(to) : V::load_partial(to, last);
        if (whole) value.store(to);
        else value.store_partial(to, last);
    });
}

/// Computes a tile of P rows and K vectors; the order of each sum depends on the walk only.
template <class V, int P, int K, class T = typename V::value_type>
void run_tile(Walk const& walk, T const* a, T const* b, TileOutput<T> const& out) {
    V acc[P][K];
    unrolled<P * K>([&](auto i) __attribute__((always_inline)) { acc[i / K][i % K] = V::zero(); });
    for (Index i = 0; i < walk.outer; ++i)
        for (Index j = 0; j < walk.mid; ++j) {
            T const* ak = a + i * walk.a_outer + j * walk.a_mid;
            T const* bk = b + i * walk.b_outer + j * walk.b_mid;
            for (Index k = 0; k < walk.inner; ++k, ak += walk.a_inner, bk += walk.b_inner) {
                V w[K];
                unrolled<K>([&](auto v) __attribute__((always_inline)) { w[v] = V::load(bk + v * V::lanes); });
                unrolled<P>([&](auto p) __attribute__((always_inline)) {
                    V const x = V::broadcast(ak[p * walk.a_tile]);
                    unrolled<K>([&](auto v) __attribute__((always_inline)) { acc[p][v] = fma(x, w[v], acc[p][v]); });
                });
            }
        }
    unrolled<P>([&](auto p) __attribute__((always_inline)) {
        if (p < out.rows) store_tile_row<V, K>(acc[p], out.y + p * out.step, out.last, out.bias, out.add);
    });
}

/// run_tile for a number of vectors known at run time.
template <class V, class T = typename V::value_type>
void run_tile(int vectors, Walk const& walk, T const* a, T const* b, TileOutput<T> const& out) {
    if (vectors == 1) return run_tile<V, tile_rows<V>(1), 1>(walk, a, b, out);
    if (vectors == 2) return run_tile<V, tile_rows<V>(2), 2>(walk, a, b, out);
    if constexpr (max_vectors<V> == 4) {
        if (vectors == 3) return run_tile<V, tile_rows<V>(3), 3>(walk, a, b, out);
        run_tile<V, tile_rows<V>(4), 4>(walk, a, b, out);
    }
}

/// Channels [begin, begin + size) of a row of channels, as tiles take them: `vectors` vectors, the last with `last` lanes.
struct Block {
    Index begin, size;
    int vectors, last;
};

/// The i-th of the blocks that cover `channels` channels as evenly as whole vectors allow.
template <class V> constexpr Index block_count(Index channels) { return div_up(div_up(channels, V::lanes), max_vectors<V>); }
template <class V> constexpr Block block_at(Index channels, Index i) {
    Index const vectors = div_up(channels, V::lanes), blocks = block_count<V>(channels), base = vectors / blocks, wider = vectors % blocks;
    Index const first = i * base + (i < wider ? i : wider), count = base + (i < wider ? 1 : 0);
    Index const begin = first * V::lanes, end = (first + count) * V::lanes < channels ? (first + count) * V::lanes : channels;
    return {begin, end - begin, static_cast<int>(count), static_cast<int>(end - begin - (count - 1) * V::lanes)};
}

}  // namespace tacet::detail::kernel
