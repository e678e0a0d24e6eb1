// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/rows.hpp>

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
        for_each_block(wide, deep, r, [&](T* block, Index line, T* pixel, Index c) {
            if (r == 2) return to_wide_2(block, block + line, pixel, c);
            for (Index q = 0; q < r * r; ++q) {
                T* __restrict const to = block + q / r * line + q % r * c;
                for (Index k = 0; k < c; ++k) to[k] = pixel[k * r * r + q];
            }
        });
    }
    template <class T> static void to_deep(Tensor<T, 4> const& deep, Tensor<T, 4> const& wide, Index r) {
        for_each_block(wide, deep, r, [&](T* block, Index line, T* pixel, Index c) {
            if (r == 2) return to_deep_2(pixel, block, block + line, c);
            for (Index k = 0; k < c; ++k)
                for (Index i = 0; i < r; ++i)
                    for (Index j = 0; j < r; ++j) pixel[(k * r + i) * r + j] = block[i * line + j * c + k];
        });
    }

private:
    /// Calls body(block, line, pixel, c) for every pixel (c r r) of `deep` and its block (r, r, c) of `wide`, whose rows lie `line` apart.
    template <class T> static void for_each_block(Tensor<T, 4> const& wide, Tensor<T, 4> const& deep, Index r, auto&& body) {
        Index const w = deep.shape()[2], c = wide.shape()[3], line = w * r * c;
        parallel_ranges(deep.shape()[0] * deep.shape()[1], detail::Rows<Cpu>::per_task(line * r), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row)
                for (Index p = 0; p < w; ++p)
                    body(wide.data() + row * r * line + p * r * c, line, deep.data() + (row * w + p) * c * r * r, c);
        });
    }
    // The usual factor: with the stride known, the compiler shuffles vectors instead of moving single elements.
    template <class T> static void to_wide_2(T* __restrict top, T* __restrict bottom, T const* __restrict pixel, Index c) {
        T* __restrict const top_right = top + c;
        T* __restrict const bottom_right = bottom + c;
        for (Index k = 0; k < c; ++k) {
            top[k] = pixel[4 * k], top_right[k] = pixel[4 * k + 1];
            bottom[k] = pixel[4 * k + 2], bottom_right[k] = pixel[4 * k + 3];
        }
    }
    template <class T> static void to_deep_2(T* __restrict pixel, T const* __restrict top, T const* __restrict bottom, Index c) {
        for (Index k = 0; k < c; ++k) {
            pixel[4 * k] = top[k], pixel[4 * k + 1] = top[c + k];
            pixel[4 * k + 2] = bottom[k], pixel[4 * k + 3] = bottom[c + k];
        }
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
