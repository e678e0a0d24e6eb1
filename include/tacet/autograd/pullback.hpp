// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/differentiable.hpp>

namespace tacet {

/// How a device differentiates an expression; specialised once per device. `run(e, gy, variables)` returns the variables'
/// gradients as a tuple of tensors, undefined where a variable requires none.
template <class D> struct PullbackKernel {
    static_assert(sizeof(D) == 0, "this device cannot differentiate expressions here: Cuda needs nvcc, compile this file as .cu");
    static void run(auto const&...) {}
};

/// Delivers gy * d(e)/d(variable) to every variable of e. gy has the shape of e, or rank 0: one number for all elements.
template <class E, class T, int Q, class D> void pullback(E const& e, Tensor<T, Q, D> const& gy) {
    auto const variables = detail::variables_of(e);
    auto gradients = PullbackKernel<D>::run(e, gy, variables);
    [&]<std::size_t... K>(std::index_sequence<K...>) {
        (deliver(std::get<K>(variables).slot(), std::move(std::get<K>(gradients))), ...);
    }(std::make_index_sequence<std::size_t(detail::variables_in<E>)>{});
}

namespace detail {
/// The pull of an elementwise expression: keeps its operands and computes it again.
template <class T, int R, class D, class E> struct ExpressionPull {
    E e;
    void operator()(Tensor<T, R, D> const& gy) const { pullback(e, gy); }
};
/// The pull of y = f(x) where f'(x) follows from y, which the next operation usually keeps anyway: x need not be kept.
template <class T, int R, class D, class F> struct OutputPull {
    F f;
    Tensor<T, R, D> y;
    std::shared_ptr<Slot<T, R, D>> slot;
    void operator()(Tensor<T, R, D> const& gy) const { deliver(slot, Tensor<T, R, D>(gy * map(fn::SlopeAtOutput<F>{f}, y))); }
};
template <class E> constexpr bool slope_follows_from_output = false;
template <class F, class T, int R, class D>
constexpr bool slope_follows_from_output<Lazy<F, Variable<T, R, D>>> = requires(F f) { f.slope_at_output(Wide<T>()); };
}  // namespace detail

template <class T, int R, class D, Expression E> Variable<T, R, D> record_expression(E const& e) {
    static_assert(std::is_same_v<typename E::value_type, T>, "the expression has another element type: convert it with cast<T>(x)");
    Tensor<T, R, D> y(e);
    if constexpr (detail::variables_in<E> == 0) return Variable<T, R, D>(std::move(y));
    else if constexpr (detail::slope_follows_from_output<E>) {
        auto const& x = e.args.head;
        return record(y, detail::OutputPull<T, R, D, decltype(e.f)>{e.f, y, x.slot()}, x);
    } else return std::apply([&](auto const&... x) {
        return record(std::move(y), detail::ExpressionPull<T, R, D, E>{e}, x...);
    }, detail::variables_of(e));
}

}  // namespace tacet

#include <tacet/autograd/pullback_cpu.hpp>

#ifdef __CUDACC__
#include <tacet/autograd/pullback.cuh>
#endif
