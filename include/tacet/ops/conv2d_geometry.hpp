// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <tacet/ops/register_tile.hpp>
#include <numeric>

namespace tacet {

/// What a convolution sees outside the image: zeros, or the image mirrored at its outermost pixels (which are not repeated).
enum class PaddingMode { Zero, Reflect };

/// The extents of a 2-d convolution x (n, h, w, c) * w (oc, c / groups, kh, kw) -> y (n, out_h, out_w, oc).
struct Conv2dGeometry {
    Index n = 1, h = 1, w = 1, c = 1;
    Index oc = 1, kh = 1, kw = 1;
    Index stride = 1, padding = 0, dilation = 1, groups = 1;
    PaddingMode mode = PaddingMode::Zero;
    bool direct = false;  // the defining sum, not a faster algorithm

    constexpr Index out_h() const { return (h + 2 * padding - dilation * (kh - 1) - 1) / stride + 1; }
    constexpr Index out_w() const { return (w + 2 * padding - dilation * (kw - 1) - 1) / stride + 1; }
    constexpr Shape<4> in_shape() const { return {{n, h, w, c}}; }
    constexpr Shape<4> out_shape() const { return {{n, out_h(), out_w(), oc}}; }
};

namespace detail::kernel {

/// A window that slides along one axis: position t in [0, count) writes out_begin + t out_step, and its tap k in [0, taps) reads
/// t in_step + first + k spacing (outside [0, in): padding) with the kernel's weight tap_begin + k tap_step.
struct Axis {
    Index in = 0, out = 0;  // extents of what is read and written
    Index count = 0, out_begin = 0, out_step = 1;
    Index in_step = 1, first = 0, spacing = 1;
    Index taps = 0, tap_begin = 0, tap_step = 1;

    constexpr Index read_begin(Index t) const { return t * in_step + first; }
    /// How much of the input n neighbouring positions see.
    constexpr Index span(Index n) const { return n > 0 && taps > 0 ? (n - 1) * in_step + (taps - 1) * spacing + 1 : 0; }
};

/// The axis of the convolution itself: reads x (extent in), writes y (extent out).
constexpr Axis forward_axis(Index in, Index out, Index kernel, Conv2dGeometry const& g) {
    return {in, out, out, 0, 1, g.stride, -g.padding, g.dilation, kernel, 0, 1};
}

/// One phase (0 <= phase < stride) of the axis of the input gradient: reads gy (extent in), writes every stride-th position of gx
/// (extent out). gx[i] is the sum of gy[(i + padding - u dilation) / stride] w[u] over the u for which that is whole: for one phase
/// always the same taps, which form an arithmetic progression.
constexpr Axis gradient_axis(Index phase, Index in, Index out, Index kernel, Conv2dGeometry const& g) {
    Axis a{in, out, out > phase ? div_up(out - phase, g.stride) : 0, phase, g.stride, 1, 0, 1, 0, 0, 1};
    Index const common = std::gcd(g.stride, g.dilation), period = g.stride / common, shift = phase + g.padding;
    Index u = 0;
    while (u < period && (shift - u * g.dilation) % g.stride != 0) ++u;
    if (u >= period || u >= kernel) return a;
    a.taps = (kernel - 1 - u) / period + 1;
    a.tap_begin = u + (a.taps - 1) * period;  // the last tap reads the first position
    a.tap_step = -period;
    a.first = (shift - a.tap_begin * g.dilation) / g.stride;
    a.spacing = g.dilation / common;
    return a;
}

}  // namespace detail::kernel
}  // namespace tacet
