// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/tensor/tensor.hpp>
#include <algorithm>

namespace tacet {

/// A rectangle of pixels in a picture.
struct Window {
    Index top = 0, left = 0, height = 0, width = 0;
    bool operator==(Window const&) const = default;
};

/// A window of this size at a place drawn uniformly (two draws of rng) from all places in a picture of shape (H, W, C). Throws ShapeError
/// when the picture is smaller.
inline Window random_window(Shape<3> const& picture, Index height, Index width, Rng& rng) {
    bool const fits = height >= 1 && width >= 1 && picture[0] >= height && picture[1] >= width;
    check_shape(fits, "cannot cut ", height, " x ", width, " pixels from a picture of shape ", picture);
    Index const top = rng.below(picture[0] - height + 1);
    return Window{top, rng.below(picture[1] - width + 1), height, width};
}

/// A copy of the part of x (H, W, C) inside the window. Throws ShapeError when the window reaches beyond the picture.
template <class T> Tensor<T, 3> crop(Tensor<T, 3> const& x, Window const& w) {
    auto const& s = x.shape();
    bool const inside = w.top >= 0 && w.left >= 0 && w.height >= 0 && w.width >= 0 && w.top <= s[0] - w.height && w.left <= s[1] - w.width;
    check_shape(inside, "the window of ", w.height, " x ", w.width, " pixels at (", w.top, ", ", w.left, ") reaches beyond ", s);
    Tensor<T, 3> y(Shape{w.height, w.width, s[2]});
    Index const row = w.width * s[2];
    for (Index i = 0; i < w.height; ++i) std::copy_n(x.data() + ((w.top + i) * s[1] + w.left) * s[2], row, y.data() + i * row);
    return y;
}

/// A random part of x (H, W, C): crop at random_window. For a pair, draw the window once and crop both.
template <class T> Tensor<T, 3> random_crop(Tensor<T, 3> const& x, Index height, Index width, Rng& rng) {
    return crop(x, random_window(x.shape(), height, width, rng));
}

/// The middle of x (H, W, C), at most `side` pixels high and wide.
template <class T> Tensor<T, 3> middle_crop(Tensor<T, 3> const& x, Index side) {
    Index const h = std::min(side, x.shape()[0]), w = std::min(side, x.shape()[1]);
    return crop(x, Window{(x.shape()[0] - h) / 2, (x.shape()[1] - w) / 2, h, w});
}

}  // namespace tacet
