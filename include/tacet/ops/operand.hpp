// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>

// What operations take that accept tensors, variables, parameters and expressions alike, and give a Tensor or a Variable.
namespace tacet::detail {

/// An operand as expressions hold it: a Parameter's variable, everything else as it is.
template <class E> auto const& handle(E const& e) {
    if constexpr (requires { e.var(); }) return e.var();
    else return e;
}

template <class T, int R, class D> Tensor<T, R, D> const& tensor_of(Tensor<T, R, D> const& t) { return t; }
template <class T, int R, class D> Tensor<T, R, D> const& tensor_of(Variable<T, R, D> const& v) { return v.value(); }

/// Where an operand's gradient is collected: nothing for a tensor.
template <class T, int R, class D> std::shared_ptr<Slot<T, R, D>> slot_of(Tensor<T, R, D> const&) { return nullptr; }
template <class T, int R, class D> std::shared_ptr<Slot<T, R, D>> slot_of(Variable<T, R, D> const& v) { return v.slot(); }

/// An operand in memory: an expression is computed, with a tape where it has variables, everything else stays.
template <class E> auto computed(E const& e) {
    if constexpr (requires { tensor_of(handle(e)); }) return handle(e);
    else if constexpr (variables_in<E> == 0) return Tensor(e);
    else return Variable(e);
}

/// y as the result of an operation on the variables of e: a Variable, or y itself when e has none. `pull` must be a generic lambda,
/// which is not compiled where it is not needed.
template <class E, class T, int R, class D, class Pull> auto record_on(E const& e, Tensor<T, R, D> y, Pull pull) {
    if constexpr (variables_in<E> == 0) return y;
    else return std::apply([&](auto const&... x) { return record(std::move(y), std::move(pull), x...); }, variables_of(e));
}

/// The position of an axis of rank R: negative ones count from the end.
template <int R> constexpr int axis_of(int axis) { return axis < 0 ? axis + R : axis; }
/// Whether the axes exist, and each is named once.
template <int R, int... Axes> constexpr bool distinct_axes = [] {
    [[maybe_unused]] int seen[R + 1] = {};
    return ((Axes >= -R && Axes < R && ++seen[axis_of<R>(Axes)] == 1) && ...);
}();

}  // namespace tacet::detail
