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

/// Whether `forward` can pool.
template <class T> bool pools(Conv2dGeometry const& g) { return std::is_same_v<T, float> && is_winograd(g); }

/// y (n, out_h, out_w, oc) = x (n, h, w, c) convolved with w, plus b (oc) unless null, and what follows.
template <class V, class T = typename V::value_type>
void forward(Conv2dGeometry const& g, Images<T> const& x, T const* w, T const* b, Epilogue<T> const& e, T* y) {
    Index const taps = g.kh * g.kw, cg = g.c / g.groups;
    run<V>(Dense<T>{g.n, g.groups, cg, g.oc / g.groups, forward_axis(g.h, g.out_h(), g.kh, g), forward_axis(g.w, g.out_w(), g.kw, g),
                    x, w, group_weights(g), cg * taps, taps, g.kw, b, y, e}, g.direct);
}

/// gx (n, h, w, c) = d(loss)/dx for zero padding, from gy (n, out_h, out_w, oc) and w; plus b (c) unless null.
/// This is also the transposed convolution of gy.
template <class V, class T = typename V::value_type> void transposed(Conv2dGeometry const& g, T const* gy, T const* w, T const* b, T* gx) {
    Index const taps = g.kh * g.kw, cg = g.c / g.groups, oh = g.out_h(), ow = g.out_w();
    for (Index i = 0; i < std::min(g.stride, g.h); ++i)
        for (Index j = 0; j < std::min(g.stride, g.w); ++j)
            run<V>(Dense<T>{g.n, g.groups, g.oc / g.groups, cg, gradient_axis(i, oh, g.h, g.kh, g), gradient_axis(j, ow, g.w, g.kw, g),
                            Images<T>::plain(gy, oh, ow, g.oc), w, group_weights(g), taps, cg * taps, g.kw, b, gx}, g.direct);
}

/// Adds to f the positions of the padded axis (n + 2 padding) that mirror position i.
template <class F> constexpr void for_mirrors(Index i, Index n, Index padding, F&& f) {
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
template <class V, class T = typename V::value_type> void weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, T* gw) {
    if constexpr (std::is_same_v<T, float>)
        if (is_winograd_weight(g)) return winograd_weight_gradient<V>(g, x, gy, gw);
    if (g.groups > 1 && g.groups == g.c && g.groups == g.oc) depthwise_weight_gradient<V>(g, x, gy, gw);
    else dense_weight_gradient<V>(g, x, gy, gw);
}

/// gp = d(loss)/d(plane) from gx (n, h, w, c), in which the plane's channels begin at `offset`: every pixel sums the pixels that show it.
template <class V, class T = typename V::value_type>
void plane_gradient(Conv2dGeometry const& g, T const* gx, Index offset, Index channels, Index scale, T* gp) {
    Index const h = g.h / scale, w = g.w / scale;
    parallel_for(g.n * h, [&](Index row) {
        for (Index j = 0; j < w; ++j) {
            T* const to = gp + (row * w + j) * channels;
            T const* const from = gx + (row * scale * g.w + j * scale) * g.c + offset;
            for_vectors<V>(channels, [&](Index c, auto lanes) {
                V sum = V::zero();
                for (Index u = 0; u < scale; ++u)
                    for (Index v = 0; v < scale; ++v) sum += lanes.load(from + (u * g.w + v) * g.c + c);
                lanes.store(to + c, sum);
            });
        }
    });
}

}  // namespace tacet::detail::kernel

#if TACET_WITH_KERNELS  // library tacet::kernels has these
namespace tacet::detail::kernel {

extern template void forward<Simd<float>>(Conv2dGeometry const&, Images<float> const&, float const*, float const*, Epilogue<float> const&,
                                          float*);
extern template void transposed<Simd<float>>(Conv2dGeometry const&, float const*, float const*, float const*, float*);
extern template void input_gradient<Simd<float>>(Conv2dGeometry const&, float const*, float const*, float*);
extern template void plane_gradient<Simd<float>>(Conv2dGeometry const&, float const*, Index, Index, Index, float*);
extern template void weight_gradient<Simd<float>>(Conv2dGeometry const&, Images<float> const&, float const*, float*);
extern template void bias_gradient<Simd<float>>(Index, Index, float const*, float*);
extern template void undo_activation<Simd<float>>(Epilogue<float> const&, Index, Index, float const*, float const*, float*, float*);
extern template void undo_pool<Simd<float>>(Conv2dGeometry const&, Epilogue<float> const&, float const*, float const*, float*, float*);

extern template void forward<Simd<double>>(Conv2dGeometry const&, Images<double> const&, double const*, double const*,
                                           Epilogue<double> const&, double*);
extern template void transposed<Simd<double>>(Conv2dGeometry const&, double const*, double const*, double const*, double*);
extern template void input_gradient<Simd<double>>(Conv2dGeometry const&, double const*, double const*, double*);
extern template void plane_gradient<Simd<double>>(Conv2dGeometry const&, double const*, Index, Index, Index, double*);
extern template void weight_gradient<Simd<double>>(Conv2dGeometry const&, Images<double> const&, double const*, double*);
extern template void bias_gradient<Simd<double>>(Index, Index, double const*, double*);
extern template void undo_activation<Simd<double>>(Epilogue<double> const&, Index, Index, double const*, double const*, double*, double*);
extern template void undo_pool<Simd<double>>(Conv2dGeometry const&, Epilogue<double> const&, double const*, double const*, double*,
                                             double*);

}  // namespace tacet::detail::kernel
#endif
