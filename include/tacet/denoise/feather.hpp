// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/denoise/tiling.hpp>
#include <cmath>
#include <limits>

namespace tacet {

/// The tiles of an image. With a margin, neighbours overlap by that many pixels to either side of their border and are blended there;
/// without, every core has all its context and stands as it is.
struct Tiling {
    std::vector<Tile> tiles;
    Index margin = 0;

    /// The tile that reaches over the most pixels.
    Tile const& largest() const {
        return *std::max_element(tiles.begin(), tiles.end(), [](Tile const& a, Tile const& b) { return a.pixels() < b.pixels(); });
    }
};

/// What a network asks of its tiles, in pixels: cores and reaches at multiples of `grid` with `context` to either side for exact results;
/// at multiples of `blend_grid` with `margin` where blending will do (margin 0: it will not).
struct TilingNeeds {
    Index grid = 1, context = 0, blend_grid = 1, margin = 0;
};

namespace detail {

/// Pixels that are computed, per pixel of the image.
inline double tile_work(std::vector<Tile> const& tiles) {
    double computed = 0, wanted = 0;
    for (auto const& [core, reach] : tiles) {
        computed += static_cast<double>(reach.height * reach.width);
        wanted += static_cast<double>(core.height * core.width);
    }
    return computed / wanted;
}

/// 0 below -margin, 1 above margin, in between a smooth step: the share of what lies right of a border, at the centre of pixel `x` from it.
inline double feather_step(Index x, Index margin) {
    double const t = std::clamp((static_cast<double>(x + margin) + 0.5) / static_cast<double>(2 * margin), 0., 1.);
    return t * t * (3 - 2 * t);
}

/// The shares of a tile in the pixels [first, first + count) of a side of `whole` pixels, for the core [begin, end). The shares of all
/// tiles sum to one at every pixel: what one border takes from a tile it gives to the next, however narrow they are.
inline std::vector<float> feather_shares(Index first, Index count, Index begin, Index end, Index margin, Index whole) {
    std::vector<float> shares(static_cast<std::size_t>(count));
    for (Index i = 0; i < count; ++i) {
        double const from = begin > 0 ? feather_step(first + i - begin, margin) : 1;
        double const to = end < whole ? feather_step(first + i - end, margin) : 0;
        shares[static_cast<std::size_t>(i)] = static_cast<float>(from - to);
    }
    return shares;
}

}  // namespace detail

/// Tiles for an image of height x width whose reach covers at most `limit` pixels where that is possible: exact ones, unless these do not
/// fit, or compute more than `exact_up_to` pixels per pixel of the image, and the network allows blending, which helps.
inline Tiling choose_tiling(Index height, Index width, TilingNeeds const& needs, Index limit, double exact_up_to) {
    Tiling exact{plan_tiles(height, width, needs.grid, needs.context, limit)};
    if (needs.margin == 0 || exact_up_to == std::numeric_limits<double>::infinity()) return exact;
    auto const fits = [limit](Tiling const& tiling) { return tiling.largest().pixels() <= limit; };
    bool const exact_fits = fits(exact);
    if (exact_fits && detail::tile_work(exact.tiles) <= exact_up_to) return exact;
    Tiling blended{plan_tiles(height, width, needs.blend_grid, needs.margin, limit), needs.margin};
    bool const better = (!exact_fits && fits(blended)) || detail::tile_work(blended.tiles) < detail::tile_work(exact.tiles);
    return better ? blended : exact;
}

/// Adds y (1, h, w, C), a blended tile's result for its reach, to the image x (H, W, C), weighted by the tile's shares in the pixels of the
/// padded image of height x width; what lies beyond x is left out.
inline void add_blended(Tensor<float, 3> const& x, Tensor<float, 4> const& y, Tile const& tile, Index margin, Index height, Index width) {
    auto const& [core, reach] = tile;
    Index const channels = x.shape()[2], wide = x.shape()[1];
    Index const rows = std::min(reach.height, x.shape()[0] - reach.top), columns = std::min(reach.width, wide - reach.left);
    auto const down = detail::feather_shares(reach.top, rows, core.top, core.top + core.height, margin, height);
    auto const across = detail::feather_shares(reach.left, columns, core.left, core.left + core.width, margin, width);
    parallel_for(rows, [&](Index i) {
        float const* from = y.data() + i * reach.width * channels;
        float* to = x.data() + ((reach.top + i) * wide + reach.left) * channels;
        for (Index j = 0; j < columns; ++j) {
            float const share = down[static_cast<std::size_t>(i)] * across[static_cast<std::size_t>(j)];
            for (Index k = 0; k < channels; ++k) *to++ += share * *from++;
        }
    });
}

}  // namespace tacet
