// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/column_sums.cuh>
#include <tacet/core/place.cuh>
#include <tacet/core/tile_product.cuh>
#include <tacet/ops/conv2d.hpp>

namespace tacet {
namespace gpu {

/// Pixel (r, c) of an image from one of its channels on, zero or mirrored outside, and what is beside it: `pixel` is null outside.
template <class T> struct Seen {
    T const* pixel;
    Index channels;  // of the plane that it lies in, from there on

    __device__ Seen(detail::kernel::Images<T> const& x, Index image, Index r, Index c, Index channel) : pixel(nullptr), channels(0) {
        r = detail::kernel::source(r, x.h, x.mode), c = detail::kernel::source(c, x.w, x.mode);
        if (r < 0 || c < 0) return;
        bool const in_first = channel < x.first.channels;
        auto const& p = in_first ? x.first : x.second;
        Index const own = in_first ? channel : channel - x.first.channels;
        pixel = p.data + ((image * (x.h / p.scale) + r / p.scale) * (x.w / p.scale) + c / p.scale) * p.pixel + own;
        channels = p.channels - own;
    }
};

/// A position of a sliding window: element i of (n, rows.count, cols.count).
struct WindowPosition {
    Index image, i, j;
    __device__ WindowPosition(Index position, Index rows, Index cols)
        : image(position / (rows * cols)), i(position / cols % rows), j(position % cols) {}
};
/// A tap of it: element l of (taps, taps, channels).
struct WindowTap {
    int u, v, channel;
    /// In 32 bits, whose divisions are several times as fast: all weights of an output channel are fewer than 2^31.
    __device__ WindowTap(Index l, Index cols, Index channels) {
        int const tap = static_cast<int>(l) / static_cast<int>(channels), wide = static_cast<int>(cols);
        u = tap / wide, v = tap % wide, channel = static_cast<int>(l) - tap * static_cast<int>(channels);
    }
};

/// What a position sees through its taps (taps, taps, channels).
template <class T> struct SeenLine {
    detail::kernel::Images<T> x;
    Index image, top, left, row_spacing, column_spacing, columns, channels, first_channel;

    __device__ T operator()(Index l) const {
        auto const seen = at(WindowTap(l, columns, channels));
        return seen.pixel ? *seen.pixel : T(0);
    }
    template <int N> __device__ bool load(T (&to)[N], Index l) const {
        WindowTap const tap(l, columns, channels);
        auto const seen = at(tap);
        if (tap.channel + N > channels || (seen.pixel && seen.channels < N)) return false;
        if (seen.pixel) return load_vector(to, seen.pixel);
        for (T& element : to) element = T(0);
        return true;
    }

private:
    __device__ Seen<T> at(WindowTap const& tap) const {
        return Seen<T>(x, image, top + tap.u * row_spacing, left + tap.v * column_spacing, first_channel + tap.channel);
    }
};
/// What positions see: a line for each, the batch are the groups. The left factor of a convolution, where it is deep; the right one of the
/// weight gradient, where positions are what is summed over.
template <class T, bool is_deep> struct SeenPixels {
    static constexpr bool deep = is_deep;
    detail::kernel::Images<T> x;
    detail::kernel::Axis rows, cols;
    Index channels;  // of a group
    __device__ SeenLine<T> line(Index group, Index position) const {
        WindowPosition const p(position, rows.count, cols.count);
        return {x, p.image, rows.read_begin(p.i), cols.read_begin(p.j), rows.spacing, cols.spacing, cols.taps, channels, group * channels};
    }
};

/// The weights as the right factor of a convolution: (groups, taps, taps, channels, width), where output channels beyond those of a group
/// are zeros.
template <class T, class W> struct PackWeights {
    T* packed;
    detail::kernel::Dense<T, W> d;
    Index width;
    __device__ void operator()(Index k) const {
        Index const out = k % width, line = k / width, lines = d.rows.taps * d.cols.taps * d.in_channels;
        WindowTap const tap(line % lines, d.cols.taps, d.in_channels);
        packed[k] = out < d.out_channels ? static_cast<T>(*d.weight(line / lines, out, tap.channel, tap.u, tap.v)) : T(0);
    }
};
/// Where the sums go, with bias and activation.
template <class T, class W> struct ConvolutionResult {
    detail::kernel::Dense<T, W> d;
    __device__ void operator()(Index group, Index position, Index out, W sum) const {
        WindowPosition const p(position, d.rows.count, d.cols.count);
        Index const channel = group * d.out_channels + out;
        if (d.bias) sum += d.bias[channel];
        if (sum <= 0) sum = d.epilogue.rectify ? W(0) : sum * d.epilogue.slope;
        *d.output(p.image, p.i, p.j, channel) = static_cast<T>(sum);
    }
};

/// The left factor of the weight gradient: gy (positions, oc) transposed; the batch are the groups.
template <class T> struct ChannelGradients {
    static constexpr bool deep = false;
    T const* gy;
    Index oc, in_group;
    __device__ PlainLine<T> line(Index group, Index position) const { return {gy + position * oc + group * in_group}; }
};
/// Weight gradients (oc / groups rows, taps times channels) as weights lie in memory, (parts, oc, c / groups, kh, kw).
template <class W> struct WeightResult {
    W* part;
    Index oc, in_group, taps, in_channels, parts;
    __device__ void operator()(Index z, Index out, Index l, W sum) const {
        Index const group = z / parts, row = z % parts * oc + group * in_group + out;
        part[(row * in_channels + l % in_channels) * taps + l / in_channels] = sum;
    }
};

template <class T> struct UndoActivation {
    T* gz;
    T const *gy, *y;
    Wide<T> slope;
    __device__ void operator()(Index k) const { gz[k] = y[k] > 0 ? gy[k] : static_cast<T>(gy[k] * slope); }
};

/// gx = the gradient of reflecting: every pixel collects what its mirror images in the padded gradient received.
template <class T> struct FoldReflection {
    T* gx;            // (n, h, w, c)
    T const* padded;  // (n, h + 2 p, w + 2 p, c)
    Conv2dGeometry g;
    __device__ void operator()(Index k) const {
        Place const at(k, Shape<4>{{g.n, g.h, g.w, g.c}});
        Index const ph = g.h + 2 * g.padding, pw = g.w + 2 * g.padding;
        Wide<T> sum = 0;
        detail::kernel::for_mirrors(at.i, g.h, g.padding, [&](Index r) {
            T const* const row = padded + (at.image * ph + r) * pw * g.c + at.channel;
            detail::kernel::for_mirrors(at.j, g.w, g.padding, [&](Index q) { sum += row[q * g.c]; });
        });
        gx[k] = static_cast<T>(sum);
    }
};

template <class T> struct PlaneGradient {
    T* gp;        // (n, h / scale, w / scale, channels)
    T const* gx;  // (n, h, w, c)
    Conv2dGeometry g;
    Index offset, channels, scale;
    __device__ void operator()(Index k) const {
        RowPlace const at(k, g.w / scale, channels);
        Wide<T> sum = 0;
        for (Index u = 0; u < scale; ++u)
            for (Index v = 0; v < scale; ++v) sum += gx[((at.row * scale + u) * g.w + at.j * scale + v) * g.c + offset + at.channel];
        gp[k] = static_cast<T>(sum);
    }
};

}  // namespace gpu

template <> struct Conv2dKernel<Cuda> {
    template <class T> using Images = detail::kernel::Images<T>;
    template <class T> using Epilogue = detail::Epilogue<Wide<T>>;

    template <class T> static bool pools(Conv2dGeometry const&) { return false; }
    template <class T>
    static void forward(Conv2dGeometry const& g, Images<T> const& x, Wide<T> const* w, Wide<T> const* b, Epilogue<T> const& e, T* y) {
        using namespace detail::kernel;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups;
        run("conv2d", Dense<T, Wide<T>>{g.n, g.groups, cg, g.oc / g.groups, forward_axis(g.h, g.out_h(), g.kh, g),
                                        forward_axis(g.w, g.out_w(), g.kw, g), x, w, group_weights(g), cg * taps, taps, g.kw, b, y, e});
    }
    template <class T> static void transposed(Conv2dGeometry const& g, T const* gy, Wide<T> const* w, Wide<T> const* b, T* gx) {
        using namespace detail::kernel;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups, oh = g.out_h(), ow = g.out_w();
        for (Index i = 0; i < std::min(g.stride, g.h); ++i)
            for (Index j = 0; j < std::min(g.stride, g.w); ++j)
                run("conv2d_transposed",
                    Dense<T, Wide<T>>{g.n, g.groups, g.oc / g.groups, cg, gradient_axis(i, oh, g.h, g.kh, g),
                                      gradient_axis(j, ow, g.w, g.kw, g), Images<T>::plain(gy, oh, ow, g.oc), w, group_weights(g), taps,
                                      cg * taps, g.kw, b, gx});
    }
    template <class T> static void input_gradient(Conv2dGeometry const& g, T const* gy, Wide<T> const* w, T* gx) {
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
    template <class T> static void weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, Wide<T>* gw) {
        using namespace detail::kernel;
        using Sum = Wide<T>;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups, og = g.oc / g.groups, count = g.oc * cg * taps;
        gpu::ProductShape s{og, cg * taps, g.n * g.out_h() * g.out_w(), g.groups};
        s.parts = detail::product_parts(s);
        Buffer<Cuda> const memory(s.parts * count, sizeof(Sum));
        auto* const part = static_cast<Sum*>(memory.data());
        gpu::SeenPixels<T, false> const seen{x, forward_axis(g.h, g.out_h(), g.kh, g), forward_axis(g.w, g.out_w(), g.kw, g), cg};
        detail::tile_product<T>("conv2d_weight_gradient", s, gpu::ChannelGradients<T>{gy, g.oc, og}, seen,
                                gpu::WeightResult<Sum>{part, g.oc, og, taps, cg, s.parts});
        launch_each("conv2d_weight_gradient", count, gpu::PartSum<Sum, Sum>{gw, part, s.parts, count});
    }
    template <class T>
    static void epilogue_gradient(Conv2dGeometry const& g, Epilogue<T> const& e, T const* gy, T const* y, T* gz, Wide<T>* gb) {
        Index const pixels = g.n * g.out_h() * g.out_w();
        launch_each("conv2d_activation_gradient", pixels * g.oc, gpu::UndoActivation<T>{gz, gy, y, e.slope});
        if (gb) bias_gradient<T>(pixels, g.oc, gz, gb);
    }
    template <class T> static void bias_gradient(Index pixels, Index channels, T const* gy, Wide<T>* gb) {
        detail::column_sums("conv2d_bias_gradient", std::array{gb}, pixels, channels, gpu::RowTerms<T>{gy, channels});
    }

private:
    template <class T, class W> static void run(char const* name, detail::kernel::Dense<T, W> const& d) {
        constexpr Index multiple = 8;  // so that lines of packed weights can be read eight at once
        Index const depth = d.rows.taps * d.cols.taps * d.in_channels, width = detail::round_up(d.out_channels, multiple);
        gpu::ProductShape const s{d.n * d.rows.count * d.cols.count, d.out_channels, depth, d.groups};
        if (s.m == 0) return;
        Buffer<Cuda> const memory(d.groups * depth * width, sizeof(T));
        auto* const packed = static_cast<T*>(memory.data());
        launch_each("conv2d_weights", d.groups * depth * width, gpu::PackWeights<T, W>{packed, d, width});
        detail::tile_product<T>(name, s, gpu::SeenPixels<T, true>{d.x, d.rows, d.cols, d.in_channels},
                                gpu::Factor<T, false>{packed, depth * width, width}, gpu::ConvolutionResult<T, W>{d});
    }
};

}  // namespace tacet
