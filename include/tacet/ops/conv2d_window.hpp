// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_geometry.hpp>
#include <tacet/ops/scratch.hpp>
#include <algorithm>

namespace tacet::detail::kernel {

/// `channels` channels of one image: pixel (r, c) begins at data + (r w + c) pixel.
template <class T> struct Picture {
    T const* data;
    Index h, w, pixel, channels;
    PaddingMode mode = PaddingMode::Zero;
};

/// A rectangle of an image, padding included, as kernels read it: pixel (r, c) begins at data + r row + c pixel.
template <class T> struct Window {
    T const* data;
    Index row, pixel;
};

/// Where position i of an axis of n pixels is read: itself inside, its mirror image for Reflect, -1 for zero.
constexpr Index source(Index i, Index n, PaddingMode mode) {
    if (i >= 0 && i < n) return i;
    if (mode == PaddingMode::Zero) return -1;
    Index const mirrored = i < 0 ? -i : 2 * (n - 1) - i;
    return mirrored >= 0 && mirrored < n ? mirrored : -1;
}

/// Copies one pixel and clears the channels that pad it to `width`.
template <class T> void copy_pixel(T* to, T const* from, Index channels, Index width) {
    std::copy_n(from, channels, to);
    std::fill(to + channels, to + width, T(0));
}

/// Copies rows [r0, r0 + rows) and columns [c0, c0 + cols) of a picture into `to`, `width` elements per pixel, followed by `slack` zeros.
template <class T> Window<T> copy_window(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols, Index width, Index slack, T* to) {
    Index const left = std::clamp<Index>(-c0, 0, cols), right = std::clamp<Index>(x.w - c0, left, cols);  // inside: [left, right)
    for (Index r = 0; r < rows; ++r) {
        T* const row = to + r * cols * width;
        Index const sr = source(r0 + r, x.h, x.mode);
        if (sr < 0) {
            std::fill_n(row, cols * width, T(0));
            continue;
        }
        T const* const from = x.data + sr * x.w * x.pixel;
        auto const border = [&](Index c) {
            Index const sc = source(c0 + c, x.w, x.mode);
            if (sc < 0) std::fill_n(row + c * width, width, T(0));
            else copy_pixel(row + c * width, from + sc * x.pixel, x.channels, width);
        };
        for (Index c = 0; c < left; ++c) border(c);
        if (x.pixel == width && x.channels == width) std::copy_n(from + (c0 + left) * width, (right - left) * width, row + left * width);
        else
            for (Index c = left; c < right; ++c) copy_pixel(row + c * width, from + (c0 + c) * x.pixel, x.channels, width);
        for (Index c = right; c < cols; ++c) border(c);
    }
    std::fill_n(to + rows * cols * width, slack, T(0));
    return {to, cols * width, width};
}

/// Whether a rectangle lies inside a picture, and that rectangle as a window.
template <class T> bool inside(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols) {
    return r0 >= 0 && c0 >= 0 && r0 + rows <= x.h && c0 + cols <= x.w;
}
template <class T> Window<T> whole_window(Picture<T> const& x, Index r0, Index c0) {
    return {x.data + (r0 * x.w + c0) * x.pixel, x.w * x.pixel, x.pixel};
}

/// The rectangle itself where it lies inside the picture, else a copy in this thread's scratch memory.
template <class T> Window<T> window_of(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols) {
    if (inside(x, r0, rows, c0, cols)) return whole_window(x, r0, c0);
    return copy_window(x, r0, rows, c0, cols, x.channels, 0, scratch<T, window_slot>(rows * cols * x.channels));
}

/// A rectangle of some channels with whole vectors per pixel.
template <class V, class T> Window<T> vector_window(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols) {
    if (x.channels % V::lanes == 0 && inside(x, r0, rows, c0, cols)) return whole_window(x, r0, c0);
    Index const width = round_up(x.channels, V::lanes);
    return copy_window(x, r0, rows, c0, cols, width, 0, scratch<T, window_slot>(rows * cols * width));
}

}  // namespace tacet::detail::kernel
