// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/ops/window_bias.hpp>
#include <tacet/ops/window_scratch.hpp>

// Attention of one window and head at a time, in scratch memory of the size of a first cache. Scores and probabilities lie as
// [key][query]: their rows are vectors of queries, so that the softmax over the keys is arithmetic between vectors, whatever the number
// of keys or of channels. Keys that are not seen are left out from the beginning. Sums over keys or queries have channels in their lanes.
namespace tacet::detail::kernel {

/// Attention in one thread, window by window.
template <class V> class WindowAttention {
public:
    using T = typename V::value_type;

    WindowAttention(WindowGrid const& grid, Biases<V> const& biases, T const* qkv, std::uint8_t const* keep, bool backward)
        : grid_(grid), n_(grid), biases_(biases), qkv_(qkv), keep_(keep), m_(n_, backward) {}

    /// y of the windows [begin, end).
    void run(T* y, Index begin, Index end) {
        Index const c = grid_.channels(), d = grid_.depth;
        each_window(begin, end, [&](WindowPrefetch& prefetch) {
            prefetch.add(y, c * static_cast<Index>(sizeof(T)));
        }, [&](Index head, WindowPrefetch const& prefetch) {
            locate(m_.offset, slots(), c, head * d);
            if (tokens_.keys.empty()) return zero_rows(y, m_.offset, n_.slots);
            load(head);
            softmax(head, prefetch);
            locate(m_.offset, slots(), c, head * d);
            weighted_sums<V>({m_.p, 1, n_.queries}, m_.v, keys_, {y, m_.offset, n_.slots, m_.inverse_sum, 1}, n_);
        });
    }

    /// gqkv of the windows [begin, end), and their part of the table's gradient, added to table_sums. gqkv may be null.
    void gradients(T* gqkv, double* table_sums, T const* gy, Index begin, Index end) {
        Index const c = grid_.channels(), d = grid_.depth;
        std::vector<T> bias_sums(static_cast<std::size_t>(grid_.heads * biases_.size()));
        each_window(begin, end, [&](WindowPrefetch& prefetch) {
            prefetch.add(gy, c * static_cast<Index>(sizeof(T)));
            if (gqkv) prefetch.add(gqkv, 3 * c * static_cast<Index>(sizeof(T)));
        }, [&](Index head, WindowPrefetch const& prefetch) {
            if (gqkv) clear(gqkv, head);
            if (tokens_.keys.empty()) return;
            load(head);
            softmax(head, prefetch);
            locate(m_.offset, slots(), c, head * d);
            pack_rows<V>(m_.g, gy, m_.offset, n_.slots, n_);
            transpose_rows<V>(m_.g_t, n_.queries, m_.g, n_.row, n_.slots, n_.depth);
            score_gradients(bias_sums.data() + head * biases_.size());
            if (!gqkv) return;
            T const scale[] = {1 / std::sqrt(static_cast<T>(d)), 1};
            locate(m_.offset, slots(), 3 * c, head * d);
            weighted_sums<V>({m_.s, 1, n_.queries}, m_.k, keys_, {gqkv, m_.offset, n_.slots, scale, 0}, n_);
            locate(m_.key_offset, tokens_.keys, 3 * c, c + head * d);
            weighted_sums<V>({m_.s, n_.queries, 1}, m_.q, n_.slots, {gqkv, m_.key_offset, keys_, scale, 0}, n_);
            locate(m_.key_offset, tokens_.keys, 3 * c, 2 * c + head * d);
            weighted_sums<V>({m_.p, n_.queries, 1}, m_.g, n_.slots, {gqkv, m_.key_offset, keys_, scale + 1, 0}, n_);
        });
        biases_.fold(table_sums, bias_sums.data());
    }

private:
    struct EachSlot {};
    static constexpr int tile_keys = V::bytes == 64 ? 5 : 6;  // rows of keys in a tile of scores

    static EachSlot slots() { return {}; }

    void each_window(Index begin, Index end, auto&& ask, auto&& body) {
        grid_.tokens(next_, begin, keep_);
        for (Index window = begin; window < end; ++window) {
            std::swap(tokens_, next_);
            prepare_keys();
            bool const more = window + 1 < end;
            if (more) grid_.tokens(next_, window + 1, keep_);
            WindowPrefetch prefetch(more ? &next_ : nullptr, grid_.heads);
            prefetch.add(qkv_, 3 * grid_.channels() * static_cast<Index>(sizeof(T)));
            ask(prefetch);
            for (Index head = 0; head < grid_.heads; ++head) {
                prefetch.begin(head);
                body(head, prefetch);
            }
        }
    }

    /// The list of keys is filled up to whole tiles, with its last one: it changes no query's largest score, and its sums are not used.
    void prepare_keys() {
        keys_ = static_cast<Index>(tokens_.keys.size());
        if (keys_) tokens_.keys.resize(static_cast<std::size_t>(round_up(keys_, tile_keys)), tokens_.keys.back());
        Index j = 0;
        for (Index slot : tokens_.keys) {
            m_.key_bias[j] = biases_.key(slot);
            m_.key_region[j++] = static_cast<T>(tokens_.region[static_cast<std::size_t>(slot)]);
        }
        if (tokens_.several_regions)
            for (Index i = 0; i < n_.queries; ++i)
                m_.region[i] = i < n_.slots ? static_cast<T>(tokens_.region[static_cast<std::size_t>(i)]) : T(-1);
    }

    /// Where the rows of all slots, or of a list of them, begin in memory with rows of `width`.
    void locate(Index* to, EachSlot, Index width, Index column) const {
        for (Index pixel : tokens_.pixel) *to++ = pixel < 0 ? -1 : pixel * width + column;
    }
    void locate(Index* to, std::vector<Index> const& list, Index width, Index column) const {
        for (Index slot : list) *to++ = tokens_.pixel[static_cast<std::size_t>(slot)] * width + column;
    }
    void zero_rows(T* y, Index const* offset, Index count) const {
        for (Index i = 0; i < count; ++i)
            if (offset[i] >= 0) std::fill(y + offset[i], y + offset[i] + n_.depth, T(0));
    }
    /// gqkv = 0 for one head where nothing else is written: tokens that are no keys.
    void clear(T* gqkv, Index head) {
        if (keys_ == n_.slots) return;
        Index const c = grid_.channels();
        for (Index part = 0; part < 3; ++part) {
            locate(m_.offset, slots(), 3 * c, part * c + head * grid_.depth);
            zero_rows(gqkv, m_.offset, n_.slots);
        }
    }

    void load(Index head) {
        Index const c = grid_.channels(), d = grid_.depth;
        locate(m_.offset, slots(), 3 * c, head * d);
        pack_rows<V>(m_.q, qkv_, m_.offset, n_.slots, n_);
        transpose_rows<V>(m_.q_t, n_.queries, m_.q, n_.row, n_.slots, n_.depth, logit_unit<T> / std::sqrt(static_cast<T>(d)));
        locate(m_.key_offset, tokens_.keys, 3 * c, c + head * d);
        pack_rows<V>(m_.k, qkv_, m_.key_offset, static_cast<Index>(tokens_.keys.size()), n_);
        locate(m_.key_offset, tokens_.keys, 3 * c, 2 * c + head * d);
        pack_rows<V>(m_.v, qkv_, m_.key_offset, static_cast<Index>(tokens_.keys.size()), n_);
    }

    /// p = exponentials of the scores relative to the query's largest one, and the reciprocals of their sums.
    void softmax(Index head, WindowPrefetch const& prefetch) {
        constexpr int wide = max_vectors<V>;
        Index i = 0;
        for (; i + wide * V::lanes <= n_.queries; i += wide * V::lanes) softmax_of<wide>(head, i, prefetch);
        for (; i < n_.queries; i += V::lanes) softmax_of<1>(head, i, prefetch);
    }
    /// The same for Z vectors of queries, from the i-th query on.
    template <int Z> void softmax_of(Index head, Index i, WindowPrefetch const& prefetch) {
        AttentionScratch<V> const m = m_;  // here and below: copies stay in registers, members might change with every vector stored
        Index const keys = keys_, queries = n_.queries;
        V largest[Z], sum[Z];
        unrolled<Z>([&](auto z) __attribute__((always_inline)) { largest[z] = V::broadcast(hidden_score<T>), sum[z] = V::zero(); });
        scores<Z>(largest, m, biases_.head(head) + i / V::lanes * biases_.step(), i, prefetch);
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {  // 0 for a query that sees nothing
            largest[z] = select(largest[z] > V::broadcast(hidden_score<T> / 2), largest[z], V::zero());
        });
        T* row = m.p + i;
        for (Index j = 0; j < keys; ++j, row += queries)
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                V const e = probability(V::load(row + z * V::lanes) - largest[z]);
                sum[z] += e;
                e.store(row + z * V::lanes);
            });
        for (Index j = keys; j < round_up(keys, tile_keys); ++j, row += queries)
            unrolled<Z>([&](auto z) __attribute__((always_inline)) { V::zero().store(row + z * V::lanes); });
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            select(sum[z] > V::zero(), V::broadcast(1) / sum[z], V::zero()).store(m.inverse_sum + i + z * V::lanes);
        });
    }

    /// p = q k + bias, hidden where query and key are of different regions; and the largest for each query.
    template <int Z>
    [[gnu::always_inline]] void scores(V (&largest)[Z], AttentionScratch<V> const& m, T const* bias, Index i,
                                       WindowPrefetch const& prefetch) {
        constexpr int R = tile_keys;
        Index const step = biases_.step(), queries = n_.queries, depth = n_.depth, row = n_.row, keys = keys_;
        Index const share = div_up(n_.slots, div_up(keys, R));
        bool const regions = tokens_.several_regions;
        for (Index j = 0, slot = 0; j < keys; j += R, slot += share) {
            if (i == 0) prefetch.ask(slot, std::min(n_.slots, slot + share));
            V acc[R][Z];
            unrolled<R * Z>([&](auto k) __attribute__((always_inline)) { acc[k / Z][k % Z] = V::zero(); });
            add_products(acc, m.k + j * row, row, 1, m.q_t + i, queries, depth);
            unrolled<R>([&](auto r) __attribute__((always_inline)) {
                T const* const from = bias + m.key_bias[j + r];
                unrolled<Z>([&](auto z) __attribute__((always_inline)) { acc[r][z] += V::load(from + z * step); });
            });
            if (regions) hide(acc, m.key_region + j, m.region + i);
            unrolled<R>([&](auto r) __attribute__((always_inline)) {
                unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                    largest[z] = max(acc[r][z], largest[z]);
                    acc[r][z].store(m.p + (j + r) * queries + i + z * V::lanes);
                });
            });
        }
    }
    template <int R, int Z> [[gnu::always_inline]] static void hide(V (&acc)[R][Z], T const* key_region, T const* query_region) {
        unrolled<R>([&](auto r) __attribute__((always_inline)) {
            V const region = V::broadcast(key_region[r]);
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                acc[r][z] = select(V::load(query_region + z * V::lanes) == region, acc[r][z], V::broadcast(hidden_score<T>));
            });
        });
    }

    /// p becomes the probabilities, s = p (v gy - the sum of p (v gy) over the keys), which is also added to bias_sums.
    void score_gradients(T* bias_sums) {
        constexpr int wide = max_vectors<V>;
        Index i = 0;
        for (; i + wide * V::lanes <= n_.queries; i += wide * V::lanes) score_gradients_of<wide>(bias_sums, i);
        for (; i < n_.queries; i += V::lanes) score_gradients_of<1>(bias_sums, i);
    }
    template <int Z> void score_gradients_of(T* bias_sums, Index i) {
        constexpr int R = tile_keys;
        AttentionScratch<V> const m = m_;
        Index const queries = n_.queries, depth = n_.depth, row = n_.row, keys = keys_, step = biases_.step();
        V inverse[Z], mean[Z];
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            inverse[z] = V::load(m.inverse_sum + i + z * V::lanes), mean[z] = V::zero();
        });
        for (Index j = 0; j < keys; j += R) {
            V acc[R][Z];
            unrolled<R * Z>([&](auto k) __attribute__((always_inline)) { acc[k / Z][k % Z] = V::zero(); });
            add_products(acc, m.v + j * row, row, 1, m.g_t + i, queries, depth);
            unrolled<R>([&](auto r) __attribute__((always_inline)) {
                unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                    Index const at = (j + r) * queries + i + z * V::lanes;
                    V const p = V::load(m.p + at) * inverse[z];
                    p.store(m.p + at);
                    acc[r][z].store(m.s + at);
                    mean[z] = fma(p, acc[r][z], mean[z]);
                });
            });
        }
        T* const sums = bias_sums + i / V::lanes * step;
        for (Index j = 0; j < keys; ++j) {
            T* const to = sums + m.key_bias[j];
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                Index const at = j * queries + i + z * V::lanes;
                V const s = V::load(m.p + at) * (V::load(m.s + at) - mean[z]);
                s.store(m.s + at);
                (V::load(to + z * step) + s).store(to + z * step);
            });
        }
    }

    WindowGrid const& grid_;
    AttentionSizes<V> n_;
    Biases<V> const& biases_;
    T const* qkv_;
    std::uint8_t const* keep_;
    AttentionScratch<V> m_;
    WindowTokens tokens_, next_;
    Index keys_ = 0;  // without those that fill up the last tile
};

