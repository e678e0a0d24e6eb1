// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>
#include <algorithm>
#include <cstring>
#include <vector>

namespace tacet {

/// A rectangle of pixels: rows [top, top + height), columns [left, left + width).
struct Rectangle {
    Index top, left, height, width;
    bool operator==(Rectangle const&) const = default;
};

/// A tile of an image: `core` is what it yields, `reach` what the network must see for that: core plus context, within the image.
struct Tile {
    Rectangle core, reach;
};

/// Cuts an image of height x width (multiples of `multiple`) into tiles whose reach covers at most `limit` pixels where that is
/// possible. Cores start at multiples of `multiple`, so that pooling grids agree with those of the whole image.
inline std::vector<Tile> plan_tiles(Index height, Index width, Index multiple, Index context, Index limit) {
    auto const blocks = [&](Index n) { return n / multiple; };
    Index rows = blocks(height), columns = blocks(width);  // extent of a core, in multiples
    auto const reach = [&](Index core, Index whole) { return std::min(core * multiple + 2 * context, whole); };
    // Halve the longer side of the core until its reach fits.
    while (reach(rows, height) * reach(columns, width) > limit && (rows > 1 || columns > 1)) {
        if (rows >= columns) rows = (rows + 1) / 2;
        else columns = (columns + 1) / 2;
    }
    std::vector<Tile> tiles;
    for (Index top = 0; top < height; top += rows * multiple)
        for (Index left = 0; left < width; left += columns * multiple) {
            Rectangle const core{top, left, std::min(rows * multiple, height - top), std::min(columns * multiple, width - left)};
            Index const t = std::max<Index>(0, top - context), l = std::max<Index>(0, left - context);
            Index const b = std::min(height, top + core.height + context), r = std::min(width, left + core.width + context);
            tiles.push_back({core, {t, l, b - t, r - l}});
        }
    return tiles;
}

/// The part of an image x (H, W, C) inside a rectangle, as a batch of one: (1, height, width, C).
template <class T> Tensor<T, 4> crop(Tensor<T, 3> const& x, Rectangle const& r) {
    Index const width = x.shape()[1], channels = x.shape()[2];
    check_shape(r.top >= 0 && r.left >= 0 && r.top + r.height <= x.shape()[0] && r.left + r.width <= width, "crop: a rectangle of ", r.height, " x ",
                r.width, " at (", r.top, ", ", r.left, ") does not lie inside an image of shape ", x.shape());
    Tensor<T, 4> y(Shape{Index(1), r.height, r.width, channels});
    auto const bytes = static_cast<std::size_t>(r.width * channels) * sizeof(T);
    for (Index i = 0; i < r.height; ++i)
        std::memcpy(y.data() + i * r.width * channels, x.data() + ((r.top + i) * width + r.left) * channels, bytes);
    return y;
}

/// Copies the rectangle `from` of y (1, h, w, C) to (top, left) of the image x (H, W, C).
template <class T> void paste(Tensor<T, 3> const& x, Tensor<T, 4> const& y, Rectangle const& from, Index top, Index left) {
    Index const channels = x.shape()[2], wide = x.shape()[1], narrow = y.shape()[2];
    auto const bytes = static_cast<std::size_t>(from.width * channels) * sizeof(T);
    for (Index i = 0; i < from.height; ++i)
        std::memcpy(x.data() + ((top + i) * wide + left) * channels, y.data() + ((from.top + i) * narrow + from.left) * channels, bytes);
}

}  // namespace tacet
