// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/pixel_shuffle_cpu.hpp>

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
        detail::kernel::shuffle_to_wide<Simd<T>>(wide.data(), deep.data(), wide.shape()[3], deep.shape(), r);
    }
    template <class T> static void to_deep(Tensor<T, 4> const& deep, Tensor<T, 4> const& wide, Index r) {
        detail::kernel::shuffle_to_deep<Simd<T>>(deep.data(), wide.data(), wide.shape()[3], deep.shape(), r);
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
