// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/shape.hpp>
#include <algorithm>

namespace tacet::detail {

/// The windows of a pooling: kernel x kernel pixels every `stride` pixels, of images with `padding` missing pixels all around.
struct PoolWindow {
    Index kernel, stride, padding;

    constexpr Index outputs(Index n) const { return (n + 2 * padding - kernel) / stride + 1; }
    /// Where window o starts, along one dimension; may be negative.
    constexpr Index start(Index o) const { return o * stride - padding; }
    /// The windows [first, last) of `count` that contain element i.
    constexpr Index first(Index i) const { return i + padding < kernel ? 0 : (i + padding - kernel) / stride + 1; }
    constexpr Index last(Index i, Index count) const { return std::min((i + padding) / stride + 1, count); }
};

/// A rectangle of an image: rows [top, bottom), columns [left, right), numbered from `base` on with `width` in a row.
struct PoolArea {
    Index base, width, top, bottom, left, right;
    constexpr Index at(Index i, Index j) const { return base + i * width + j; }
};

/// A pooling of images x (N, H, W, C) into y (N, OH, OW, C): which pixels belong to which window.
struct PoolGrid {
    Shape<4> x, y;
    PoolWindow window;

    /// The pixels in window (oi, oj) of an image.
    constexpr PoolArea pixels(Index image, Index oi, Index oj) const {
        Index const i = window.start(oi), j = window.start(oj);
        return {image * x[1] * x[2], x[2], std::max<Index>(i, 0), std::min(i + window.kernel, x[1]),  //
                std::max<Index>(j, 0), std::min(j + window.kernel, x[2])};
    }
    /// The windows that contain pixel (i, j) of an image.
    constexpr PoolArea windows(Index image, Index i, Index j) const {
        return {image * y[1] * y[2], y[2], window.first(i), window.last(i, y[1]), window.first(j), window.last(j, y[2])};
    }
    /// The number of pixel (i, j) within window (oi, oj), row by row.
    constexpr Index position(Index oi, Index oj, Index i, Index j) const {
        return (i - window.start(oi)) * window.kernel + j - window.start(oj);
    }
    /// The number of pixels in window (oi, oj), with or without the missing ones.
    constexpr Index count(Index oi, Index oj, bool with_missing) const {
        Index const i = window.start(oi), j = window.start(oj), k = window.kernel;
        if (with_missing) return k * k;
        return (std::min(i + k, x[1]) - std::max<Index>(i, 0)) * (std::min(j + k, x[2]) - std::max<Index>(j, 0));
    }
};

inline PoolGrid pool_grid(char const* name, Shape<4> const& x, Index kernel, Index stride, Index padding) {
    PoolWindow const window{kernel, stride ? stride : kernel, padding};
    check(kernel > 0 && window.stride > 0, name, ": kernel ", kernel, " and stride ", stride, " must be positive");
    check(padding >= 0 && 2 * padding <= kernel, name, ": padding ", padding, " is not between 0 and half the kernel ", kernel);
    check_shape(std::min(x[1], x[2]) > 0 && std::min(x[1], x[2]) + 2 * padding >= kernel,  //
                name, ": a window of ", kernel, " x ", kernel, " does not fit into x ", x, " with padding ", padding);
    return {x, {{x[0], window.outputs(x[1]), window.outputs(x[2]), x[3]}}, window};
}

}  // namespace tacet::detail
