// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/nn/module.hpp>
#include <tacet/ops/batch_norm.hpp>
#include <tacet/ops/layer_norm.hpp>
#include <tacet/tensor/factory.hpp>

namespace tacet {

/// Normalises every row of x (..., channels), then scales and shifts it (Ba et al., 2016). Starts as the normalisation alone.
template <class D = Cpu, class T = float> struct LayerNorm {
    Parameter<T, 1, D> weight;  // (channels)
    Parameter<T, 1, D> bias;    // (channels)
    double eps;

    explicit LayerNorm(Index channels, double epsilon = 1e-5)
        : weight(ones<T, D>(Shape{channels})), bias(zeros<T, D>(Shape{channels})), eps(epsilon) {}
    template <class X, int R> Variable<X, R, D> operator()(Variable<X, R, D> const& x) const {
        return layer_norm(x, weight.var(), bias.var(), eps);
    }
    static void fields(auto& self, auto&& field) { field("weight", self.weight), field("bias", self.bias); }
};

/// Normalises every channel of x (N, H, W, channels), then scales and shifts it (Ioffe & Szegedy, 2015): by the statistics of the batch
/// while `training`, which also move the running ones, by the running ones otherwise. A call while training changes running_mean and
/// running_var in place, even inside NoGrad: call set_training(model, false) before evaluating.
template <class D = Cpu, class T = float> struct BatchNorm2d {
    Parameter<T, 1, D> weight;     // (channels)
    Parameter<T, 1, D> bias;       // (channels)
    Tensor<T, 1, D> running_mean;  // (channels), saved but not trained
    Tensor<T, 1, D> running_var;   // (channels), likewise
    double momentum;               ///< weight of a batch in the running statistics
    double eps;
    bool training = true;

    explicit BatchNorm2d(Index channels, double weight_of_batch = 0.1, double epsilon = 1e-5)
        : weight(ones<T, D>(Shape{channels})), bias(zeros<T, D>(Shape{channels})), running_mean(zeros<T, D>(Shape{channels})),
          running_var(ones<T, D>(Shape{channels})), momentum(weight_of_batch), eps(epsilon) {}
    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x) const { return normalised(x); }
    template <class X> Variable<X, 4, D> operator()(Variable<X, 4, D> const& x) const { return normalised(x); }
    // PyTorch's names, without num_batches_tracked: no computation reads it, and loading a checkpoint passes over it.
    static void fields(auto& self, auto&& field) {
        field("weight", self.weight), field("bias", self.bias);
        field("running_mean", self.running_mean), field("running_var", self.running_var);
    }

private:
    template <class X> Variable<X, 4, D> normalised(Variable<X, 4, D> const& x) const {
        return batch_norm(x, weight.var(), bias.var(), running_mean, running_var, {training, momentum, eps});
    }
};

}  // namespace tacet
