// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/pixel_strip.hpp>
#include <tacet/ops/rows.hpp>
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
        for_each_task(wide, deep, r, [](T* blocks, T const* pixels, Index rows, auto const& strip, bool stream) {
            for (Index at = 0; at < rows * strip.size(); at += strip.size()) strip.spread(blocks + at, pixels + at, stream);
        });
    }
    template <class T> static void to_deep(Tensor<T, 4> const& deep, Tensor<T, 4> const& wide, Index r) {
        for_each_task(wide, deep, r, [](T const* blocks, T* pixels, Index rows, auto const& strip, bool stream) {
            Index const end = rows * strip.size();
            if (!stream) {
                for (Index at = 0; at < end; at += strip.size()) strip.gather(pixels + at, blocks + at);
                return;
            }
            Index const near = detail::kernel::LineStream<T>::size_near(strip.run() * strip.pixel());
            detail::kernel::LineStream<T> out(pixels, detail::kernel::scratch<T, detail::kernel::window_slot>(near));
            for (Index at = 0; at < end; at += strip.size()) strip.gather(out, blocks + at);
            out.finish();
        });
    }

private:
    /// Calls body(blocks of wide, pixels of deep, rows, strip, whether results are written past the caches) for tasks of rows of `deep`.
    template <class T> static void for_each_task(Tensor<T, 4> const& wide, Tensor<T, 4> const& deep, Index r, auto&& body) {
        using Rows = detail::Rows<Cpu>;
        bool const stream = Rows::streams(deep.size() * static_cast<Index>(sizeof(T)));
        with_constants(wide.shape()[3], r, [&](auto c, auto factor) {
            detail::kernel::PixelStrip<T, decltype(c), decltype(factor)> const strip{deep.shape()[2], c, factor};
            parallel_ranges(deep.shape()[0] * deep.shape()[1], Rows::per_task(strip.size()), [&](Index begin, Index end) {
                body(wide.data() + begin * strip.size(), deep.data() + begin * strip.size(), end - begin, strip, stream);
            });
        });
    }
    /// Calls f(c, r), the usual factors and the channels of grey and colour images as constants.
    static void with_constants(Index c, Index r, auto&& f) {
        auto const factor = [&](auto channels) {
            if (r == 2) f(channels, std::integral_constant<int, 2>());
            else if (r == 3) f(channels, std::integral_constant<int, 3>());
            else if (r == 4) f(channels, std::integral_constant<int, 4>());
            else if (r == 5) f(channels, std::integral_constant<int, 5>());
            else f(channels, r);
        };
        if (c == 1) factor(std::integral_constant<int, 1>());
        else if (c == 3) factor(std::integral_constant<int, 3>());
        else factor(c);
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
