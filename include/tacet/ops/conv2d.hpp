// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/core/precision.hpp>
#include <tacet/ops/conv2d_cpu.hpp>

namespace tacet {

/// How a convolution slides: the same in both directions.
struct Conv2dOptions {
    Index stride = 1;    // >= 1: pixels of x from one output to the next
    Index padding = 0;   // >= 0: pixels added on each side
    Index dilation = 1;  // >= 1: pixels of x from one tap to the next
    Index groups = 1;    // output channels see only the input channels of their group; groups = C is a depthwise convolution
    PaddingMode padding_mode = PaddingMode::Zero;
};

/// Device half of conv2d and conv_transpose2d. Pointers to contiguous x (n, h, w, c), w (oc, c / groups, kh, kw), y (n, out_h, out_w, oc)
/// and their gradients; b is null where there is no bias. `transposed` is the input gradient for zero padding, plus b (c).
template <class D> struct Conv2dKernel {
    static_assert(sizeof(D) == 0, "conv2d has no kernels for this device here: compile this file as .cu");
    static void forward(auto const&...) {}
    static void transposed(auto const&...) {}
    static void input_gradient(auto const&...) {}
    static void weight_gradient(auto const&...) {}
    static void bias_gradient(auto const&...) {}
};

template <> struct Conv2dKernel<Cpu> {
    template <class T> static void forward(Conv2dGeometry const& g, T const* x, T const* w, T const* b, T* y) {
        detail::kernel::forward<Simd<T>>(g, x, w, b, y);
    }
    template <class T> static void transposed(Conv2dGeometry const& g, T const* gy, T const* w, T const* b, T* gx) {
        detail::kernel::transposed<Simd<T>>(g, gy, w, b, gx);
    }
    template <class T> static void input_gradient(Conv2dGeometry const& g, T const* gy, T const* w, T* gx) {
        detail::kernel::input_gradient<Simd<T>>(g, gy, w, gx);
    }
    template <class T> static void weight_gradient(Conv2dGeometry const& g, T const* x, T const* gy, T* gw) {
        detail::kernel::weight_gradient<Simd<T>>(g, x, gy, gw);
    }
    /// gb (channels) from gy (pixels, channels)
    template <class T> static void bias_gradient(Index pixels, Index channels, T const* gy, T* gb) {
        detail::kernel::bias_gradient<Simd<T>>(pixels, channels, gy, gb);
    }
};

namespace detail {

/// Checks the arguments of conv2d and returns its extents.
inline Conv2dGeometry conv2d_geometry(Shape<4> const& x, Shape<4> const& w, Conv2dOptions const& o) {
    check(o.stride >= 1 && o.padding >= 0 && o.dilation >= 1 && o.groups >= 1, "conv2d: stride ", o.stride, ", padding ", o.padding,
          ", dilation ", o.dilation, ", groups ", o.groups, ": only the padding may be 0, and none below");
    check_shape(w.size() > 0, "conv2d: w ", w, " is empty");
    check_shape(x[3] == w[1] * o.groups, "conv2d: x ", x, " has ", x[3], " channels, but w ", w, " with ", o.groups, " group(s) takes ",
                w[1] * o.groups);
    check_shape(w[0] % o.groups == 0, "conv2d: the ", w[0], " output channels of w ", w, " cannot be divided into ", o.groups, " groups");
    check_shape(x[1] + 2 * o.padding > o.dilation * (w[2] - 1) && x[2] + 2 * o.padding > o.dilation * (w[3] - 1), "conv2d: x ", x,
                " with padding ", o.padding, " is smaller than the kernel of w ", w, " with dilation ", o.dilation);
    check_shape(o.padding_mode == PaddingMode::Zero || (o.padding < x[1] && o.padding < x[2]), "conv2d: x ", x,
                " is too small to be reflected by ", o.padding, " pixels");
    return {x[0],      x[1],       x[2],     x[3],           w[0],                        w[2], w[3], o.stride,
            o.padding, o.dilation, o.groups, o.padding_mode, DirectConvolutions::wanted()};
}

/// Records y = convolution of x with w, plus b unless null: input(gy, w, gx) and weight(x, gy, gw) compute the gradients.
template <class T, class D, class Input, class Weight>
Variable<T, 4, D> record_convolution(Tensor<T, 4, D> const& y, Variable<T, 4, D> const& x, Variable<T, 4, D> const& w,
                                     Variable<T, 1, D> const* b, Input const& input, Weight const& weight) {
    Tensor<T, 4, D> saved_x, saved_w;  // each is needed for the other's gradient only
    if (w.requires_grad()) saved_x = x.value();
    if (x.requires_grad()) saved_w = w.value();
    auto const pull = [=, sx = x.slot(), sw = w.slot(), sb = b ? b->slot() : nullptr](Tensor<T, 4, D> const& gy) {
        if (sx) {
            Tensor<T, 4, D> gx(sx->shape);
            input(gy.data(), saved_w.data(), gx.data());
            sx->accumulate(std::move(gx));
        }
        if (sw) {
            Tensor<T, 4, D> gw(sw->shape);
            weight(saved_x.data(), gy.data(), gw.data());
            sw->accumulate(std::move(gw));
        }
        if (sb) {
            Tensor<T, 1, D> gb(sb->shape);
            Index const channels = gb.size();
            Conv2dKernel<D>::template bias_gradient<T>(gy.size() / channels, channels, gy.data(), gb.data());
            sb->accumulate(std::move(gb));
        }
    };
    return b ? record(y, pull, x, w, *b) : record(y, pull, x, w);
}

/// conv2d with b (O), or without (null).
template <class T, class D>
Variable<T, 4, D> conv2d(Variable<T, 4, D> const& x, Variable<T, 4, D> const& w, Variable<T, 1, D> const* b, Conv2dOptions const& o) {
    Conv2dGeometry const g = conv2d_geometry(x.shape(), w.shape(), o);
    check_shape(!b || b->shape()[0] == g.oc, "conv2d: w ", w.shape(), " has ", g.oc, " output channels, but b has the shape ",
                b ? b->shape() : Shape<1>{});
    Tensor<T, 4, D> y(Shape<4>{{g.n, g.out_h(), g.out_w(), g.oc}});
    Conv2dKernel<D>::template forward<T>(g, x.value().data(), w.value().data(), b ? b->value().data() : nullptr, y.data());
    auto const input = [g](T const* gy, T const* w_, T* gx) { Conv2dKernel<D>::template input_gradient<T>(g, gy, w_, gx); };
    auto const weight = [g](T const* x_, T const* gy, T* gw) { Conv2dKernel<D>::template weight_gradient<T>(g, x_, gy, gw); };
    return record_convolution(y, x, w, b, input, weight);
}

}  // namespace detail

/// 2-d convolution (cross-correlation) of x (N, H, W, C) with w (O, C / groups, kh, kw), plus b (O): (N, H', W', O), where
/// H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1. Throws ShapeError where the shapes do not fit. Keeps x and w.
template <class T, class D>
Variable<T, 4, D> conv2d(Variable<T, 4, D> const& x, Variable<T, 4, D> const& w, Variable<T, 1, D> const& b, Conv2dOptions const& o = {}) {
    return detail::conv2d(x, w, &b, o);
}
/// The same without a bias.
template <class T, class D> Variable<T, 4, D> conv2d(Variable<T, 4, D> const& x, Variable<T, 4, D> const& w, Conv2dOptions const& o = {}) {
    return detail::conv2d<T, D>(x, w, nullptr, o);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/conv2d.cuh>
#endif
