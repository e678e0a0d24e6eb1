// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/column_sums.cuh>
#include <tacet/core/place.cuh>
#include <tacet/core/tile_product.cuh>
#include <tacet/ops/conv2d.hpp>

namespace tacet {
namespace gpu {

/// Pixel (r, c) of an image and one of its channels, zero or mirrored outside.
template <class T> __device__ T image_value(detail::kernel::Images<T> const& x, Index image, Index r, Index c, Index channel) {
    r = detail::kernel::source(r, x.h, x.mode), c = detail::kernel::source(c, x.w, x.mode);
    if (r < 0 || c < 0) return T(0);
    bool const in_first = channel < x.first.channels;
    auto const& p = in_first ? x.first : x.second;
    Index const pixel = (image * (x.h / p.scale) + r / p.scale) * (x.w / p.scale) + c / p.scale;
    return p.data[pixel * p.pixel + (in_first ? channel : channel - x.first.channels)];
}

/// A position of a sliding window: element i of (n, rows.count, cols.count).
struct WindowPosition {
    Index image, i, j;
    __device__ WindowPosition(Index position, Index rows, Index cols)
        : image(position / (rows * cols)), i(position / cols % rows), j(position % cols) {}
};
/// A tap of it: element l of (taps, taps, channels).
struct WindowTap {
    Index u, v, channel;
    __device__ WindowTap(Index l, Index cols, Index channels) : u(l / channels / cols), v(l / channels % cols), channel(l % channels) {}
};

/// The left factor of a convolution, what positions (rows) see through taps (columns); the batch are the groups.
template <class T> struct SeenPixels {
    static constexpr bool deep = true;
    detail::kernel::Dense<T> d;
    __device__ T operator()(Index group, Index position, Index l) const {
        WindowPosition const p(position, d.rows.count, d.cols.count);
        WindowTap const tap(l, d.cols.taps, d.in_channels);
        return image_value(d.x, p.image, d.rows.read_begin(p.i) + tap.u * d.rows.spacing, d.cols.read_begin(p.j) + tap.v * d.cols.spacing,
                           group * d.in_channels + tap.channel);
    }
};
/// The right factor: the weights of taps (rows) for the output channels (columns).
template <class T> struct TapWeights {
    static constexpr bool deep = false;
    detail::kernel::Dense<T> d;
    __device__ T operator()(Index group, Index l, Index out) const {
        WindowTap const tap(l, d.cols.taps, d.in_channels);
        return *d.weight(group, out, tap.channel, tap.u, tap.v);
    }
};
/// Where the sums go, with bias and activation.
template <class T> struct ConvolutionResult {
    detail::kernel::Dense<T> d;
    __device__ void operator()(Index group, Index position, Index out, T sum) const {
        WindowPosition const p(position, d.rows.count, d.cols.count);
        Index const channel = group * d.out_channels + out;
        if (d.bias) sum += d.bias[channel];
        if (sum <= 0) sum = d.epilogue.rectify ? T(0) : sum * d.epilogue.slope;
        *d.output(p.image, p.i, p.j, channel) = sum;
    }
};

/// The left factor of the weight gradient: gy (positions, oc) transposed; the batch are the groups.
template <class T> struct ChannelGradients {
    static constexpr bool deep = false;
    T const* gy;
    Index oc, in_group;
    __device__ T operator()(Index group, Index out, Index position) const { return gy[position * oc + group * in_group + out]; }
};
/// The right factor: what positions see, as (positions, taps).
template <class T> struct SeenRows {
    static constexpr bool deep = false;
    SeenPixels<T> seen;
    __device__ T operator()(Index group, Index position, Index l) const { return seen(group, position, l); }
};
/// Weight gradients (oc / groups rows, taps times channels) as weights lie in memory, (parts, oc, c / groups, kh, kw).
template <class T> struct WeightResult {
    T* part;
    Index oc, in_group, taps, in_channels, parts;
    __device__ void operator()(Index z, Index out, Index l, T sum) const {
        Index const group = z / parts, row = z % parts * oc + group * in_group + out;
        part[(row * in_channels + l % in_channels) * taps + l / in_channels] = sum;
    }
};

template <class T> struct UndoActivation {
    T* gz;
    T const *gy, *y;
    T slope;
    __device__ void operator()(Index k) const { gz[k] = y[k] > 0 ? gy[k] : gy[k] * slope; }
};

/// gx = the gradient of reflecting: every pixel collects what its mirror images in the padded gradient received.
template <class T> struct FoldReflection {
    T* gx;            // (n, h, w, c)
    T const* padded;  // (n, h + 2 p, w + 2 p, c)
    Conv2dGeometry g;
    __device__ void operator()(Index k) const {
        Place const at(k, Shape<4>{{g.n, g.h, g.w, g.c}});
        Index const ph = g.h + 2 * g.padding, pw = g.w + 2 * g.padding;
        T sum = 0;
        detail::kernel::for_mirrors(at.i, g.h, g.padding, [&](Index r) {
            T const* const row = padded + (at.image * ph + r) * pw * g.c + at.channel;
            detail::kernel::for_mirrors(at.j, g.w, g.padding, [&](Index q) { sum += row[q * g.c]; });
        });
        gx[k] = sum;
    }
};

template <class T> struct PlaneGradient {
    T* gp;        // (n, h / scale, w / scale, channels)
    T const* gx;  // (n, h, w, c)
    Conv2dGeometry g;
    Index offset, channels, scale;
    __device__ void operator()(Index k) const {
        RowPlace const at(k, g.w / scale, channels);
        T sum = 0;
        for (Index u = 0; u < scale; ++u)
            for (Index v = 0; v < scale; ++v) sum += gx[((at.row * scale + u) * g.w + at.j * scale + v) * g.c + offset + at.channel];
        gp[k] = sum;
    }
};

}  // namespace gpu

template <> struct Conv2dKernel<Cuda> {
    template <class T> using Images = detail::kernel::Images<T>;
    template <class T> using Epilogue = detail::Epilogue<T>;

    template <class T> static bool pools(Conv2dGeometry const&) { return false; }
    template <class T>
    static void forward(Conv2dGeometry const& g, Images<T> const& x, T const* w, T const* b, Epilogue<T> const& e, T* y) {
        using namespace detail::kernel;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups;
        run("conv2d", Dense<T>{g.n, g.groups, cg, g.oc / g.groups, forward_axis(g.h, g.out_h(), g.kh, g),
                               forward_axis(g.w, g.out_w(), g.kw, g), x, w, group_weights(g), cg * taps, taps, g.kw, b, y, e});
    }
    template <class T> static void transposed(Conv2dGeometry const& g, T const* gy, T const* w, T const* b, T* gx) {
        using namespace detail::kernel;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups, oh = g.out_h(), ow = g.out_w();
        for (Index i = 0; i < std::min(g.stride, g.h); ++i)
            for (Index j = 0; j < std::min(g.stride, g.w); ++j)
                run("conv2d_transposed", Dense<T>{g.n, g.groups, g.oc / g.groups, cg, gradient_axis(i, oh, g.h, g.kh, g),
                                                  gradient_axis(j, ow, g.w, g.kw, g), Images<T>::plain(gy, oh, ow, g.oc), w,
                                                  group_weights(g), taps, cg * taps, g.kw, b, gx});
    }
    template <class T> static void input_gradient(Conv2dGeometry const& g, T const* gy, T const* w, T* gx) {
        if (g.mode == PaddingMode::Zero || g.padding == 0) return transposed<T>(g, gy, w, nullptr, gx);
        Conv2dGeometry wide = g;
        wide.h += 2 * g.padding, wide.w += 2 * g.padding, wide.padding = 0, wide.mode = PaddingMode::Zero;
        Buffer<Cuda> const memory(wide.n * wide.h * wide.w * wide.c, sizeof(T));
        auto* const padded = static_cast<T*>(memory.data());
        transposed<T>(wide, gy, w, nullptr, padded);
        launch_each("conv2d_fold_reflection", g.n * g.h * g.w * g.c, gpu::FoldReflection<T>{gx, padded, g});
    }
    template <class T> static void plane_gradient(Conv2dGeometry const& g, T const* gx, Index offset, Index channels, Index scale, T* gp) {
        launch_each("conv2d_plane_gradient", g.n * (g.h / scale) * (g.w / scale) * channels,
                    gpu::PlaneGradient<T>{gp, gx, g, offset, channels, scale});
    }
    template <class T> static void weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, T* gw) {
        using namespace detail::kernel;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups, og = g.oc / g.groups, count = g.oc * cg * taps;
        gpu::ProductShape s{og, cg * taps, g.n * g.out_h() * g.out_w(), g.groups};
        s.parts = detail::product_parts(s);
        Dense<T> const d{g.n, g.groups, cg, og, forward_axis(g.h, g.out_h(), g.kh, g), forward_axis(g.w, g.out_w(), g.kw, g),
                         x, nullptr, 0, 0, 0, 0, nullptr, nullptr};
        Buffer<Cuda> const memory(s.parts * count, sizeof(T));
        auto* const part = static_cast<T*>(memory.data());
        detail::tile_product<T>("conv2d_weight_gradient", s, gpu::ChannelGradients<T>{gy, g.oc, og},
                                gpu::SeenRows<T>{{d}}, gpu::WeightResult<T>{part, g.oc, og, taps, cg, s.parts});
        launch_each("conv2d_weight_gradient", count, gpu::PartSum<T, T>{gw, part, s.parts, count});
    }
    template <class T>
    static void epilogue_gradient(Conv2dGeometry const& g, Epilogue<T> const& e, T const* gy, T const* y, T* gz, T* gb) {
        Index const pixels = g.n * g.out_h() * g.out_w();
        launch_each("conv2d_activation_gradient", pixels * g.oc, gpu::UndoActivation<T>{gz, gy, y, e.slope});
        if (gb) bias_gradient<T>(pixels, g.oc, gz, gb);
    }
    template <class T> static void bias_gradient(Index pixels, Index channels, T const* gy, T* gb) {
        detail::column_sums("conv2d_bias_gradient", std::array{gb}, pixels, channels, gpu::RowTerms<T>{gy, channels});
    }

private:
    template <class T> static void run(char const* name, detail::kernel::Dense<T> const& d) {
        gpu::ProductShape const s{d.n * d.rows.count * d.cols.count, d.out_channels, d.rows.taps * d.cols.taps * d.in_channels, d.groups};
        if (s.m > 0) detail::tile_product<T>(name, s, gpu::SeenPixels<T>{d}, gpu::TapWeights<T>{d}, gpu::ConvolutionResult<T>{d});
    }
};

}  // namespace tacet
