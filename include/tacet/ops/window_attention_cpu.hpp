// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/math.hpp>
#include <tacet/core/simd.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/ops/window_grid.hpp>
#include <algorithm>
#include <cmath>

namespace tacet::detail::kernel {

/// The probabilities of all queries of a window and head, as p[key of the list][query].
template <class V, class T = typename V::value_type>
void attention_probabilities(WindowGrid const& g, WindowTokens const& tokens, Index head, T const* qkv, T const* table, T* p) {
    Index const c = g.channels(), d = g.depth, slots = g.slots(), keys = static_cast<Index>(tokens.keys.size());
    T const scale = 1 / std::sqrt(static_cast<T>(d));
    for (Index i = 0; i < slots; ++i) {
        auto const slot = static_cast<std::size_t>(i);
        T largest = -INFINITY, sum = 0;
        for (Index k = 0; k < keys; ++k) {
            auto const key = static_cast<std::size_t>(tokens.keys[static_cast<std::size_t>(k)]);
            p[k * slots + i] = -INFINITY;
            if (tokens.pixel[slot] < 0 || tokens.region[slot] != tokens.region[key]) continue;
            T const *const a = qkv + tokens.pixel[slot] * 3 * c + head * d, *const b = qkv + tokens.pixel[key] * 3 * c + c + head * d;
            T s = 0;
            for (Index m = 0; m < d; ++m) s += a[m] * b[m];
            p[k * slots + i] = s * scale + table[g.table_row(i, static_cast<Index>(key)) * g.heads + head];
            largest = std::max(largest, p[k * slots + i]);
        }
        for (Index k = 0; k < keys; ++k) sum += p[k * slots + i] = largest == -INFINITY ? T(0) : math::exp(p[k * slots + i] - largest);
        for (Index k = 0; k < keys; ++k) p[k * slots + i] /= sum > 0 ? sum : T(1);
    }
}

template <class T>
void window_attention(WindowGrid const& g, T* y, T const* qkv, T const* table, std::uint8_t const* keep) {
    using V = Simd<T>;
    Index const c = g.channels(), d = g.depth, slots = g.slots();
    parallel_for(g.windows(), [&](Index window) {
        WindowTokens tokens;
        g.tokens(tokens, window, keep);
        std::vector<T> p(static_cast<std::size_t>(slots * slots));
        for (Index head = 0; head < g.heads; ++head) {
            attention_probabilities<V>(g, tokens, head, qkv, table, p.data());
            for (Index i = 0; i < slots; ++i) {
                if (tokens.pixel[static_cast<std::size_t>(i)] < 0) continue;
                T* const to = y + tokens.pixel[static_cast<std::size_t>(i)] * c + head * d;
                std::fill(to, to + d, T(0));
                for (std::size_t k = 0; k < tokens.keys.size(); ++k) {
                    T const* const v = qkv + tokens.pixel[static_cast<std::size_t>(tokens.keys[k])] * 3 * c + 2 * c + head * d;
                    for (Index m = 0; m < d; ++m) to[m] += p[k * static_cast<std::size_t>(slots) + static_cast<std::size_t>(i)] * v[m];
                }
            }
        }
    });
}

/// gqkv and gtable may be null.
template <class T>
void window_attention_gradients(WindowGrid const& g, T* gqkv, T* gtable, T const* gy, T const* qkv, T const* table,
                                std::uint8_t const* keep) {
    using V = Simd<T>;
    Index const c = g.channels(), d = g.depth, slots = g.slots(), size = g.table_rows() * g.heads, windows = g.windows();
    Index const parts = std::min<Index>(windows, 64);
    T const scale = 1 / std::sqrt(static_cast<T>(d));
    std::vector<double> sums(static_cast<std::size_t>(parts * size));
    if (gqkv) std::fill(gqkv, gqkv + g.n * g.h * g.w * 3 * c, T(0));
    parallel_for(parts, [&](Index part) {
        WindowTokens tokens;
        std::vector<T> p(static_cast<std::size_t>(slots * slots)), ds(p.size());
        for (Index window = windows * part / parts; window < windows * (part + 1) / parts; ++window) {
            g.tokens(tokens, window, keep);
            for (Index head = 0; head < g.heads; ++head) {
                attention_probabilities<V>(g, tokens, head, qkv, table, p.data());
                for (Index i = 0; i < slots; ++i) {
                    Index const pixel = tokens.pixel[static_cast<std::size_t>(i)];
                    if (pixel < 0) continue;
                    T const* const go = gy + pixel * c + head * d;
                    T mean = 0;
                    auto const at = [&](std::size_t k) { return k * static_cast<std::size_t>(slots) + static_cast<std::size_t>(i); };
                    auto const row = [&](std::size_t k) {
                        return tokens.pixel[static_cast<std::size_t>(tokens.keys[k])] * 3 * c + head * d;
                    };
                    for (std::size_t k = 0; k < tokens.keys.size(); ++k) {
                        T dp = 0;
                        for (Index m = 0; m < d; ++m) dp += go[m] * qkv[row(k) + 2 * c + m];
                        ds[at(k)] = dp;
                        mean += dp * p[at(k)];
                    }
                    for (std::size_t k = 0; k < tokens.keys.size(); ++k) {
                        T const slope = p[at(k)] * (ds[at(k)] - mean);
                        sums[static_cast<std::size_t>(part * size + g.table_row(i, tokens.keys[k]) * g.heads + head)] += slope;
                        if (!gqkv) continue;
                        for (Index m = 0; m < d; ++m) {
                            gqkv[pixel * 3 * c + head * d + m] += slope * scale * qkv[row(k) + c + m];
                            gqkv[row(k) + c + m] += slope * scale * qkv[pixel * 3 * c + head * d + m];
                            gqkv[row(k) + 2 * c + m] += p[at(k)] * go[m];
                        }
                    }
                }
            }
        }
    });
    if (!gtable) return;
    for (Index e = 0; e < size; ++e) {
        double sum = 0;
        for (Index part = 0; part < parts; ++part) sum += sums[static_cast<std::size_t>(part * size + e)];
        gtable[e] = static_cast<T>(sum);
    }
}

}  // namespace tacet::detail::kernel
