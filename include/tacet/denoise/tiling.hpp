// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/patches.hpp>
#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

namespace tacet {

/// A tile of an image: `core` is what it yields, `reach` what the network must see for that: core plus context, within the image.
struct Tile {
    Window core, reach;

    /// How many the network sees.
    Index pixels() const { return reach.height * reach.width; }
};

namespace detail {

/// One side of an image cut into cores of equal length, but for the last one: what their reaches cover together, and the longest of them.
struct SideCut {
    Index core, total = 0, longest = 0;

    SideCut(Index whole, Index length, Index context) : core(length) {
        for (Index begin = 0; begin < whole; begin += core) {
            Index const reach = std::min(whole, begin + core + context) - std::max<Index>(0, begin - context);
            total += reach, longest = std::max(longest, reach);
        }
    }
};

/// All ways to cut a side into cores of whole multiples that differ in their longest core.
inline std::vector<SideCut> side_cuts(Index whole, Index multiple, Index context) {
    std::vector<SideCut> cuts;
    Index const units = div_up(whole, multiple);
    for (Index parts = 1; parts <= units; ++parts) {
        Index const core = div_up(units, parts) * multiple;
        if (cuts.empty() || core < cuts.back().core) cuts.emplace_back(whole, core, context);
    }
    return cuts;
}

}  // namespace detail

/// Cuts an image of height x width into tiles whose reach covers at most `limit` pixels where that is possible, with the least to compute.
/// Cores and reaches (where `context` is a multiple, too) start at multiples of `multiple`, so that pooling grids agree with those of the
/// whole image.
inline std::vector<Tile> plan_tiles(Index height, Index width, Index multiple, Index context, Index limit) {
    auto const across = detail::side_cuts(width, multiple, context), down = detail::side_cuts(height, multiple, context);
    auto const cost = [limit](auto const& d, auto const& a) {  // those that fit come first
        Index const tile = d.longest * a.longest;
        return std::tuple(tile > limit ? tile : 0, d.total * a.total, -d.core * a.core);
    };
    auto const *rows = &down[0], *columns = &across[0];
    for (auto const& d : down)
        for (auto const& a : across)
            if (cost(d, a) < cost(*rows, *columns)) rows = &d, columns = &a;
    std::vector<Tile> tiles;
    for (Index top = 0; top < height; top += rows->core)
        for (Index left = 0; left < width; left += columns->core) {
            Window const core{top, left, std::min(rows->core, height - top), std::min(columns->core, width - left)};
            Index const t = std::max<Index>(0, top - context), l = std::max<Index>(0, left - context);
            Index const b = std::min(height, top + core.height + context), r = std::min(width, left + core.width + context);
            tiles.push_back({core, {t, l, b - t, r - l}});
        }
    return tiles;
}

/// Copies the window `from` of y (1, h, w, C) to (top, left) of the image x (H, W, C).
template <class T> void paste(Tensor<T, 3> const& x, Tensor<T, 4> const& y, Window const& from, Index top, Index left) {
    Index const channels = x.shape()[2], wide = x.shape()[1], narrow = y.shape()[2];
    auto const bytes = static_cast<std::size_t>(from.width * channels) * sizeof(T);
    for (Index i = 0; i < from.height; ++i)
        std::memcpy(x.data() + ((top + i) * wide + left) * channels, y.data() + ((from.top + i) * narrow + from.left) * channels, bytes);
}

}  // namespace tacet
