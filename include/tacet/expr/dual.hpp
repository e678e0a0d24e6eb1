// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/math.hpp>
#include <type_traits>

namespace tacet {

/// A value and its derivative with respect to one argument: evaluating a function on duals differentiates it.
template <class T> struct Dual {
    using value_type = T;
    T v{}, d{};

    friend constexpr Dual operator-(Dual a) { return {-a.v, -a.d}; }
    friend constexpr Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
    friend constexpr Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
    friend constexpr Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
    friend constexpr Dual operator/(Dual a, Dual b) { return {a.v / b.v, (a.d - a.v / b.v * b.d) / b.v}; }
    friend constexpr Dual operator+(Dual a, T b) { return {a.v + b, a.d}; }
    friend constexpr Dual operator-(Dual a, T b) { return {a.v - b, a.d}; }
    friend constexpr Dual operator*(Dual a, T b) { return {a.v * b, a.d * b}; }
    friend constexpr Dual operator/(Dual a, T b) { return {a.v / b, a.d / b}; }
    friend constexpr Dual operator+(T a, Dual b) { return {a + b.v, b.d}; }
    friend constexpr Dual operator-(T a, Dual b) { return {a - b.v, -b.d}; }
    friend constexpr Dual operator*(T a, Dual b) { return {a * b.v, a * b.d}; }
    friend constexpr Dual operator/(T a, Dual b) { return {a / b.v, -a / b.v * b.d / b.v}; }
};

namespace detail {
template <class X> struct number_under { using type = X; };
template <class T> struct number_under<Dual<T>> { using type = T; };
}  // namespace detail
/// The number type under X: T for both T and Dual<T>. Constants in a function are written as real<X>(...), in the argument's precision.
template <class X> using real = typename detail::number_under<std::remove_cvref_t<X>>::type;

constexpr auto value_of(auto x) { return x; }
template <class T> constexpr T value_of(Dual<T> x) { return x.v; }
template <class T> constexpr T tangent_of(T) { return T(0); }
template <class T> constexpr T tangent_of(Dual<T> x) { return x.d; }

namespace detail {
/// y and dy/dx for the chain rule: a number where x is one.
template <class X> constexpr X chain(X, X y, auto const&) { return y; }
template <class T> constexpr Dual<T> chain(Dual<T> x, T y, auto derivative) { return {y, x.d * derivative()}; }
}  // namespace detail

// The elementary functions on numbers and duals: what functors are written with.
template <class X> constexpr X exp_of(X x) {
    auto const y = math::exp(value_of(x));
    return detail::chain(x, y, [&] { return y; });
}
template <class X> constexpr X log_of(X x) {
    return detail::chain(x, math::log(value_of(x)), [&] { return 1 / value_of(x); });
}
template <class X> constexpr X sqrt_of(X x) {
    using T = real<X>;
    T const y = std::sqrt(value_of(x));
    return detail::chain(x, y, [&] { return T(0.5) / y; });
}
template <class X> constexpr X tanh_of(X x) {
    auto const y = math::tanh(value_of(x));
    return detail::chain(x, y, [&] { return 1 - y * y; });
}
template <class X> constexpr X sigmoid_of(X x) {
    auto const y = math::sigmoid(value_of(x));
    return detail::chain(x, y, [&] { return y * (1 - y); });
}
template <class X> constexpr X erf_of(X x) {
    using T = real<X>;
    auto const v = value_of(x);
    return detail::chain(x, math::erf(v), [&] { return T(1.1283791670955126) * math::exp(-v * v); });  // 2 / sqrt(pi)
}
template <class X> constexpr X normal_cdf_of(X x) {
    using T = real<X>;
    auto const v = value_of(x);
    return detail::chain(x, math::normal_cdf(v), [&] { return T(0.3989422804014327) * math::exp(T(-0.5) * v * v); });  // 1 / sqrt(2 pi)
}

/// a where `take`, else b: numbers and duals may be mixed.
template <class A, class B> constexpr auto choose(bool take, A a, B b) {
    if constexpr (std::is_same_v<A, B> && std::is_same_v<A, real<A>>) return math::choose(take, a, b);
    else return Dual<real<A>>{math::choose(take, value_of(a), value_of(b)), math::choose(take, tangent_of(a), tangent_of(b))};
}

}  // namespace tacet
