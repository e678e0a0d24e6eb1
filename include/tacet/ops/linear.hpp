// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/deferred.hpp>
#include <tacet/autograd/pullback.hpp>
#include <tacet/expr/functions.hpp>
#include <tacet/ops/conv2d_cpu.hpp>
#include <tacet/ops/gemm.hpp>

namespace tacet {

/// Device half of linear: x (rows, in), w (out, in), b (out) or null, y (rows, out), and their gradients; x and y of type T, w and b of
/// type Wide<T>. Where it `joins_gelu`, there is forward_gelu, too: y = gelu(sums), the sums kept as T unless they are null.
template <class D> struct LinearKernel {
    static_assert(sizeof(D) == 0, "linear has no kernels for this device here: compile this file as .cu");
    static constexpr bool joins_gelu = false;
    static void forward(auto const&...) {}
    static void input_gradient(auto const&...) {}
    static void weight_gradient(auto const&...) {}
    static void bias_gradient(auto const&...) {}
};

/// A linear layer is a convolution with a kernel of one pixel, over pictures of one row: its register tiles beat a general matrix product
/// at these shapes, and the bits of a row of y do not depend on the other rows.
template <> struct LinearKernel<Cpu> {
    static constexpr bool joins_gelu = false;

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
/// A linear layer that has not been computed yet, of rows x (..., in) with w (out, in) and b (out), which may be undefined; and whether a
/// GELU follows.
template <class T, int R, class D> struct LinearLayer final : Pending<T, R, D> {
    Variable<T, R, D> const x;
    Variable<Wide<T>, 2, D> const w;
    Variable<Wide<T>, 1, D> const b;
    bool gelu = false;

    LinearLayer(Variable<T, R, D> const& x_, Variable<Wide<T>, 2, D> const& w_, Variable<Wide<T>, 1, D> const& b_) : x(x_), w(w_), b(b_) {}

    Shape<R> shape() const override {
        Shape<R> y = x.shape();
        y[R - 1] = w.shape()[0];
        return y;
    }
    Variable<T, R, D> compute() const override;
};

/// The gradients of a linear layer. What each one needs is kept only if it is wanted.
template <class T, int R, class D> struct LinearPull {
    Index rows, in, out;
    Tensor<T, R, D> x, sums;  // x for the gradient of w; the sums for that of a GELU, else undefined
    Tensor<Wide<T>, 2, D> w;  // for the gradient of x
    std::shared_ptr<Slot<T, R, D>> sx;
    std::shared_ptr<Slot<Wide<T>, 2, D>> sw;
    std::shared_ptr<Slot<Wide<T>, 1, D>> sb;

    void operator()(Tensor<T, R, D> const& gy) const {
        Tensor<T, R, D> const gz = before_gelu(gy);
        if (sx) {
            Tensor<T, R, D> gx(sx->shape);
            LinearKernel<D>::template input_gradient<T>(rows, in, out, gz.data(), w.data(), gx.data());
            sx->accumulate(std::move(gx));
        }
        if (sw) {
            Tensor<Wide<T>, 2, D> gw(sw->shape);
            LinearKernel<D>::template weight_gradient<T>(rows, in, out, x.data(), gz.data(), gw.data());
            sw->accumulate(std::move(gw));
        }
        if (sb) {
            Tensor<Wide<T>, 1, D> gb(sb->shape);
            LinearKernel<D>::template bias_gradient<T>(rows, out, gz.data(), gb.data());
            sb->accumulate(std::move(gb));
        }
    }

private:
    /// By the pull of a gelu by itself, whose bits these so are.
    Tensor<T, R, D> before_gelu(Tensor<T, R, D> const& gy) const {
        if (!sums.data()) return gy;
        Variable<T, R, D> const z(sums, true);
        pullback(map(fn::Gelu{}, z), gy);
        return z.grad();
    }
};

template <class T, int R, class D> Variable<T, R, D> LinearLayer<T, R, D>::compute() const {
    using Kernel = LinearKernel<D>;
    Index const in = w.shape()[1], out = w.shape()[0], rows = x.size() / in;
    bool const recorded = records(x, w, b);
    Tensor<T, R, D> y(shape()), sums;
    T const* const xs = x.value().data();
    Wide<T> const *const ws = w.value().data(), *const bs = b.value().data();
    if constexpr (Kernel::joins_gelu) {
        if (gelu && recorded) sums = Tensor<T, R, D>(shape());
        if (gelu) Kernel::template forward_gelu<T>(rows, in, out, xs, ws, bs, sums.data(), y.data());
    }
    if (!gelu) Kernel::template forward<T>(rows, in, out, xs, ws, bs, y.data());
    if (!recorded) return Variable<T, R, D>(std::move(y));
    LinearPull<T, R, D> pull{rows, in, out, {}, sums, {}, x.slot(), w.slot(), b.slot()};
    if (w.requires_grad()) pull.x = x.value();
    if (x.requires_grad()) pull.w = w.value();
    return record(std::move(y), std::move(pull), x, w, b);
}

template <class T, int R, class D>
Deferred<LinearLayer<T, R, D>> linear(Variable<T, R, D> const& x, Variable<Wide<T>, 2, D> const& w, Variable<Wide<T>, 1, D> const* b) {
    static_assert(R >= 1, "linear takes rows (..., in)");
    check_shape(w.size() > 0, "linear: w ", w.shape(), " is empty");
    check_shape(x.shape()[R - 1] == w.shape()[1], "linear: x ", x.shape(), " does not end in ", w.shape()[1], ", the input width of w ",
                w.shape());
    check_shape(!b || b->shape()[0] == w.shape()[0], "linear: w ", w.shape(), " has the output width ", w.shape()[0],
                ", but b has the shape ", b ? b->shape() : Shape<1>{});
    return defer<LinearLayer<T, R, D>>(x, w, b ? *b : Variable<Wide<T>, 1, D>(Tensor<Wide<T>, 1, D>{}));
}
}  // namespace detail

/// x (..., in) times w (out, in) transposed, plus b (out): (..., out). Throws ShapeError where the shapes do not fit. Keeps x and w.
/// Deferred: a gelu that follows is computed with it where the device has a kernel for that; then the sums are kept, too.
template <class T, int R, class D>
Deferred<detail::LinearLayer<T, R, D>> linear(Variable<T, R, D> const& x, Variable<Wide<T>, 2, D> const& w,
                                              Variable<Wide<T>, 1, D> const& b) {
    return detail::linear(x, w, &b);
}
/// The same without a bias.
template <class T, int R, class D>
Deferred<detail::LinearLayer<T, R, D>> linear(Variable<T, R, D> const& x, Variable<Wide<T>, 2, D> const& w) {
    return detail::linear<T, R, D>(x, w, nullptr);
}

/// gelu of a linear layer is part of it, where the device's kernel can; elsewhere it is an expression like any other.
template <class T, int R, class D> requires LinearKernel<D>::joins_gelu
Deferred<detail::LinearLayer<T, R, D>> gelu(Deferred<detail::LinearLayer<T, R, D>>&& y) {
    auto* const waiting = y.waiting();
    if (!waiting || waiting->gelu)
        return Deferred<detail::LinearLayer<T, R, D>>(Variable<T, R, D>(map(fn::Gelu{}, y)));
    waiting->gelu = true;
    return std::move(y);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/linear.cuh>
#endif
