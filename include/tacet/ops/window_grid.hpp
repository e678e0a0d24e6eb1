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

/// Where a window begins in the rolled image, and the image it is of.
template <class I> struct Origin {
    I image, top, left;
};
/// Images of h x w pixels that were rolled up and to the left, and are cut into windows; in numbers of type I.
template <class I> struct RolledImages {
    /// A place of a window: the number of its pixel in (N, H, W), -1 behind the right or the bottom edge; and its region.
    struct Place {
        I pixel, region;
    };
    I h, w, bottom, right;  // rolled rows from `bottom` on and columns from `right` on are wrapped
    I window;

    constexpr I rows() const { return (h + window - 1) / window; }
    constexpr I cols() const { return (w + window - 1) / window; }
    constexpr Origin<I> origin(I index) const {
        return {index / (rows() * cols()), index / cols() % rows() * window, index % cols() * window};
    }
    /// Row i and column j of a window. Rolling brings pixels of opposite edges together: the wrapped ones are a region of their own, along
    /// each axis.
    constexpr Place place(Origin<I> const& at, I i, I j) const {
        i += at.top, j += at.left;
        if (i >= h || j >= w) return {-1, 0};
        bool const below = i >= bottom, beyond = j >= right;
        I const row = below ? i - bottom : i + h - bottom, column = beyond ? j - right : j + w - right;
        return {(at.image * h + row) * w + column, 2 * below + beyond};
    }
};
using WindowOrigin = Origin<Index>;
using WindowPlace = RolledImages<Index>::Place;

/// How images (n, h, w) of heads * depth channels are cut into windows, after they were rolled by -shift along both axes.
struct WindowGrid {
    Index n, h, w;
    Index window, shift;
    Index heads, depth;

    constexpr Index channels() const { return heads * depth; }
    constexpr Index slots() const { return window * window; }
    constexpr Index rows() const { return rolled<Index>().rows(); }
    constexpr Index cols() const { return rolled<Index>().cols(); }
    constexpr Index windows() const { return n * rows() * cols(); }
    constexpr Index table_side() const { return 2 * window - 1; }
    constexpr Index table_rows() const { return table_side() * table_side(); }

    /// The row of the bias table for what `query` sees in `key`, two slots: their offset, as Swin numbers it.
    constexpr Index table_row(Index query, Index key) const {
        Index const dy = query / window - key / window, dx = query % window - key % window;
        return (dy + window - 1) * table_side() + dx + window - 1;
    }

    /// The images as they are cut, in numbers that I holds.
    template <class I> constexpr RolledImages<I> rolled() const {
        return {static_cast<I>(h), static_cast<I>(w), static_cast<I>(wrap(h)), static_cast<I>(wrap(w)), static_cast<I>(window)};
    }
    constexpr WindowOrigin origin(Index index) const { return rolled<Index>().origin(index); }
    constexpr WindowPlace place(WindowOrigin const& at, Index i, Index j) const { return rolled<Index>().place(at, i, j); }
    /// Finds the tokens of window number `index`; `keep` (n, h, w) or null says which ones are seen.
    void tokens(WindowTokens& to, Index index, std::uint8_t const* keep) const {
        WindowGrid const grid = *this;  // a copy: as far as the compiler knows, what is written could overlap the extents
        WindowOrigin const at = origin(index);
        to.pixel.assign(static_cast<std::size_t>(slots()), -1);
        to.region.assign(static_cast<std::size_t>(slots()), 0);
        to.keys.clear();
        for (Index i = 0; i < std::min(window, h - at.top); ++i)
            for (Index j = 0; j < std::min(window, w - at.left); ++j) {
                auto const [pixel, region] = grid.place(at, i, j);
                to.pixel[static_cast<std::size_t>(i * window + j)] = pixel;
                to.region[static_cast<std::size_t>(i * window + j)] = region;
                if (!keep || keep[pixel]) to.keys.push_back(i * window + j);
            }
        auto const cut = [&](Index begin, Index extent) { return begin < wrap(extent) && wrap(extent) < std::min(begin + window, extent); };
        to.several_regions = cut(at.top, h) || cut(at.left, w);
    }

private:
    /// From here on, rolled rows or columns of `extent` are wrapped.
    constexpr Index wrap(Index extent) const { return extent - shift % std::max<Index>(extent, 1); }
};

}  // namespace tacet::detail
