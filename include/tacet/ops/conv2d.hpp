// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>
#include <tacet/core/precision.hpp>
#include <tacet/ops/concat.hpp>
#include <tacet/ops/conv2d_backend.hpp>
#include <tacet/ops/conv2d_cpu.hpp>
#include <tacet/ops/pool.hpp>

namespace tacet {

/// How a convolution slides: the same in both directions.
struct Conv2dOptions {
    Index stride = 1;    // >= 1: pixels of x from one output to the next
    Index padding = 0;   // >= 0: pixels added on each side
    Index dilation = 1;  // >= 1: pixels of x from one tap to the next
    Index groups = 1;    // output channels see only the input channels of their group; groups = C is a depthwise convolution
    PaddingMode padding_mode = PaddingMode::Zero;
};

/// Device half of conv2d and conv_transpose2d. Contiguous w (oc, c / groups, kh, kw), y (n, out_h, out_w, oc) or pooled, and gradients;
/// x (n, h, w, c) may be put together from two images; b is null where there is no bias. `transposed` is the input gradient for zero
/// padding, plus b (c).
template <class D> struct Conv2dKernel {
    static_assert(sizeof(D) == 0, "conv2d has no kernels for this device here: compile this file as .cu");
    static constexpr bool pools(auto const&...) { return false; }
    static void forward(auto const&...) {}
    static void transposed(auto const&...) {}
    static void input_gradient(auto const&...) {}
    static void plane_gradient(auto const&...) {}
    static void weight_gradient(auto const&...) {}
    static void epilogue_gradient(auto const&...) {}
    static void bias_gradient(auto const&...) {}
};

template <> struct Conv2dKernel<Cpu> {
    template <class T> using Images = detail::kernel::Images<T>;
    template <class T> using Epilogue = detail::Epilogue<T>;

    /// Whether `forward` can pool by itself.
    template <class T> static bool pools(Conv2dGeometry const& g) { return detail::kernel::pools<T>(g); }
    template <class T>
    static void forward(Conv2dGeometry const& g, Images<T> const& x, T const* w, T const* b, Epilogue<T> const& e, T* y) {
        detail::kernel::forward<Simd<T>>(g, x, w, b, e, y);
    }
    template <class T> static void transposed(Conv2dGeometry const& g, T const* gy, T const* w, T const* b, T* gx) {
        detail::kernel::transposed<Simd<T>>(g, gy, w, b, gx);
    }
    template <class T> static void input_gradient(Conv2dGeometry const& g, T const* gy, T const* w, T* gx) {
        detail::kernel::input_gradient<Simd<T>>(g, gy, w, gx);
    }
    /// gp (n, h / scale, w / scale, channels), the gradient of a part of x whose channels begin at `offset` of gx (n, h, w, c)
    template <class T> static void plane_gradient(Conv2dGeometry const& g, T const* gx, Index offset, Index channels, Index scale, T* gp) {
        detail::kernel::plane_gradient<Simd<T>>(g, gx, offset, channels, scale, gp);
    }
    template <class T> static void weight_gradient(Conv2dGeometry const& g, Images<T> const& x, T const* gy, T* gw) {
        detail::kernel::weight_gradient<Simd<T>>(g, x, gy, gw);
    }
    /// gz (n, out_h, out_w, oc), the gradient before the epilogue, and its sum gb (oc) unless null, from gy and y
    template <class T>
    static void epilogue_gradient(Conv2dGeometry const& g, Epilogue<T> const& e, T const* gy, T const* y, T* gz, T* gb) {
        if (e.pool) detail::kernel::undo_pool<Simd<T>>(g, e, gy, y, gz, gb);
        else detail::kernel::undo_activation<Simd<T>>(e, g.n * g.out_h() * g.out_w(), g.oc, gy, y, gz, gb);
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
    check_shape(w[1] * w[2] * w[3] < Index(1) << 31, "conv2d: w ", w, " has 2^31 weights or more for an output channel");
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

/// The weights (O, C / groups, kh, kw) and the biases (O) of a convolution of images of type T.
template <class T, class D> using Weights = Variable<Wide<T>, 4, D>;
template <class T, class D> using Biases = Variable<Wide<T>, 1, D>;

/// A convolution that has not been computed yet: of a, beside whose channels those of b may lie, with w and a bias, which may be undefined;
/// and what follows it.
template <class T, class D> struct Convolution final : Pending<T, 4, D> {
    Conv2dGeometry const g;
    Magnified<T, D> const a, b;
    Weights<T, D> const w;
    Biases<T, D> const bias;
    Epilogue<Wide<T>> epilogue;

    Convolution(Magnified<T, D> a_, Magnified<T, D> b_, Conv2dGeometry const& g_, Weights<T, D> w_, Biases<T, D> bias_)
        : g(g_), a(std::move(a_)), b(std::move(b_)), w(std::move(w_)), bias(std::move(bias_)) {}

    Shape<4> shape() const override {
        Index const scale = epilogue.pool ? 2 : 1;
        return {{g.n, g.out_h() / scale, g.out_w() / scale, g.oc}};
    }
    Variable<T, 4, D> compute() const override;
};

/// Where kernels find the images that a convolution reads.
template <class T, class D>
kernel::Images<T> images_of(Conv2dGeometry const& g, Tensor<T, 4, D> const& a, Index a_factor, Tensor<T, 4, D> const& b, Index b_factor) {
    Index const ca = a.shape()[3], cb = b.shape()[3];
    return {g.h, g.w, {a.data(), ca, ca, a_factor}, {b.data(), cb, cb, b_factor}, g.mode};
}

/// The gradients of a convolution. What each one needs is kept only if it is wanted.
template <class T, class D> struct ConvolutionPull {
    Conv2dGeometry g;
    Epilogue<Wide<T>> epilogue;
    Tensor<T, 4, D> a, b, y;     // a, b for the gradient of w, and the reverse; y for that of the epilogue
    Tensor<Wide<T>, 4, D> w;
    Tensor<std::uint8_t, 4, D> argmax;
    std::shared_ptr<Slot<T, 4, D>> sa, sb;
    std::shared_ptr<Slot<Wide<T>, 4, D>> sw;
    std::shared_ptr<Slot<Wide<T>, 1, D>> sbias;
    Index a_factor, b_factor;

    void operator()(Tensor<T, 4, D> const& gy) const {
        Tensor<T, 4, D> const gz = before_epilogue(gy);
        if (sa || sb) {
            Tensor<T, 4, D> gx(g.in_shape());
            Conv2dKernel<D>::template input_gradient<T>(g, gz.data(), w.data(), gx.data());
            if (sa && sa->shape == gx.shape()) sa->accumulate(std::move(gx));
            else deliver_part(gx, 0, sa, a_factor), deliver_part(gx, g.c - (sb ? sb->shape[3] : 0), sb, b_factor);
        }
        if (sw) {
            Tensor<Wide<T>, 4, D> gw(sw->shape);
            Conv2dKernel<D>::template weight_gradient<T>(g, images_of(g, a, a_factor, b, b_factor), gz.data(), gw.data());
            sw->accumulate(std::move(gw));
        }
    }

private:
    /// The gradient of the sums; that of the bias falls off on the way.
    Tensor<T, 4, D> before_epilogue(Tensor<T, 4, D> const& gy) const {
        Tensor<Wide<T>, 1, D> gb;
        if (sbias) gb = Tensor<Wide<T>, 1, D>(sbias->shape);
        Tensor<T, 4, D> gz = gy;
        if (epilogue.pool || epilogue.activates()) {
            gz = Tensor<T, 4, D>(g.out_shape());
            Conv2dKernel<D>::template epilogue_gradient<T>(g, epilogue, gy.data(), y.data(), gz.data(), gb.data());
        } else if (sbias) Conv2dKernel<D>::template bias_gradient<T>(gy.size() / g.oc, g.oc, gy.data(), gb.data());
        if (sbias) sbias->accumulate(std::move(gb));
        return gz;
    }
    void deliver_part(Tensor<T, 4, D> const& gx, Index offset, std::shared_ptr<Slot<T, 4, D>> const& slot, Index factor) const {
        if (!slot) return;
        Tensor<T, 4, D> part(slot->shape);
        Conv2dKernel<D>::template plane_gradient<T>(g, gx.data(), offset, slot->shape[3], factor, part.data());
        slot->accumulate(std::move(part));
    }
};

template <class T, class D> Variable<T, 4, D> Convolution<T, D>::compute() const {
    bool const recorded = records(a.x, b.x, w, bias);
    Epilogue<Wide<T>> e = epilogue;
    Tensor<std::uint8_t, 4, D> argmax;
    if (e.pool && recorded) argmax = Tensor<std::uint8_t, 4, D>(shape()), e.argmax = argmax.data();
    Tensor<T, 4, D> y(shape());
    Conv2dKernel<D>::template forward<T>(g, images_of(g, a.x.value(), a.factor, b.x.value(), b.factor), w.value().data(),
                                         bias.value().data(), e, y.data());
    if (!recorded) return Variable<T, 4, D>(std::move(y));
    ConvolutionPull<T, D> pull{g, e, {}, {}, {}, {}, argmax, a.x.slot(), b.x.slot(), w.slot(), bias.slot(), a.factor, b.factor};
    if (w.requires_grad()) pull.a = a.x.value(), pull.b = b.x.value();
    if (a.x.requires_grad() || b.x.requires_grad()) pull.w = w.value();
    if (e.pool || e.activates()) pull.y = y;
    return record(std::move(y), std::move(pull), a.x, b.x, w, bias);
}

/// The numbers of images X, computed or deferred.
template <class X> using ValueOf = typename std::remove_cvref_t<X>::value_type;
/// Images that a convolution can read whose weights are of type W.
template <class X, class W, class D>
concept ConvolutionInput = std::derived_from<std::remove_cvref_t<X>, Variable<ValueOf<X>, 4, D>> && std::is_same_v<Wide<ValueOf<X>>, W>;

/// The convolution of a and b, side by side.
template <class T, class D>
Deferred<Convolution<T, D>> convolution(Magnified<T, D> const& a, Magnified<T, D> const& b, Weights<T, D> const& w,
                                        Biases<T, D> const* bias, Conv2dOptions const& o) {
    Shape<4> x = a.shape();
    x[3] += b.x.shape()[3];
    Conv2dGeometry const g = conv2d_geometry(x, w.shape(), o);
    check_shape(!bias || bias->shape()[0] == g.oc, "conv2d: w ", w.shape(), " has ", g.oc, " output channels, but b has the shape ",
                bias ? bias->shape() : Shape<1>{});
    return defer<Convolution<T, D>>(a, b, g, w, bias ? *bias : Biases<T, D>(Tensor<Wide<T>, 1, D>{}));
}
template <class T, class D>
auto convolution(Magnified<T, D> const& x, Weights<T, D> const& w, Biases<T, D> const* bias, Conv2dOptions const& o) {
    return convolution(x, Magnified<T, D>{Variable<T, 4, D>(Tensor<T, 4, D>{})}, w, bias, o);
}
template <class T, class D>
auto convolution(Deferred<Concatenation<T, D>>&& x, Weights<T, D> const& w, Biases<T, D> const* bias, Conv2dOptions const& o) {
    auto const* const waiting = x.waiting();
    return waiting ? convolution(waiting->first, waiting->second, w, bias, o) : convolution(magnified(x.var()), w, bias, o);
}
template <class X, class W, class D> requires ImageVariable<X>
auto convolution(X&& x, Variable<W, 4, D> const& w, Variable<W, 1, D> const* bias, Conv2dOptions const& o) {
    return convolution(magnified(std::forward<X>(x)), w, bias, o);
}

/// f(y), for an f that a convolution can apply to its sums: by itself where nobody has asked for y yet.
template <class T, class D> auto activated(Deferred<Convolution<T, D>>&& y, Epilogue<Wide<T>> const& e, auto f) {
    Convolution<T, D>* const waiting = y.waiting();
    if (!waiting || waiting->epilogue.activates() || waiting->epilogue.pool)
        return Deferred<Convolution<T, D>>(Variable<T, 4, D>(map(f, y)));
    waiting->epilogue = e;
    return std::move(y);
}
}  // namespace detail

/// 2-d convolution (cross-correlation) of x (N, H, W, C) with w (O, C / groups, kh, kw), plus b (O): (N, H', W', O), where
/// H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1. Throws ShapeError where the shapes do not fit. Keeps x and w.
/// Deferred: relu, leaky_relu and a 2 x 2 max_pool2d that follow are computed with it, and it reads upsampled and concatenated
/// images without putting them together in memory.
template <class X, class W, class D> requires detail::ConvolutionInput<X, W, D>
Deferred<detail::Convolution<detail::ValueOf<X>, D>> conv2d(X&& x, Variable<W, 4, D> const& w, Variable<W, 1, D> const& b,
                                                            Conv2dOptions const& o = {}) {
    return detail::convolution(std::forward<X>(x), w, &b, o);
}
/// The same without a bias.
template <class X, class W, class D> requires detail::ConvolutionInput<X, W, D>
Deferred<detail::Convolution<detail::ValueOf<X>, D>> conv2d(X&& x, Variable<W, 4, D> const& w, Conv2dOptions const& o = {}) {
    return detail::convolution(std::forward<X>(x), w, static_cast<Variable<W, 1, D> const*>(nullptr), o);
}

/// relu and leaky_relu of a convolution are part of it.
template <class T, class D> auto relu(Deferred<detail::Convolution<T, D>>&& y) {
    return detail::activated(std::move(y), detail::Epilogue<Wide<T>>{.slope = 0, .rectify = true}, fn::Relu{});
}
template <class T, class D> auto leaky_relu(Deferred<detail::Convolution<T, D>>&& y, double slope = 0.01) {
    check(slope >= 0, "leaky_relu: the slope ", slope, " is negative");
    return detail::activated(std::move(y), detail::Epilogue<Wide<T>>{.slope = static_cast<Wide<T>>(slope)}, fn::LeakyRelu{slope});
}
/// So is a pooling of 2 x 2 windows, where the device's kernel can.
template <class T, class D>
auto max_pool2d(Deferred<detail::Convolution<T, D>>&& y, Index kernel, Index stride = 0, Index padding = 0) {
    detail::Convolution<T, D>* const waiting = y.waiting();
    bool const halves = kernel == 2 && (stride == 0 || stride == 2) && padding == 0;
    if (!waiting || !halves || waiting->epilogue.pool || !Conv2dKernel<D>::template pools<T>(waiting->g))
        return Deferred<detail::Convolution<T, D>>(max_pool2d(y.var(), kernel, stride, padding));
    detail::pool_grid("max_pool2d", y.shape(), kernel, stride, padding);
    waiting->epilogue.pool = true;
    return std::move(y);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/conv2d.cuh>
#endif
