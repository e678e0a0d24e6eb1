// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/window_grid.hpp>

namespace tacet::detail::kernel {

/// Biases of one head, arranged so that those of one key and of the queries in one vector of V are neighbours. Where a vector holds whole
/// rows of the window's queries, keys in different rows share them: [rows between query and key][key's column][lane], 7 KB for
/// a window of 8 instead of 16. Otherwise [key][query].
template <class V> struct BiasLayout {
    Index window, queries;  // the queries are padded to whole vectors
    Index rows;             // rows of the window in a vector; 0: [key][query]

    explicit BiasLayout(WindowGrid const& g)
        : window(g.window), queries((g.slots() + V::lanes - 1) / V::lanes * V::lanes),
          rows(V::lanes % g.window == 0 && g.slots() % V::lanes == 0 ? V::lanes / g.window : 0) {}

    Index size() const { return rows ? (2 * window - rows) * window * V::lanes : window * window * queries; }
    /// Where the first vector of queries begins for a key, a slot; and how far the next one is from it.
    Index key(Index slot) const {
        return rows ? ((window - 1 - slot / window) * window + slot % window) * V::lanes : slot * queries;
    }
    Index step() const { return rows ? rows * window * V::lanes : V::lanes; }
    /// The row of the table that an element is, -1 for padding.
    Index table_row(Index element, WindowGrid const& g) const {
        if (!rows) return element % queries < g.slots() ? g.table_row(element % queries, element / queries) : -1;
        Index const lane = element % V::lanes, column = element / V::lanes % window, row = element / (V::lanes * window);
        return (row + lane / window) * g.table_side() + lane % window - column + window - 1;
    }
};

/// The biases of all heads in their layout, times `unit`; and their gradients back to the table.
template <class V> class Biases {
public:
    using T = typename V::value_type;

    Biases(WindowGrid const& g, T const* table /* ((2M-1)^2, heads) */, T unit)
        : layout_(g), heads_(g.heads), rows_(static_cast<std::size_t>(layout_.size())), keys_(static_cast<std::size_t>(g.slots())),
          values_(static_cast<std::size_t>(layout_.size() * g.heads)) {
        for (Index slot = 0; slot < g.slots(); ++slot) keys_[static_cast<std::size_t>(slot)] = layout_.key(slot);
        for (std::size_t e = 0; e < rows_.size(); ++e) rows_[e] = layout_.table_row(static_cast<Index>(e), g);
        for (std::size_t head = 0; head < static_cast<std::size_t>(heads_); ++head)
            for (std::size_t e = 0; e < rows_.size(); ++e)
                values_[head * rows_.size() + e] = rows_[e] < 0 ? T(0) : table[rows_[e] * heads_ + static_cast<Index>(head)] * unit;
    }

    Index size() const { return layout_.size(); }
    Index step() const { return layout_.step(); }
    Index key(Index slot) const { return keys_[static_cast<std::size_t>(slot)]; }
    T const* head(Index head) const { return values_.data() + head * size(); }

    /// Adds gradients of all heads, in the layout, to those of the table.
    void fold(double* sums /* ((2M-1)^2, heads) */, T const* gradients /* (heads, size) */) const {
        for (Index head = 0; head < heads_; ++head)
            for (Index e = 0; e < size(); ++e)
                if (Index const row = rows_[static_cast<std::size_t>(e)]; row >= 0)
                    sums[row * heads_ + head] += gradients[head * size() + e];
    }

private:
    BiasLayout<V> layout_;
    Index heads_;
    std::vector<Index> rows_;  // by element: its row of the table
    std::vector<Index> keys_;  // by slot: where its elements begin
    std::vector<T> values_;
};

}  // namespace tacet::detail::kernel
