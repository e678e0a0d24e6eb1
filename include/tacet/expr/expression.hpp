// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/pack.hpp>
#include <tacet/expr/view.hpp>
#include <concepts>

namespace tacet {

template <class E> struct is_expression : std::false_type {};
/// Anything with a rank, a device, an element type and a shape whose elements can be computed one by one.
template <class E> concept Expression = is_expression<std::remove_cvref_t<E>>::value;
/// An expression or a number.
template <class E> concept Operand = Expression<E> || std::is_arithmetic_v<std::remove_cvref_t<E>>;

/// A function applied elementwise to lowered operands, or to their rows.
template <class F, class... E> struct Map {
    using value_type = decltype(std::declval<F const&>()(std::declval<typename E::value_type>()...));
    F f;
    Pack<E...> args;

    template <int R> constexpr auto at(Shape<R> const& i) const {
        return args([&](auto const&... a) { return f(a.at(i)...); });
    }
    template <bool Unit> constexpr auto at(Index j) const {
        return args([&](auto const&... a) { return f(a.template at<Unit>(j)...); });
    }
    template <int R> constexpr auto row(Shape<R> const& i) const;
    constexpr auto flat() const;
    constexpr bool unit() const {
        return args([](auto const&... a) { return (a.unit() && ...); });
    }
    template <int R> constexpr bool contiguous(Shape<R> const& shape) const {
        return args([&](auto const&... a) { return (a.contiguous(shape) && ...); });
    }
};
template <class F, class... E> constexpr Map<F, E...> make_map(F f, E... e) { return Map<F, E...>{f, pack(e...)}; }

template <class F, class... E> template <int R> constexpr auto Map<F, E...>::row(Shape<R> const& i) const {
    return args([&](auto const&... a) { return make_map(f, a.row(i)...); });
}
template <class F, class... E> constexpr auto Map<F, E...>::flat() const {
    return args([&](auto const&... a) { return make_map(f, a.flat()...); });
}

namespace detail {
template <class E> constexpr int rank_of = 0;
template <class E> requires requires { E::rank; } constexpr int rank_of<E> = E::rank;
template <int... R> constexpr int max_rank = [] { int m = 0; ((m = R > m ? R : m), ...); return m; }();

template <class... E> struct first_device {};
template <class A, class... B> struct first_device<A, B...> : first_device<B...> {};
template <class A, class... B> requires requires { typename A::device_type; }
struct first_device<A, B...> { using type = typename A::device_type; };
template <class E, class D> constexpr bool lives_on = true;
template <class E, class D> requires requires { typename E::device_type; }
constexpr bool lives_on<E, D> = std::is_same_v<typename E::device_type, D>;

// The element type that numbers adopt: that of the first operand that is not a condition (bool).
template <class... E> struct first_value { using type = void; };
template <class A, class... B> struct first_value<A, B...> : first_value<B...> {};
template <class A, class... B> requires (Expression<A> && !std::is_same_v<typename A::value_type, bool>)
struct first_value<A, B...> { using type = typename A::value_type; };
template <class... E> struct element {
    using found = typename first_value<E...>::type;
    template <class X> struct number { using type = float; };
    using type = std::conditional_t<std::is_void_v<found>, float, found>;
};
// What the elements of an expression are stored as: numbers as those that they were computed from, unless the function says otherwise.
template <class F, class... E> struct stored {
    using computed = decltype(std::declval<F const&>()(std::declval<Wide<typename E::value_type>>()...));
    using operand = typename first_value<E...>::type;
    using type = std::conditional_t<std::is_same_v<computed, float> && is_16_bit<operand>, operand, computed>;
};
template <class F, class... E> requires requires { typename F::stored_type; }
struct stored<F, E...> { using type = typename F::stored_type; };

template <class E, class T> constexpr bool holds = true;
template <Expression E, class T>
constexpr bool holds<E, T> = std::is_same_v<typename E::value_type, T> || std::is_same_v<typename E::value_type, bool>;

template <int R, int Q> void grow(Shape<R>& to, Shape<Q> const& s) {
    for (int d = 0; d < Q; ++d)
        if (s[d] != 1) to[d + R - Q] = s[d];
}
template <int R, class T> void grow(Shape<R>&, Scalar<T> const&) {}
template <int R, Expression E> void grow(Shape<R>& to, E const& e) { grow(to, e.shape()); }
}  // namespace detail

/// An expression not yet computed: a function and its operands, held by value, so that it never dangles.
/// Operands are broadcast as in NumPy: aligned at the right, extents of 1 repeat.
template <class F, class... E> struct Lazy {
    static constexpr int rank = detail::max_rank<detail::rank_of<E>...>;
    using device_type = typename detail::first_device<E...>::type;
    static_assert((detail::lives_on<E, device_type> && ...),
                  "the operands live on different devices: move one with to<Cuda>(x) or to<Cpu>(x)");
    using value_type = typename detail::stored<F, E...>::type;
    F f;
    Pack<E...> args;

    Shape<rank> shape() const {
        Shape<rank> s;
        s.extent.fill(1);
        args([&](auto const&... a) { (detail::grow(s, a), ...); });
        return s;
    }
};
template <class F, class... E> struct is_expression<Lazy<F, E...>> : std::true_type {};

template <class T, int R> constexpr Scalar<T> lower(Scalar<T> s, Shape<R> const&) { return s; }
/// What kernels receive for an expression over `target`: views in place of handles. Throws ShapeError when it does not fit.
template <class F, class... E, int R> auto lower(Lazy<F, E...> const& e, Shape<R> const& target) {
    return e.args([&](auto const&... a) { return make_map(e.f, lower(a, target)...); });
}

namespace detail {
template <class T, class E> auto operand(E const& e) {
    if constexpr (std::is_arithmetic_v<E>) return Scalar<Wide<T>>{static_cast<Wide<T>>(e)};
    else if constexpr (requires { e.var(); }) return e.var();
    else return e;
}
}  // namespace detail

/// The expression f(e...), elementwise. Numbers take the element type of the other operands.
template <class F, class... E> auto map(F f, E const&... e) {
    using T = typename detail::element<E...>::type;
    static_assert((detail::holds<E, T> && ...), "the operands have different element types: convert one with cast<T>(x)");
    auto make = [&]<class... O>(O... o) { return Lazy<F, O...>{f, pack(o...)}; };
    return make(detail::operand<T>(e)...);
}

/// The number `value` over `shape`, as an expression.
template <class T, int R, Device D = Cpu> struct Constant {
    static constexpr int rank = R;
    using device_type = D;
    using value_type = T;
    Shape<R> extents;
    Wide<T> value;
    Shape<R> const& shape() const { return extents; }
};
template <class T, int R, class D> struct is_expression<Constant<T, R, D>> : std::true_type {};
template <int R, class T, int Q, class D> Scalar<Wide<T>> lower(Constant<T, Q, D> const& c, Shape<R> const&) {
    return Scalar<Wide<T>>{c.value};
}

}  // namespace tacet
