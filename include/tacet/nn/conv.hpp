// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/nn/init.hpp>
#include <tacet/nn/module.hpp>
#include <tacet/ops/conv2d.hpp>
#include <tacet/ops/conv_transpose2d.hpp>

namespace tacet {

/// A convolution with its weights: x (N, H, W, in) -> (N, H', W', out), of x's type. Initialised as He et al., 2015, with zero biases.
template <class D = Cpu, class T = float> struct Conv2d {
    Parameter<T, 4, D> weight;  // (out, in / groups, k, k)
    Parameter<T, 1, D> bias;    // (out)
    Conv2dOptions options;

    Conv2d(Index in, Index out, Index k, Rng& rng, Conv2dOptions const& o = {}, double gain = 1.4142135623730951)
        : weight(he_normal<T, D>(Shape{out, in / o.groups, k, k}, rng, gain)), bias(zeros<T, D>(Shape{out})), options(o) {}
    /// With these weights (out, in / groups, k, k) and biases (out).
    Conv2d(Tensor<T, 4, D> w, Tensor<T, 1, D> b, Conv2dOptions const& o = {}) : weight(std::move(w)), bias(std::move(b)), options(o) {}
    /// Initialised as PyTorch does: weights and biases uniform within 1 / sqrt(fan_in).
    static Conv2d torch(Index in, Index out, Index k, Rng& rng, Conv2dOptions const& o = {}) {
        Index const fan = in / o.groups * k * k;
        auto w = torch_uniform<T, D>(Shape{out, in / o.groups, k, k}, fan, rng);
        return Conv2d(std::move(w), torch_uniform<T, D>(Shape{out}, fan, rng), o);
    }
    auto operator()(Variable<T, 4, D> const& x) const { return conv2d(x, weight.var(), bias.var(), options); }
    template <class X> auto operator()(Variable<X, 4, D> const& x) const { return conv2d(x, weight.var(), bias.var(), options); }
    /// The same for images that are not put together yet: the convolution reads their parts.
    template <class P> auto operator()(Deferred<P>&& x) const { return conv2d(std::move(x), weight.var(), bias.var(), options); }
    static void fields(auto& self, auto&& field) { field("weight", self.weight), field("bias", self.bias); }
};

/// A transposed convolution with its weights: x (N, H, W, in) -> (N, H', W', out).
template <class D = Cpu, class T = float> struct ConvTranspose2d {
    Parameter<T, 4, D> weight;  // (in, out / groups, k, k)
    Parameter<T, 1, D> bias;    // (out)
    ConvTranspose2dOptions options;

    ConvTranspose2d(Index in, Index out, Index k, Rng& rng, ConvTranspose2dOptions const& o = {})
        : weight(he_normal<T, D>(Shape{in, out / o.groups, k, k}, rng)), bias(zeros<T, D>(Shape{out})), options(o) {}
    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x) const { return conv_transpose2d(x, weight.var(), bias.var(), options); }
    template <class X> Variable<X, 4, D> operator()(Variable<X, 4, D> const& x) const {
        return conv_transpose2d(x, weight.var(), bias.var(), options);
    }
    static void fields(auto& self, auto&& field) { field("weight", self.weight), field("bias", self.bias); }
};

}  // namespace tacet
