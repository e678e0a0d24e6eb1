// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <algorithm>
#include <cstdint>
#include <vector>

namespace tacet::detail {

/// The tokens of one window. Slots number its window x window places row by row, whether there is a pixel or not.
struct WindowTokens {
    std::vector<Index> pixel;   // by slot: the pixel's number in (N, H, W), -1 behind the right or the bottom edge
    std::vector<Index> region;  // by slot: tokens see those of their own region only
    std::vector<Index> keys;    // slots that are seen, ascending
    bool several_regions = false;
};

/// How images (n, h, w) of heads * depth channels are cut into windows, after they were rolled by -shift along both axes.
struct WindowGrid {
    Index n, h, w;
    Index window, shift;
    Index heads, depth;

    constexpr Index channels() const { return heads * depth; }
    constexpr Index slots() const { return window * window; }
    constexpr Index rows() const { return (h + window - 1) / window; }
    constexpr Index cols() const { return (w + window - 1) / window; }
    constexpr Index windows() const { return n * rows() * cols(); }
    constexpr Index table_side() const { return 2 * window - 1; }
    constexpr Index table_rows() const { return table_side() * table_side(); }

    /// The row of the bias table for what `query` sees in `key`, two slots: their offset, as Swin numbers it.
    constexpr Index table_row(Index query, Index key) const {
        Index const dy = query / window - key / window, dx = query % window - key % window;
        return (dy + window - 1) * table_side() + dx + window - 1;
    }

    /// Finds the tokens of window number `index`; `keep` (n, h, w) or null says which ones are seen. Rolling brings pixels of opposite
    /// edges together: the wrapped ones are a region of their own, along each axis.
    void tokens(WindowTokens& to, Index index, std::uint8_t const* keep) const {
        Index const image = index / (rows() * cols()), top = index / cols() % rows() * window, left = index % cols() * window;
        Index const shift_h = shift % std::max<Index>(h, 1), shift_w = shift % std::max<Index>(w, 1);
        Index const wrap_h = h - shift_h, wrap_w = w - shift_w;  // from here on, rolled rows and columns are wrapped
        to.pixel.assign(static_cast<std::size_t>(slots()), -1);
        to.region.assign(static_cast<std::size_t>(slots()), 0);
        to.keys.clear();
        for (Index i = top; i < std::min(top + window, h); ++i) {
            Index const row = (image * h + (i < wrap_h ? i + shift_h : i - wrap_h)) * w;
            for (Index j = left; j < std::min(left + window, w); ++j) {
                Index const slot = (i - top) * window + j - left, pixel = row + (j < wrap_w ? j + shift_w : j - wrap_w);
                to.pixel[static_cast<std::size_t>(slot)] = pixel;
                to.region[static_cast<std::size_t>(slot)] = 2 * (i >= wrap_h) + (j >= wrap_w);
                if (!keep || keep[pixel]) to.keys.push_back(slot);
            }
        }
        auto const cut = [&](Index begin, Index wrap, Index end) { return begin < wrap && wrap < std::min(begin + window, end); };
        to.several_regions = cut(top, wrap_h, h) || cut(left, wrap_w, w);
    }
};

}  // namespace tacet::detail
