// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
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
        to.pixel.assign(static_cast<std::size_t>(slots()), -1);
        to.region.assign(static_cast<std::size_t>(slots()), 0);
        to.keys.clear();
        Index seen = 0;  // bits of the regions with pixels
        for (Index i = 0; i < window && top + i < h; ++i)
            for (Index j = 0; j < window && left + j < w; ++j) {
                bool const below = top + i >= h - shift % h, right = left + j >= w - shift % w;
                Index const slot = i * window + j, pixel = (image * h + (top + i + shift) % h) * w + (left + j + shift) % w;
                Index const region = 2 * below + right;
                to.pixel[static_cast<std::size_t>(slot)] = pixel;
                to.region[static_cast<std::size_t>(slot)] = region;
                seen |= Index(1) << region;
                if (!keep || keep[pixel]) to.keys.push_back(slot);
            }
        to.several_regions = (seen & (seen - 1)) != 0;
    }
};

}  // namespace tacet::detail
