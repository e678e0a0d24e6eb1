// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/nn/parameter.hpp>
#include <tacet/tensor/factory.hpp>

namespace tacet {

/// Samples of N(0, deviation^2).
template <class T = float, Device D = Cpu, int R> Tensor<T, R, D> normal_init(Shape<R> const& shape, double deviation, Rng& rng) {
    auto w = randn<T, D>(shape, rng);
    w *= static_cast<T>(deviation);
    return w;
}

/// The number of inputs of one output, by PyTorch's rule: the second extent times all that follow.
template <int R> Index fan_in(Shape<R> const& shape) {
    Index n = 1;
    for (int d = 1; d < R; ++d) n *= shape[d];
    return n;
}

/// He et al., 2015: N(0, gain^2 / fan_in); gain sqrt(2) suits (leaky) rectifiers.
template <class T = float, Device D = Cpu, int R>
Tensor<T, R, D> he_normal(Shape<R> const& shape, Rng& rng, double gain = 1.4142135623730951) {
    return normal_init<T, D>(shape, gain / std::sqrt(static_cast<double>(fan_in(shape))), rng);
}

/// PyTorch's default for convolutions, linear layers and their biases: uniform on (-1, 1) / sqrt(fan_in).
template <class T = float, Device D = Cpu, int R> Tensor<T, R, D> torch_uniform(Shape<R> const& shape, Index fan, Rng& rng) {
    double const bound = 1 / std::sqrt(static_cast<double>(fan));
    return uniform<T, D>(shape, rng, static_cast<T>(-bound), static_cast<T>(bound));
}

/// N(0, deviation^2), redrawn outside [-limit, limit]: the initialisation of transformers.
template <class T = float, Device D = Cpu, int R>
Tensor<T, R, D> truncated_normal(Shape<R> const& shape, double deviation, Rng& rng, double limit = 2) {
    return detail::filled<T, D>(shape, [&](T* data, Index n) {
        for (Index k = 0; k < n; ++k) do
                data[k] = static_cast<T>(rng.normal() * static_cast<float>(deviation));
            while (std::abs(data[k]) > static_cast<T>(limit));
    });
}

}  // namespace tacet
