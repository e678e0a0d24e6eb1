// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/ops/conv2d_dense.hpp>
#include <tacet/ops/conv2d_depthwise.hpp>
#include <tacet/ops/conv2d_narrow.hpp>
#include <tacet/ops/conv2d_weight.hpp>
#include <tacet/ops/conv2d_winograd_weight.hpp>

// The convolutions of the host: templates on the vector V = Simd<T>, whose type names the instruction set. Images are (n, h, w, c),
// weights (oc, c / groups, kh, kw); results have the same bits for any number of threads.
namespace tacet::detail::kernel {

/// The elements of one group's weights.
constexpr Index group_weights(Conv2dGeometry const& g) { return g.oc / g.groups * (g.c / g.groups) * g.kh * g.kw; }

template <class V, class T> void run(Dense<T> const& d, bool direct) {
    if constexpr (std::is_same_v<T, float>)  // in double, precision is what is wanted
        if (!direct && is_winograd(d)) return run_winograd<V>(d);
    if (d.in_channels == 1 && d.out_channels == 1 && d.groups > 1) run_depthwise<V>(d);
    else if (is_narrow<V>(d)) run_narrow<V>(d);
    else run_dense<V>(d);
}

/// y (n, out_h, out_w, oc) = x (n, h, w, c) convolved with w, plus b (oc) unless null.
template <class V, class T = typename V::value_type> void forward(Conv2dGeometry const& g, T const* x, T const* w, T const* b, T* y) {
    Index const taps = g.kh * g.kw, cg = g.c / g.groups;
    run<V>(Dense<T>{g.n, g.groups, cg, g.oc / g.groups, forward_axis(g.h, g.out_h(), g.kh, g), forward_axis(g.w, g.out_w(), g.kw, g),
                    g.mode, x, w, group_weights(g), cg * taps, taps, g.kw, b, y}, g.direct);
}

/// gx (n, h, w, c) = d(loss)/dx for zero padding, from gy (n, out_h, out_w, oc) and w; plus b (c) unless null.
/// This is also the transposed convolution of gy.
template <class V, class T = typename V::value_type> void transposed(Conv2dGeometry const& g, T const* gy, T const* w, T const* b, T* gx) {
    Index const taps = g.kh * g.kw, cg = g.c / g.groups, oh = g.out_h(), ow = g.out_w();
    for (Index i = 0; i < std::min(g.stride, g.h); ++i)
        for (Index j = 0; j < std::min(g.stride, g.w); ++j)
            run<V>(Dense<T>{g.n, g.groups, g.oc / g.groups, cg, gradient_axis(i, oh, g.h, g.kh, g), gradient_axis(j, ow, g.w, g.kw, g),
                            PaddingMode::Zero, gy, w, group_weights(g), taps, cg * taps, g.kw, b, gx}, g.direct);
}

/// Adds to f the positions of the padded axis (n + 2 padding) that mirror position i.
template <class F> void for_mirrors(Index i, Index n, Index padding, F&& f) {
    f(i + padding);
    if (i >= 1 && i <= padding) f(padding - i);
    if (i <= n - 2 && i >= n - 1 - padding) f(2 * (n - 1) - i + padding);
}

/// gx = the gradient of reflecting: every pixel collects what its mirror images in the padded gradient (n, h + 2 p, w + 2 p, c) received.
template <class V, class T = typename V::value_type> void fold_reflection(Conv2dGeometry const& g, T const* padded, T* gx) {
    Index const pw = g.w + 2 * g.padding, ph = g.h + 2 * g.padding;
    parallel_for(g.n * g.h, [&](Index row) {
        for (Index j = 0; j < g.w; ++j) {
            T* const to = gx + (row * g.w + j) * g.c;
            std::fill_n(to, g.c, T(0));
            for_mirrors(row % g.h, g.h, g.padding, [&](Index r) {
                for_mirrors(j, g.w, g.padding, [&](Index q) {
                    T const* const from = padded + ((row / g.h * ph + r) * pw + q) * g.c;
                    for (Index c = 0; c < g.c; ++c) to[c] += from[c];
                });
            });
        }
    });
}

/// gx (n, h, w, c) = d(loss)/dx from gy (n, out_h, out_w, oc) and w.
template <class V, class T = typename V::value_type> void input_gradient(Conv2dGeometry const& g, T const* gy, T const* w, T* gx) {
    if (g.mode == PaddingMode::Zero || g.padding == 0) return transposed<V, T>(g, gy, w, nullptr, gx);
    Conv2dGeometry wide = g;
    wide.h += 2 * g.padding, wide.w += 2 * g.padding, wide.padding = 0, wide.mode = PaddingMode::Zero;
    Buffer<Cpu> const padded(wide.n * wide.h * wide.w * wide.c, sizeof(T));
    transposed<V, T>(wide, gy, w, nullptr, static_cast<T*>(padded.data()));
    fold_reflection<V>(g, static_cast<T const*>(padded.data()), gx);
}

/// gw = d(loss)/dw from x (n, h, w, c) and gy (n, out_h, out_w, oc).
template <class V, class T = typename V::value_type> void weight_gradient(Conv2dGeometry const& g, T const* x, T const* gy, T* gw) {
    if constexpr (std::is_same_v<T, float>)
        if (!g.direct && is_winograd_weight(g)) return winograd_weight_gradient<V>(g, x, gy, gw);
    if (g.groups > 1 && g.groups == g.c && g.groups == g.oc) depthwise_weight_gradient<V>(g, x, gy, gw);
    else dense_weight_gradient<V>(g, x, gy, gw);
}

/// gb (channels) = the sum of gy (pixels, channels) over the pixels.
template <class V, class T = typename V::value_type> void bias_gradient(Index pixels, Index channels, T const* gy, T* gb) {
    Index const chunks = std::clamp<Index>(pixels / 2048, 1, 64), chunk = div_up(pixels, chunks), stride = round_up(channels, V::lanes);
    T* const partials = scratch<T, partial_slot>(chunks * stride);
    parallel_for(chunks, [&](Index k) {
        T* const sum = partials + k * stride;
        std::fill_n(sum, stride, T(0));
        Index const end = std::min(pixels, (k + 1) * chunk);
        constexpr Index near = 64;  // pixels that stay in the first-level cache while all their channels are added
        for (Index begin = k * chunk; begin < end; begin += near)
            for (Index c = 0; c < channels; c += V::lanes) {
                int const lanes = static_cast<int>(std::min<Index>(V::lanes, channels - c));
                V acc = V::zero();
                for (Index p = begin; p < std::min(end, begin + near); ++p) acc += V::load_partial(gy + p * channels + c, lanes);
                (V::load(sum + c) + acc).store(sum + c);
            }
    });
    for (Index c = 0; c < channels; ++c) {
        gb[c] = 0;
        for (Index k = 0; k < chunks; ++k) gb[c] += partials[k * stride + c];
    }
}

}  // namespace tacet::detail::kernel
