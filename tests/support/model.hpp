// SPDX-License-Identifier: MIT
#pragma once
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/no_grad.hpp>
#include <tacet/nn/module.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/tensor/factory.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <utility>

// What is asked of every network.
namespace tacet::test {

/// The names of a network's tensors with their shapes, as text.
template <class M> std::map<std::string, std::string> shapes_of(M const& model) {
    std::map<std::string, std::string> shapes;
    for_each_state(model, [&](std::string const& name, auto const& t) { shapes[name] = to_string(t.shape()); });
    return shapes;
}

/// The rows and columns of the output, relative to `at`, that one input pixel of three channels can reach: {first, last} over both axes.
template <class M> std::pair<Index, Index> reach_of(M const& model, Index size, Index at) {
    NoGrad const guard;
    Rng rng(3);
    auto const image = uniform(Shape{1, size, size, 3}, rng);
    auto const before = model(Variable<float, 4>(image)).value().clone();
    auto const changed = image.clone();
    for (Index c = 0; c < 3; ++c) changed(0, at, at, c) += 50;
    auto const after = model(Variable<float, 4>(changed)).value();
    std::pair<Index, Index> reach{0, 0};
    for (Index i = 0; i < size; ++i)
        for (Index j = 0; j < size; ++j)
            for (Index c = 0; c < 3; ++c)
                if (before(0, i, j, c) != after(0, i, j, c)) {
                    reach.first = std::min({reach.first, i - at, j - at});
                    reach.second = std::max({reach.second, i - at, j - at});
                }
    return reach;
}

/// Compares the gradients of all parameters with finite differences, for the l2 loss of a random image of this shape.
template <class M> void check_gradients(M& model, Shape<4> const& shape, Rng& rng) {
    auto const image = uniform<double>(shape, rng), target = uniform<double>(shape, rng);
    auto const loss = [&] { return Variable<double, 0>(l2_loss(model(Variable<double, 4>(image)), target)); };
    backward(loss());
    for_each_parameter(model, [&](std::string const& name, auto& p) {
        // The derivative along a random direction stands for all elements.
        auto const direction = uniform<double>(p.shape(), rng, -1.0, 1.0);
        double slope = 0;
        for (Index k = 0; k < p.size(); ++k) slope += p.grad().data()[k] * direction.data()[k];
        auto const value = p.value();
        auto const start = value.clone();
        auto const at = [&](double step) {
            NoGrad const guard;
            value.assign(start + step * direction);
            return item(loss().value());
        };
        double const eps = 1e-7, numeric = (at(eps) - at(-eps)) / (2 * eps);
        value.assign(start);
        INFO(name);
        REQUIRE(slope == Approx(numeric).epsilon(2e-4).margin(1e-8));
    });
}

}  // namespace tacet::test