/// Into how many ranges of at least `least` windows the work is cut.
inline Index window_parts(Index windows, Index least) { return std::clamp<Index>(windows / least, std::min<Index>(windows, 1), 64); }

template <class V, class T = typename V::value_type>
void window_attention(WindowGrid const& g, T* y, T const* qkv, T const* table, std::uint8_t const* keep) {
    Biases<V> const biases(g, table, logit_unit<T>);
    Index const windows = g.windows(), parts = window_parts(windows, 2);
    parallel_for(parts, [&](Index part) {
        WindowAttention<V>(g, biases, qkv, keep, false).run(y, windows * part / parts, windows * (part + 1) / parts);
    });
}

/// gqkv and gtable may be null. Every part has sums of its own for the table, which are added in order.
template <class V, class T = typename V::value_type>
void window_attention_gradients(WindowGrid const& g, T* gqkv, T* gtable, T const* gy, T const* qkv, T const* table,
                                std::uint8_t const* keep) {
    Biases<V> const biases(g, table, logit_unit<T>);
    Index const windows = g.windows(), parts = window_parts(windows, 4), size = g.table_rows() * g.heads;
    std::vector<double> sums(static_cast<std::size_t>(parts * size));
    parallel_for(parts, [&](Index part) {
        WindowAttention<V> attention(g, biases, qkv, keep, true);
        Index const end = windows * (part + 1) / parts;
        for (Index begin = windows * part / parts; begin < end; begin += 256)  // so many are summed in T
            attention.gradients(gqkv, sums.data() + part * size, gy, begin, std::min(begin + 256, end));
    });
    if (!gtable) return;
    for (Index e = 0; e < size; ++e) {
        double sum = 0;
        for (Index part = 0; part < parts; ++part) sum += sums[static_cast<std::size_t>(part * size + e)];
        gtable[e] = static_cast<T>(sum);
    }
}

}  // namespace tacet::detail::kernel

#if TACET_WITH_KERNELS  // library tacet::kernels has these
namespace tacet::detail::kernel {
extern template void window_attention<Simd<float>>(WindowGrid const&, float*, float const*, float const*, std::uint8_t const*);
extern template void window_attention_gradients<Simd<float>>(WindowGrid const&, float*, float*, float const*, float const*, float const*,
                                                             std::uint8_t const*);
}  // namespace tacet::detail::kernel
#endif
