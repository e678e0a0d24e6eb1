// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d.hpp>

// The transposed convolution is the input gradient of a convolution, and its own input gradient is that convolution:
// the kernels of conv2d serve with the roles of x and y exchanged.
namespace tacet {

/// How a transposed convolution slides: the same in both directions.
struct ConvTranspose2dOptions {
    Index stride = 1;          // >= 1: pixels of y from one pixel of x to the next
    Index padding = 0;         // >= 0: pixels cut off on each side of y
    Index output_padding = 0;  // 0 <= output_padding < stride: pixels added at the bottom and the right of y
    Index dilation = 1;        // >= 1: pixels of y from one tap to the next
    Index groups = 1;          // output channels see only the input channels of their group
};

namespace detail {

/// Checks the arguments of conv_transpose2d and returns the extents of the convolution whose input gradient it is.
inline Conv2dGeometry conv_transpose2d_geometry(Shape<4> const& x, Shape<4> const& w, ConvTranspose2dOptions const& o) {
    check(o.stride >= 1 && o.padding >= 0 && o.dilation >= 1 && o.groups >= 1, "conv_transpose2d: stride ", o.stride, ", padding ",
          o.padding, ", dilation ", o.dilation, ", groups ", o.groups, ": only the padding may be 0, and none below");
    check(o.output_padding >= 0 && o.output_padding < o.stride, "conv_transpose2d: the output padding ", o.output_padding,
          " is not between 0 and the stride ", o.stride, ", exclusive");
    check_shape(w.size() > 0, "conv_transpose2d: w ", w, " is empty");
    check_shape(x[3] == w[0], "conv_transpose2d: x ", x, " has ", x[3], " channels, but w ", w, " takes ", w[0]);
    check_shape(x[3] % o.groups == 0, "conv_transpose2d: the ", x[3], " channels of x ", x, " cannot be divided into ", o.groups,
                " groups");
    auto const extent = [&](Index in, Index k) {
        return (in - 1) * o.stride - 2 * o.padding + o.dilation * (k - 1) + o.output_padding + 1;
    };
    Index const h = extent(x[1], w[2]), wide = extent(x[2], w[3]);
    check_shape(x[1] > 0 && x[2] > 0 && h > 0 && wide > 0, "conv_transpose2d: nothing is left of x ", x, " under w ", w, " with padding ",
                o.padding);
    return {x[0], h, wide, w[1] * o.groups, x[3], w[2], w[3], o.stride, o.padding, o.dilation, o.groups, PaddingMode::Zero,
            DirectConvolutions::wanted()};
}

/// Records y = transposed convolution of x with w, plus b unless null. What each gradient needs is kept only if it is wanted.
template <class T, class D>
Variable<T, 4, D> record_transposed(Tensor<T, 4, D> const& y, Conv2dGeometry const& g, Variable<T, 4, D> const& x,
                                    Variable<Wide<T>, 4, D> const& w, Variable<Wide<T>, 1, D> const* b) {
    using Kernel = Conv2dKernel<D>;
    Tensor<T, 4, D> saved_x;
    Tensor<Wide<T>, 4, D> saved_w;
    if (w.requires_grad()) saved_x = x.value();
    if (x.requires_grad()) saved_w = w.value();
    auto const pull = [=, sx = x.slot(), sw = w.slot(), sb = b ? b->slot() : nullptr](Tensor<T, 4, D> const& gy) {
        auto const images = kernel::Images<T>::plain(gy.data(), g.h, g.w, g.c);
        if (sx) {
            Tensor<T, 4, D> gx(sx->shape);
            Kernel::template forward<T>(g, images, saved_w.data(), nullptr, {}, gx.data());
            sx->accumulate(std::move(gx));
        }
        if (sw) {
            Tensor<Wide<T>, 4, D> gw(sw->shape);
            Kernel::template weight_gradient<T>(g, images, saved_x.data(), gw.data());
            sw->accumulate(std::move(gw));
        }
        if (sb) {
            Tensor<Wide<T>, 1, D> gb(sb->shape);
            Kernel::template bias_gradient<T>(gy.size() / g.c, g.c, gy.data(), gb.data());
            sb->accumulate(std::move(gb));
        }
    };
    return b ? record(y, pull, x, w, *b) : record(y, pull, x, w);
}

/// conv_transpose2d with b (O), or without (null).
template <class T, class D>
Variable<T, 4, D> conv_transpose2d(Variable<T, 4, D> const& x, Variable<Wide<T>, 4, D> const& w, Variable<Wide<T>, 1, D> const* b,
                                   ConvTranspose2dOptions const& o) {
    Conv2dGeometry const g = conv_transpose2d_geometry(x.shape(), w.shape(), o);
    check_shape(!b || b->shape()[0] == g.c, "conv_transpose2d: w ", w.shape(), " with ", o.groups, " group(s) has ", g.c,
                " output channels, but b has the shape ", b ? b->shape() : Shape<1>{});
    Tensor<T, 4, D> y(Shape<4>{{g.n, g.h, g.w, g.c}});
    Conv2dKernel<D>::template transposed<T>(g, x.value().data(), w.value().data(), b ? b->value().data() : nullptr, y.data());
    return record_transposed(y, g, x, w, b);
}

}  // namespace detail

/// Transposed 2-d convolution of x (N, H, W, C) with w (C, O / groups, kh, kw), plus b (O): (N, H', W', O), where
/// H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1. Throws ShapeError where the shapes do not fit. Keeps x and w.
template <class T, class D>
Variable<T, 4, D> conv_transpose2d(Variable<T, 4, D> const& x, Variable<Wide<T>, 4, D> const& w, Variable<Wide<T>, 1, D> const& b,
                                   ConvTranspose2dOptions const& o = {}) {
    return detail::conv_transpose2d(x, w, &b, o);
}
/// The same without a bias.
template <class T, class D>
Variable<T, 4, D> conv_transpose2d(Variable<T, 4, D> const& x, Variable<Wide<T>, 4, D> const& w, ConvTranspose2dOptions const& o = {}) {
    return detail::conv_transpose2d<T, D>(x, w, nullptr, o);
}

}  // namespace tacet
