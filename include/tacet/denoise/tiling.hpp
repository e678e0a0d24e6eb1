// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/patches.hpp>
#include <algorithm>
#include <cstring>
#include <vector>

namespace tacet {

/// A tile of an image: `core` is what it yields, `reach` what the network must see for that: core plus context, within the image.
struct Tile {
    Window core, reach;
};

/// Cuts an image of height x width into tiles whose reach covers at most `limit` pixels where that is possible. Cores and reaches (where
/// `context` is a multiple, too) start at multiples of `multiple`, so that pooling grids agree with those of the whole image.
inline std::vector<Tile> plan_tiles(Index height, Index width, Index multiple, Index context, Index limit) {
    Index rows = detail::div_up(height, multiple), columns = detail::div_up(width, multiple);  // extent of a core, in multiples
    auto const reach = [&](Index core, Index whole) { return std::min(core * multiple + 2 * context, whole); };
    // Halve the longer side of the core until its reach fits.
    while (reach(rows, height) * reach(columns, width) > limit && (rows > 1 || columns > 1)) {
        if (rows >= columns) rows = (rows + 1) / 2;
        else columns = (columns + 1) / 2;
    }
    std::vector<Tile> tiles;
    for (Index top = 0; top < height; top += rows * multiple)
        for (Index left = 0; left < width; left += columns * multiple) {
            Window const core{top, left, std::min(rows * multiple, height - top), std::min(columns * multiple, width - left)};
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
