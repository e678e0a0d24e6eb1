// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/backward.hpp>
#include <tacet/expr/functions.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/tensor/factory.hpp>
#include <functional>
#include <map>
#include <string>

namespace tacet::bench {

/// A piece of work on inputs that both sides read from one file.
struct Work {
    std::function<void()> step;             // what is timed
    std::function<Checkpoint()> results;    // outputs and gradients for the inputs as they came
    std::function<std::string()> remark{};  // what a reader of its time must know; none: nothing
};
struct WorkKind {
    std::function<Checkpoint()> inputs;
    std::function<Work(Checkpoint const&)> open;
};

using Tensors = std::vector<NamedTensor>;

template <class T = float, int R> NamedTensor normal(char const* name, Shape<R> const& shape, Rng& rng, float deviation = 1) {
    auto const x = randn(shape, rng);
    x.assign(x * deviation);
    return named_tensor(name, Tensor<T, R>(cast<T>(x)));
}

template <int R, class T = float, class D = Cpu> Tensor<T, R, D> tensor(Checkpoint const& inputs, char const* name) {
    return to_tensor<T, R, D>(inputs.at(name));
}

/// A named input of a work.
template <int R, class T = float, class D = Cpu> struct Leaf {
    char const* name;
    Variable<T, R, D> x;
    Leaf(Checkpoint const& inputs, char const* n, bool requires_grad) : name(n), x(tensor<R, T, D>(inputs, n), requires_grad) {}
};

/// forward(): nothing is recorded, as none of its inputs requires a gradient. The value is asked for: a convolution is deferred till then.
template <class F> Work forward_work(F forward) {
    return {[=] { Variable(forward()).value(); }, [=] { return Checkpoint{{named_tensor("y", Variable(forward()).value())}, {}}; }};
}

/// forward() and the gradients of all leaves for the given gy.
template <class F, int R, int... Q> Work train_work(F forward, Tensor<float, R> gy, Leaf<Q>... leaf) {
    auto const step = [=] {
        (leaf.x.zero_grad(), ...);
        Variable<float, R> const y(forward());
        backward(y, gy);
        return y;
    };
    return {[=] { step(); }, [=] {
                Tensors results{named_tensor("y", step().value())};
                (results.push_back(named_tensor(std::string("g") + leaf.name, leaf.x.grad())), ...);
                return Checkpoint{std::move(results), {}};
            }};
}

}  // namespace tacet::bench
