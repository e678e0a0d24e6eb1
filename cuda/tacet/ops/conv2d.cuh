// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/candidate.cuh>
#include <tacet/core/column_sums.cuh>
#include <tacet/core/place.cuh>
#include <tacet/core/tile_product.cuh>
#include <tacet/ops/conv2d_activation.cuh>
#include <tacet/ops/conv2d_cudnn.cuh>
#include <tacet/ops/conv2d_images.cuh>
#include <tacet/ops/conv2d_weights.cuh>

namespace tacet {
namespace gpu {

/// Where the sums go, with bias and activation; of each window of four positions the largest one, where that is wanted.
template <class T, class W> struct ConvolutionResult {
    detail::kernel::Dense<T, W> d;
    static constexpr int size = ResultBlock<W>::size;

    __device__ void operator()(Index group, Index position, Index out, ResultBlock<W> const& block) const {
        Index const channel = group * d.out_channels + out;
        W bias[size] = {};
#pragma unroll
        for (int e = 0; e < size; ++e)
            if (d.bias && e < block.columns) bias[e] = d.bias[channel + e];
        T y[size][size];
#pragma unroll
        for (int row = 0; row < size; ++row)
#pragma unroll
            for (int e = 0; e < size; ++e) y[row][e] = static_cast<T>(activated(d.epilogue, block.sum[row][e] + bias[e]));
        if (d.epilogue.pool) return store_largest(y, position / size * d.groups * d.out_channels + channel, block.columns);
        WindowPosition p(position, d.rows.count, d.cols.count);
#pragma unroll
        for (int row = 0; row < size; ++row, p.advance(1, static_cast<int>(d.rows.count), static_cast<int>(d.cols.count)))
            if (row < block.rows) store_padded(d.output(p.image, p.i, p.j, channel), y[row], block.columns);
    }

private:
    /// Element `at` of the pooled result and its neighbours, and the winners' numbers: of equals the first, as max_pool2d chooses.
    __device__ void store_largest(T const (&y)[size][size], Index at, Index columns) const {
        T largest[size];
        std::uint8_t winner[size];
#pragma unroll
        for (int e = 0; e < size; ++e) {
            Candidate<Wide<T>> best{y[0][e], 0};
#pragma unroll
            for (int row = 1; row < size; ++row)
                if (Candidate<Wide<T>> const next{y[row][e], row}; next.beats(best)) best = next;
            largest[e] = static_cast<T>(best.value), winner[e] = static_cast<std::uint8_t>(best.position);
        }
        store_padded(d.y + at, largest, columns);
        if (d.epilogue.argmax) store_padded(d.epilogue.argmax + at, winner, columns);
    }
};

/// gx = the gradient of reflecting: every pixel collects what its mirror images in the padded gradient received.
template <class T> struct FoldReflection {
    T* gx;            // (n, h, w, c)
    T const* padded;  // (n, h + 2 p, w + 2 p, c)
    Conv2dGeometry g;
    __device__ void operator()(Index k) const {
        Place const at(k, g.in_shape());
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

    template <class T> static bool pools(Conv2dGeometry const&) { return true; }
    template <class T>
    static void forward(Conv2dGeometry const& g, Images<T> const& x, Wide<T> const* w, Wide<T> const* b, Epilogue<T> const& e, T* y) {
        using namespace detail::kernel;
        if (CudnnConvolutions::wanted() && detail::Conv2dCudnn::forward(g, x, w, b, e, y)) return;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups;
        run({"conv2d", g.in_shape()},
            Dense<T, Wide<T>>{g.n, g.groups, cg, g.oc / g.groups, forward_axis(g.h, g.out_h(), g.kh, g),
                              forward_axis(g.w, g.out_w(), g.kw, g), x, w, group_weights(g), cg * taps, taps, g.kw, b, y, e});
    }
    template <class T> static void transposed(Conv2dGeometry const& g, T const* gy, Wide<T> const* w, Wide<T> const* b, T* gx) {
        using namespace detail::kernel;
        if (CudnnConvolutions::wanted() && !b && detail::Conv2dCudnn::input_gradient(g, gy, w, gx)) return;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups, oh = g.out_h(), ow = g.out_w();
        for (Index i = 0; i < std::min(g.stride, g.h); ++i)
            for (Index j = 0; j < std::min(g.stride, g.w); ++j)
                run({"conv2d_transposed", g.in_shape()},
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
        launch_each("conv2d_fold_reflection", g.in_shape(), gpu::FoldReflection<T>{gx, padded, g});
    }
    template <class T> static void plane_gradient(Conv2dGeometry const& g, T const* gx, Index offset, Index channels, Index scale, T* gp) {
        launch_each("conv2d_plane_gradient", Shape{g.n, g.h / scale, g.w / scale, channels},
                    gpu::PlaneGradient<T>{gp, gx, g, offset, channels, scale});
    }
    template <class T> static void weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, Wide<T>* gw) {
        using namespace detail::kernel;
        using Sum = Wide<T>;
        if (CudnnConvolutions::wanted() && detail::Conv2dCudnn::weight_gradient(g, x, gy, gw)) return;
        Index const taps = g.kh * g.kw, cg = g.c / g.groups, og = g.oc / g.groups, count = g.oc * cg * taps;
        gpu::ProductShape s{og, cg * taps, g.n * g.out_h() * g.out_w(), g.groups};
        s.parts = detail::parts_of_long_sums(s);
        Buffer<Cuda> const memory(s.parts * count, sizeof(Sum));
        auto* const part = static_cast<Sum*>(memory.data());
        gpu::SeenPixels<T, false> const seen(x, forward_axis(g.h, g.out_h(), g.kh, g), forward_axis(g.w, g.out_w(), g.kw, g), cg);
        detail::tile_product<T>({"conv2d_weight_gradient", g.in_shape()}, s, gpu::Factor<T, false>{gy, og, g.oc}, seen,
                                gpu::PlainResult<Sum>{part, s.m, s.n});
        detail::launch_part_sums("conv2d_weight_gradient", count, gpu::WeightSum<Sum, Sum>{gw, part, s.parts, og, cg, taps});
    }
    template <class T>
    static void epilogue_gradient(Conv2dGeometry const& g, Epilogue<T> const& e, T const* gy, T const* y, T* gz, Wide<T>* gb) {
        auto const shape = g.out_shape();
        gpu::BeforeActivation<T> const gradient{gy, y, e.slope};
        if (e.pool) launch_each("conv2d_pool_gradient", shape, gpu::UndoPool<T>{gz, gradient, e.argmax, shape});
        else launch_each("conv2d_activation_gradient", shape, gpu::UndoActivation<T>{gz, gradient});
        Index const pixels = e.pool ? g.n * (shape[1] / 2) * (shape[2] / 2) : g.n * shape[1] * shape[2];
        if (gb) detail::column_sums("conv2d_bias_gradient", std::array{gb}, pixels, g.oc, gpu::BiasTerms<T>{gradient, g.oc});
    }
    template <class T> static void bias_gradient(Index pixels, Index channels, T const* gy, Wide<T>* gb) {
        detail::column_sums("conv2d_bias_gradient", std::array{gb}, pixels, channels, gpu::RowTerms<T>{gy, channels});
    }

private:
    template <class T, class W> static void run(KernelLabel const& label, detail::kernel::Dense<T, W> const& d) {
        constexpr Index multiple = 8;  // so that lines of packed weights can be read eight at once
        Index const depth = d.rows.taps * d.cols.taps * d.in_channels, width = detail::round_up(d.out_channels, multiple);
        gpu::ProductShape s{d.n * d.rows.count * d.cols.count, d.out_channels, depth, d.groups};
        s.parts = detail::parts_of_few_tiles(s);  // as many with a pool as without: the same bits
        if (d.epilogue.pool) s.m = d.n * (d.rows.count / 2) * (d.cols.count / 2) * 4;
        if (s.m == 0) return;
        Buffer<Cuda> const memory(d.groups * depth * width, sizeof(T));
        auto* const packed = static_cast<T*>(memory.data());
        launch_each("conv2d_weights", d.groups * depth * width, gpu::PackWeights<T, W>{packed, d, width});
        detail::joined_product<T>(label, s, gpu::SeenPixels<T, true>(d.x, d.rows, d.cols, d.in_channels, d.epilogue.pool),
                                  gpu::Factor<T, false>{packed, depth * width, width}, gpu::ConvolutionResult<T, W>{d});
    }
};

}  // namespace tacet
