// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/nn/init.hpp>
#include <tacet/nn/module.hpp>
#include <tacet/ops/linear.hpp>

namespace tacet {

/// x (..., in) -> (..., out). Weights and biases are initialised as PyTorch does: uniform within 1 / sqrt(in).
template <class D = Cpu, class T = float> struct Linear {
    Parameter<T, 2, D> weight;  // (out, in)
    Parameter<T, 1, D> bias;    // (out)

    Linear(Index in, Index out, Rng& rng)
        : weight(torch_uniform<T, D>(Shape{out, in}, in, rng)), bias(torch_uniform<T, D>(Shape{out}, in, rng)) {}
    /// With these weights (out, in) and biases (out).
    Linear(Tensor<T, 2, D> w, Tensor<T, 1, D> b) : weight(std::move(w)), bias(std::move(b)) {}
    /// Initialised as transformers are: weights N(0, 0.02^2), biases 0.
    static Linear transformer(Index in, Index out, Rng& rng) {
        return Linear(truncated_normal<T, D>(Shape{out, in}, 0.02, rng), zeros<T, D>(Shape{out}));
    }
    template <class X, int R> auto operator()(Variable<X, R, D> const& x) const { return linear(x, weight.var(), bias.var()); }
    static void fields(auto& self, auto&& field) { field("weight", self.weight), field("bias", self.bias); }
};

}  // namespace tacet
