// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/rows.hpp>
#include <tacet/ops/scratch.hpp>
#include <type_traits>

namespace tacet {

/// Device half of both shuffles: moves every element between `wide` (N, H r, W r, C) and `deep` (N, H, W, C r r), where
/// wide[n, h r + i, w r + j, c] is deep[n, h, w, c r r + i r + j].
template <class D> struct PixelShuffleKernel {
    static_assert(sizeof(D) == 0, "pixel_shuffle has no kernels for this device here: compile this file as .cu");
    static void to_wide(auto const&...) {}
    static void to_deep(auto const&...) {}
};

template <> struct PixelShuffleKernel<Cpu> {
    template <class T> static void to_wide(Tensor<T, 4> const& wide, Tensor<T, 4> const& deep, Index r) {
        for_each_run(wide, deep, r, wide.size(), [](T* block, Index line, T* pixels, Index n, Index c, auto factor, bool stream) {
            Index const width = n * factor * c, rr = factor * factor;
            T* const near = stream ? scratch<T>(factor * width) : block;
            Index const near_line = stream ? width : line;
            for (Index p = 0; p < n; ++p) spread(near + p * factor * c, near_line, pixels + p * c * rr, c, factor);
            for (Index i = 0; stream && i < factor; ++i) Rows::stream(block + i * line, near + i * width, width);
        });
    }
    template <class T> static void to_deep(Tensor<T, 4> const& deep, Tensor<T, 4> const& wide, Index r) {
        for_each_run(wide, deep, r, deep.size(), [](T* block, Index line, T* pixels, Index n, Index c, auto factor, bool stream) {
            Index const size = c * factor * factor;
            T* const near = stream ? scratch<T>(n * size) : pixels;
            for (Index p = 0; p < n; ++p) gather(near + p * size, block + p * factor * c, line, c, factor);
            if (stream) Rows::stream(pixels, near, n * size);
        });
    }

private:
    using Rows = detail::Rows<Cpu>;

    template <class T> static T* scratch(Index n) { return detail::kernel::scratch<T, detail::kernel::window_slot>(n); }

    /// Calls body(block, line, pixels, n, c, r, stream) for runs of n neighbouring pixels (c r r) of `deep` and their blocks (r, r, c) of
    /// `wide`, whose rows lie `line` apart. A run fits into the first-level cache: results of so many elements as not to fit into any are
    /// made there and written past the caches. The usual factors come as constants, so that their loops are unrolled.
    template <class T> static void for_each_run(Tensor<T, 4> const& wide, Tensor<T, 4> const& deep, Index r, Index results, auto&& body) {
        Index const w = deep.shape()[2], c = wide.shape()[3], size = c * r * r, line = w * r * c;
        Index const run = std::max<Index>(4096 / std::max<Index>(size, 1), 1);
        bool const stream = Rows::streams(results * static_cast<Index>(sizeof(T)));
        auto const rows = [&](auto factor) {
            parallel_ranges(deep.shape()[0] * deep.shape()[1], Rows::per_task(w * size), [&](Index begin, Index end) {
                for (Index row = begin; row < end; ++row)
                    for (Index p = 0; p < w; p += run)
                        body(wide.data() + row * r * line + p * r * c, line, deep.data() + (row * w + p) * size, std::min(run, w - p), c,
                             factor, stream);
            });
        };
        if (r == 2) rows(std::integral_constant<Index, 2>());
        else if (r == 3) rows(std::integral_constant<Index, 3>());
        else if (r == 4) rows(std::integral_constant<Index, 4>());
        else if (r == 5) rows(std::integral_constant<Index, 5>());
        else rows(r);
    }
    /// One pixel (c, r, r) from or to its block (r, r, c), whose rows lie `line` apart.
    template <class T> static void gather(T* __restrict pixel, T const* __restrict block, Index line, Index c, auto r) {
        for (Index k = 0; k < c; ++k)
            for (Index i = 0; i < r; ++i)
                for (Index j = 0; j < r; ++j) pixel[(k * r + i) * r + j] = block[i * line + j * c + k];
    }
    template <class T> static void spread(T* __restrict block, Index line, T const* __restrict pixel, Index c, auto r) {
        for (Index k = 0; k < c; ++k)
            for (Index i = 0; i < r; ++i)
                for (Index j = 0; j < r; ++j) block[i * line + j * c + k] = pixel[(k * r + i) * r + j];
    }
};

/// Rearranges (N, H, W, C r r) into (N, H r, W r, C), in PyTorch's order: y[n, h r + i, w r + j, c] = x[n, h, w, c r r + i r + j]
/// (Shi et al., 2016). Keeps nothing.
template <class T, class D> Variable<T, 4, D> pixel_shuffle(Variable<T, 4, D> const& x /* (N, H, W, C r r) */, Index r) {
    auto const [n, h, w, c] = x.shape().extent;
    check(r > 0, "pixel_shuffle: factor ", r, " is not positive");
    check_shape(c % (r * r) == 0, "pixel_shuffle: the channels of x ", x.shape(), " cannot be divided by ", r * r);
    Tensor<T, 4, D> y(Shape{n, h * r, w * r, c / (r * r)});
    PixelShuffleKernel<D>::to_wide(y, x.value(), r);
    return record(y, [r, slot = x.slot(), shape = x.shape()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(shape);
        PixelShuffleKernel<D>::to_deep(gx, gy, r);
        deliver(slot, gx);
    }, x);
}

/// The inverse of pixel_shuffle: (N, H r, W r, C) into (N, H, W, C r r). Keeps nothing.
template <class T, class D> Variable<T, 4, D> pixel_unshuffle(Variable<T, 4, D> const& x /* (N, H r, W r, C) */, Index r) {
    auto const [n, h, w, c] = x.shape().extent;
    check(r > 0, "pixel_unshuffle: factor ", r, " is not positive");
    check_shape(h % r == 0 && w % r == 0, "pixel_unshuffle: the height and width of x ", x.shape(), " cannot be divided by ", r);
    Tensor<T, 4, D> y(Shape{n, h / r, w / r, c * r * r});
    PixelShuffleKernel<D>::to_deep(y, x.value(), r);
    return record(y, [r, slot = x.slot(), shape = x.shape()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(shape);
        PixelShuffleKernel<D>::to_wide(gx, gy, r);
        deliver(slot, gx);
    }, x);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/pixel_shuffle.cuh>
#endif
