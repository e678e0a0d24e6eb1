// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>

namespace tacet {

/// A trainable tensor, owned by exactly one module: it moves, but does not copy, so that no two modules share weights unnoticed.
template <class T, int R, Device D = Cpu> struct Parameter : Variable<T, R, D> {
    explicit Parameter(Tensor<T, R, D> value) : Variable<T, R, D>(std::move(value), true) {}
    Parameter(Parameter&&) = default;
    Parameter& operator=(Parameter&&) = default;
    /// The variable itself: what expressions hold.
    Variable<T, R, D> const& var() const { return *this; }
};
template <class T, int R, class D> struct is_expression<Parameter<T, R, D>> : std::true_type {};

}  // namespace tacet
