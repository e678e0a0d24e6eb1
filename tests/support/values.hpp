// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/move.hpp>
#include <cstring>
#include <string>
#include <vector>

namespace tacet::test {

/// Reproducible samples of N(0, 1).
template <class T = double, int R> Variable<T, R> random_variable(Shape<R> const& shape, unsigned seed, bool requires_grad = true) {
    Rng rng(seed);
    return Variable<T, R>(randn<T>(shape, rng), requires_grad);
}

template <class T, int R> bool same_bits(Tensor<T, R> const& a, Tensor<T, R> const& b) {
    return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}

/// Adds the elements of a tensor, wherever it is, to a list.
template <class V, class T, int R, class D> void append(std::vector<V>& list, Tensor<T, R, D> const& t) {
    auto const host = to<Cpu>(t);
    list.insert(list.end(), host.data(), host.data() + host.size());
}

/// The text of the Error that f throws.
std::string message_of(auto&& f) {
    try {
        f();
    } catch (Error const& e) {
        return e.what();
    }
    return "nothing thrown";
}

}  // namespace tacet::test
