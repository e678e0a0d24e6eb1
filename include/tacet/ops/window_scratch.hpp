// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/attention_rows.hpp>
#include <tacet/ops/scratch.hpp>
#include <iterator>

namespace tacet::detail::kernel {

/// The matrices of one window and head. Rows of keys are those of the list of keys, in its order.
template <class V> struct AttentionScratch {
    using T = typename V::value_type;
    static constexpr Index spare = 8;  // rows that tiles may read beyond the last: what they give is thrown away

    T *q, *k, *v, *g;    // (slots or keys, row): queries, keys, values, gradients of y
    T *q_t, *g_t;        // (depth, queries)
    T *p, *s;            // (keys, queries): probabilities, gradients of the scores
    T* inverse_sum;      // (queries)
    T *region, *key_region;  // (queries), (keys): those of one see each other
    Index *offset, *key_offset;  // (slots), (keys): where rows begin
    Index* key_bias;             // (keys): where biases begin

    AttentionScratch(AttentionSizes<V> const& n, bool backward) {
        Index const rows = (n.slots + spare) * n.row, columns = n.depth * n.queries, square = (n.slots + spare) * n.queries + spare;
        Index const sizes[] = {rows, rows, rows, backward ? rows : 0, columns, backward ? columns : 0, square, backward ? square : 0,
                               n.queries + spare, n.queries, n.slots + spare};
        T** const to[] = {&q, &k, &v, &g, &q_t, &g_t, &p, &s, &inverse_sum, &region, &key_region};
        Index total = 0;
        for (Index size : sizes) total += round_up(size, Memory<Cpu>::alignment);
        T* at = scratch<T, window_slot>(total);
        for (std::size_t i = 0; i < std::size(sizes); ++i) *to[i] = at, at += round_up(sizes[i], Memory<Cpu>::alignment);
        offset = scratch<Index, tile_slot>(3 * (n.slots + spare));
        key_offset = offset + n.slots + spare, key_bias = key_offset + n.slots + spare;
    }
};

/// Memory of the window that comes next, asked for in small portions while this one is computed.
class WindowPrefetch {
public:
    WindowPrefetch(WindowTokens const* next, Index heads) : next_(next), heads_(heads) {}
    /// Where the tokens' rows of so many bytes are.
    void add(void const* base, Index row_bytes) { rows_[count_++] = {static_cast<char const*>(base), row_bytes, 0, 0}; }
    /// What follows asks for the share of one head.
    void begin(Index head) {
        for (int i = 0; i < count_; ++i) {
            Index const lines = rows_[i].bytes / 64 + 1;
            rows_[i].first = lines * head / heads_ * 64, rows_[i].last = lines * (head + 1) / heads_ * 64;
        }
    }
    /// Asks for the slots [begin, end). Inlined by force: g++ drops calls of functions that do nothing else.
    [[gnu::always_inline]] void ask(Index begin, Index end) const {
        if (!next_) return;
        for (Index slot = begin; slot < end; ++slot) {
            Index const pixel = next_->pixel[static_cast<std::size_t>(slot)];
            if (pixel < 0) continue;
            for (int i = 0; i < count_; ++i) {
                char const* const row = rows_[i].base + pixel * rows_[i].bytes;
                for (Index at = rows_[i].first; at < rows_[i].last; at += 64) __builtin_prefetch(row + at, 0, 2);
            }
        }
    }

private:
    struct Rows {
        char const* base;
        Index bytes, first, last;  // of a row, and which of them are asked for
    };
    WindowTokens const* next_;
    Index heads_;
    int count_ = 0;
    Rows rows_[4] = {};
};

}  // namespace tacet::detail::kernel
