// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/tensor/tensor.hpp>
#include <algorithm>

namespace tacet {

/// One of the eight symmetries of a picture: a left-right flip, or none, and then counter-clockwise quarter turns.
struct Symmetry {
    bool flip = false;
    int turns = 0;  ///< 0 to 3
    bool operator==(Symmetry const&) const = default;

    static constexpr int count = 8;
    /// Symmetry k of 0 to 7: k % 4 turns, flipped first from 4 on. 0 is the identity.
    static constexpr Symmetry of(int k) { return Symmetry{k >= 4, k % 4}; }
    /// One of the eight, equally likely: one draw of rng.
    static Symmetry random(Rng& rng) { return of(static_cast<int>(rng.below(count))); }
    /// What undoes this one.
    constexpr Symmetry inverse() const { return flip ? *this : Symmetry{false, (4 - turns) % 4}; }
};

/// x (..., H, W, C) flipped and turned into y (..., H, W, C), or (..., W, H, C) for an odd number of turns; each leading index is a
/// picture of its own.
template <class T, int R> Tensor<T, R> transform(Tensor<T, R> const& x, Symmetry const& symmetry) {
    static_assert(R >= 3, "symmetries act on pictures (..., H, W, C)");
    Shape<R> s = x.shape();
    Index const h = s[R - 3], w = s[R - 2], c = s[R - 1];
    if (symmetry.turns % 2) std::swap(s[R - 3], s[R - 2]);
    Tensor<T, R> y(s);
    // Pixel (i, j) of y is pixel corner + i * down + j * across of x, which is counted through its rows.
    Index const right = symmetry.flip ? -1 : 1, first = symmetry.flip ? w - 1 : 0, last = w - 1 - first, bottom = (h - 1) * w;
    struct Walk {
        Index corner, down, across;
    };
    Walk const walks[4] = {{first, w, right}, {last, -right, w}, {bottom + last, -w, -right}, {bottom + first, right, -w}};
    auto const walk = walks[symmetry.turns];
    Index const columns = s[R - 2], pixels = h * w;
    for (Index k = 0; k < (c ? x.size() / c : 0); ++k) {
        Index const picture = k / pixels, i = k % pixels / columns, j = k % pixels % columns;
        std::copy_n(x.data() + (picture * pixels + walk.corner + i * walk.down + j * walk.across) * c, c, y.data() + k * c);
    }
    return y;
}

}  // namespace tacet
