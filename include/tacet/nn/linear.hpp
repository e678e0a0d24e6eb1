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
    template <int R> Variable<T, R, D> operator()(Variable<T, R, D> const& x) const { return linear(x, weight.var(), bias.var()); }
    static void fields(auto& self, auto&& field) { field("weight", self.weight), field("bias", self.bias); }
};

}  // namespace tacet
