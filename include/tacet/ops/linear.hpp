// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/conv2d_cpu.hpp>
#include <tacet/ops/gemm.hpp>

namespace tacet {

/// Device half of linear: x (rows, in), w (out, in), b (out) or null, y (rows, out), and their gradients; x and y of type T, w and b of
/// type Wide<T>.
template <class D> struct LinearKernel {
    static_assert(sizeof(D) == 0, "linear has no kernels for this device here: compile this file as .cu");
    static void forward(auto const&...) {}
    static void input_gradient(auto const&...) {}
    static void weight_gradient(auto const&...) {}
    static void bias_gradient(auto const&...) {}
};

/// A linear layer is a convolution with a kernel of one pixel, over pictures of one row: its register tiles beat a general matrix product
/// at these shapes, and the bits of a row of y do not depend on the other rows.
template <> struct LinearKernel<Cpu> {
    template <class T> static void forward(Index rows, Index in, Index out, T const* x, T const* w, T const* b, T* y) {
        detail::kernel::forward<Simd<T>, T>(row_picture(rows, in, out), Images<T>::plain(x, 1, rows, in), w, b, {}, y);
    }
    template <class T> static void input_gradient(Index rows, Index in, Index out, T const* gy, T const* w, T* gx) {
        detail::kernel::input_gradient<Simd<T>>(row_picture(rows, in, out), gy, w, gx);
    }
    template <class T> static void weight_gradient(Index rows, Index in, Index out, T const* x, T const* gy, T* gw) {
        Conv2dGeometry const column{1, rows, 1, in, out};  // summed in chunks of rows
        detail::kernel::weight_gradient<Simd<T>, T>(column, Images<T>::plain(x, rows, 1, in), gy, gw);
    }
    template <class T> static void bias_gradient(Index rows, Index out, T const* gy, T* gb) {
        detail::kernel::bias_gradient<Simd<T>>(rows, out, gy, gb);
    }

private:
    template <class T> using Images = detail::kernel::Images<T>;
    static Conv2dGeometry row_picture(Index rows, Index in, Index out) { return {1, 1, rows, in, out}; }
};

namespace detail {
/// linear with b (out), or without (null).
template <class T, int R, class D>
Variable<T, R, D> linear(Variable<T, R, D> const& x, Variable<Wide<T>, 2, D> const& w, Variable<Wide<T>, 1, D> const* b) {
    static_assert(R >= 1, "linear takes rows (..., in)");
    Index const out = w.shape()[0], in = w.shape()[1];
    check_shape(w.size() > 0, "linear: w ", w.shape(), " is empty");
    check_shape(x.shape()[R - 1] == in, "linear: x ", x.shape(), " does not end in ", in, ", the input width of w ", w.shape());
    check_shape(!b || b->shape()[0] == out, "linear: w ", w.shape(), " has the output width ", out, ", but b has the shape ",
                b ? b->shape() : Shape<1>{});
    Index const rows = x.size() / in;
    Shape<R> shape = x.shape();
    shape[R - 1] = out;
    Tensor<T, R, D> y(shape);
    LinearKernel<D>::template forward<T>(rows, in, out, x.value().data(), w.value().data(), b ? b->value().data() : nullptr, y.data());
    Tensor<T, R, D> saved_x;  // each is needed for the other's gradient only
    Tensor<Wide<T>, 2, D> saved_w;
    if (w.requires_grad()) saved_x = x.value();
    if (x.requires_grad()) saved_w = w.value();
    auto const pull = [=, sx = x.slot(), sw = w.slot(), sb = b ? b->slot() : nullptr](Tensor<T, R, D> const& gy) {
        if (sx) {
            Tensor<T, R, D> gx(sx->shape);
            LinearKernel<D>::template input_gradient<T>(rows, in, out, gy.data(), saved_w.data(), gx.data());
            sx->accumulate(std::move(gx));
        }
        if (sw) {
            Tensor<Wide<T>, 2, D> gw(sw->shape);
            LinearKernel<D>::template weight_gradient<T>(rows, in, out, saved_x.data(), gy.data(), gw.data());
            sw->accumulate(std::move(gw));
        }
        if (sb) {
            Tensor<Wide<T>, 1, D> gb(sb->shape);
            LinearKernel<D>::template bias_gradient<T>(rows, out, gy.data(), gb.data());
            sb->accumulate(std::move(gb));
        }
    };
    return b ? record(y, pull, x, w, *b) : record(y, pull, x, w);
}
}  // namespace detail

/// x (..., in) times w (out, in) transposed, plus b (out): (..., out). Throws ShapeError where the shapes do not fit. Keeps x and w.
template <class T, int R, class D>
Variable<T, R, D> linear(Variable<T, R, D> const& x, Variable<Wide<T>, 2, D> const& w, Variable<Wide<T>, 1, D> const& b) {
    return detail::linear(x, w, &b);
}
/// The same without a bias.
template <class T, int R, class D> Variable<T, R, D> linear(Variable<T, R, D> const& x, Variable<Wide<T>, 2, D> const& w) {
    return detail::linear<T, R, D>(x, w, nullptr);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/linear.cuh>
#endif
