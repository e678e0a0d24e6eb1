// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d_geometry.hpp>
#include <tacet/ops/scratch.hpp>
#include <tacet/ops/vectors.hpp>
#include <algorithm>

namespace tacet::detail::kernel {

/// Some channels of one image. Seen magnified, its pixel (r, c) begins at data + (r / scale w / scale + c / scale) pixel.
template <class T> struct Plane {
    T const* data = nullptr;
    Index pixel = 0, channels = 0, scale = 1;
};

/// `channels` channels of one image (h, w): those of `plane`, then those of `more`.
template <class T> struct Picture {
    Plane<T> plane;
    Index h, w;
    PaddingMode mode = PaddingMode::Zero;
    Plane<T> more = {};

    Index channels() const { return plane.channels + more.channels; }
    /// Whether its pixels lie in memory as they are seen.
    bool plain() const { return plane.scale == 1 && more.channels == 0; }
};

/// What a convolution reads: images (n, h, w, c) in memory, or such images side by side, each perhaps magnified: channels of `first`,
/// then of `second`. The planes are those of image 0; the other images follow.
template <class T> struct Images {
    Index h, w;
    Plane<T> first, second = {};
    PaddingMode mode = PaddingMode::Zero;

    static Images plain(T const* x, Index h, Index w, Index c) { return {h, w, {x, c, c}}; }
    /// Channels [c, c + channels) of one image.
    Picture<T> picture(Index image, Index c, Index channels) const {
        auto const part = [&](Plane<T> const& p, Index offset) {
            Index const begin = std::max(c, offset), end = std::min(c + channels, offset + p.channels);
            if (begin >= end) return Plane<T>{};
            return Plane<T>{p.data + image * (h / p.scale) * (w / p.scale) * p.pixel + begin - offset, p.pixel, end - begin, p.scale};
        };
        Plane<T> const a = part(first, 0), b = part(second, first.channels);
        return a.channels ? Picture<T>{a, h, w, mode, b} : Picture<T>{b, h, w, mode};
    }
};

/// A rectangle of an image, padding included, as kernels read it: pixel (r, c) begins at data + r row + c pixel.
template <class T> struct Window {
    T const* data;
    Index row, pixel;
};

/// Where position i of an axis of n pixels is read: itself inside, its mirror image for Reflect, -1 for zero.
template <class I> constexpr I source(I i, I n, PaddingMode mode) {
    if (i >= 0 && i < n) return i;
    if (mode == PaddingMode::Zero) return -1;
    I const mirrored = i < 0 ? -i : 2 * (n - 1) - i;
    return mirrored >= 0 && mirrored < n ? mirrored : -1;
}

/// Copies a pixel of a plane at row r, column c of an image of width w.
template <class V, class T> T* copy_plane(T* to, Plane<T> const& p, Index r, Index c, Index w) {
    T const* const from = p.data + (r / p.scale * (w / p.scale) + c / p.scale) * p.pixel;
    for_vectors<V>(p.channels, [&](Index k, auto lanes) __attribute__((always_inline)) { lanes.store(to + k, lanes.load(from + k)); });
    return to + p.channels;
}

/// Copies rows [r0, r0 + rows) and columns [c0, c0 + cols) of a picture into `to`, `width` elements per pixel, followed by `slack` zeros.
template <class V, class T>
Window<T> copy_window(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols, Index width, Index slack, T* to) {
    Index const left = std::clamp<Index>(-c0, 0, cols), right = std::clamp<Index>(x.w - c0, left, cols);  // inside: [left, right)
    bool const in_one_piece = x.plain() && x.plane.pixel == width && x.plane.channels == width;
    for (Index r = 0; r < rows; ++r) {
        T* const row = to + r * cols * width;
        Index const sr = source(r0 + r, x.h, x.mode);
        if (sr < 0) {
            std::fill_n(row, cols * width, T(0));
            continue;
        }
        auto const copy = [&](Index c, Index sc) {
            T* const pixel = row + c * width;
            T* const end = copy_plane<V>(copy_plane<V>(pixel, x.plane, sr, sc, x.w), x.more, sr, sc, x.w);
            std::fill(end, pixel + width, T(0));
        };
        auto const border = [&](Index c) {
            Index const sc = source(c0 + c, x.w, x.mode);
            if (sc < 0) std::fill_n(row + c * width, width, T(0));
            else copy(c, sc);
        };
        for (Index c = 0; c < left; ++c) border(c);
        if (in_one_piece) std::copy_n(x.plane.data + (sr * x.w + c0 + left) * width, (right - left) * width, row + left * width);
        else
            for (Index c = left; c < right; ++c) copy(c, c0 + c);
        for (Index c = right; c < cols; ++c) border(c);
    }
    std::fill_n(to + rows * cols * width, slack, T(0));
    return {to, cols * width, width};
}

/// Whether a rectangle of a picture can be read where it lies, and that rectangle as a window.
template <class T> bool in_place(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols) {
    return x.plain() && r0 >= 0 && c0 >= 0 && r0 + rows <= x.h && c0 + cols <= x.w;
}
template <class T> Window<T> whole_window(Picture<T> const& x, Index r0, Index c0) {
    return {x.plane.data + (r0 * x.w + c0) * x.plane.pixel, x.w * x.plane.pixel, x.plane.pixel};
}

/// The rectangle itself where it can be read there, else a copy in this thread's scratch memory.
template <class V, class T> Window<T> window_of(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols) {
    if (in_place(x, r0, rows, c0, cols)) return whole_window(x, r0, c0);
    return copy_window<V>(x, r0, rows, c0, cols, x.channels(), 0, scratch<T, window_slot>(rows * cols * x.channels()));
}

/// A rectangle of some channels with whole vectors per pixel.
template <class V, class T> Window<T> vector_window(Picture<T> const& x, Index r0, Index rows, Index c0, Index cols) {
    if (x.channels() % V::lanes == 0 && in_place(x, r0, rows, c0, cols)) return whole_window(x, r0, c0);
    Index const width = round_up(x.channels(), V::lanes);
    return copy_window<V>(x, r0, rows, c0, cols, width, 0, scratch<T, window_slot>(rows * cols * width));
}

}  // namespace tacet::detail::kernel
