// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tuple>

// The derivative of an elementwise expression, never written by hand. One pass over memory computes, per element, the value of
// every node of the expression and then walks back from the root: each function is called once more per argument, on a dual
// number, and its slope multiplies the gradient that flows to that argument. (Forward mode inside a function, reverse mode
// between functions: the cost grows with the expression, not with the number of its variables.)
namespace tacet {
namespace detail {

template <class E> constexpr int variables_in = 0;
template <class T, int R, class D> constexpr int variables_in<Variable<T, R, D>> = 1;
// Conditions do not count: they have no derivative.
template <class F, class... E>
constexpr int variables_in<Lazy<F, E...>> = std::is_same_v<typename Lazy<F, E...>::value_type, bool> ? 0 : (variables_in<E> + ... + 0);

/// A computed node: its value and those of its arguments.
template <class V, class... A> struct Trace {
    V value;
    Pack<A...> args;
};

/// A part of the expression without variables.
template <class L> struct Fixed {
    static constexpr bool varies = false;
    L lowered;
    template <int R> constexpr auto row(Shape<R> const& i) const { return Fixed<decltype(lowered.row(i))>{lowered.row(i)}; }
    constexpr auto flat() const { return Fixed<decltype(lowered.flat())>{lowered.flat()}; }
    template <bool Unit> constexpr auto trace(Index j) const {
        auto const v = lowered.template at<Unit>(j);
        return Trace<std::remove_cv_t<decltype(v)>>{v, {}};
    }
};
/// The K-th variable of the expression: what arrives here is its gradient.
template <int K, class L> struct Leaf : Fixed<L> {
    static constexpr bool varies = true;
    template <int R> constexpr auto row(Shape<R> const& i) const { return Leaf<K, decltype(this->lowered.row(i))>{{this->lowered.row(i)}}; }
    constexpr auto flat() const { return Leaf<K, decltype(this->lowered.flat())>{{this->lowered.flat()}}; }
    constexpr void pull(auto const&, auto g, auto& gradient) const { gradient[K] = g; }
};
/// A function of parts, at least one of which varies.
template <class F, class... A> struct Chain {
    static constexpr bool varies = true;
    F f;
    Pack<A...> args;

    template <int R> constexpr auto row(Shape<R> const& i) const { return rebuild([&](auto const& a) { return a.row(i); }); }
    constexpr auto flat() const { return rebuild([](auto const& a) { return a.flat(); }); }
    template <bool Unit> constexpr auto trace(Index j) const {
        return args([&](auto const&... a) {
            return [&](auto... t) {
                auto const v = f(t.value...);
                return Trace<std::remove_cv_t<decltype(v)>, decltype(t)...>{v, pack(t...)};
            }(a.template trace<Unit>(j)...);
        });
    }
    constexpr void pull(auto const& trace, auto g, auto& gradient) const {
        [&]<std::size_t... K>(std::index_sequence<K...>) { (pull_argument<int(K)>(trace, g, gradient), ...); }
        (std::index_sequence_for<A...>{});
    }

private:
    constexpr auto rebuild(auto&& step) const {
        return args([&](auto const&... a) { return [&](auto... r) { return Chain<F, decltype(r)...>{f, pack(r...)}; }(step(a)...); });
    }
    template <int K> constexpr void pull_argument(auto const& trace, auto g, auto& gradient) const {
        auto const& argument = get<K>(args);
        if constexpr (std::remove_cvref_t<decltype(argument)>::varies) {
            auto const slope = [&]<std::size_t... J>(std::index_sequence<J...>) {
                return tangent_of(f(seeded<int(J) == K>(get<int(J)>(trace.args).value)...));
            }(std::index_sequence_for<A...>{});
            argument.pull(get<K>(trace.args), g * slope, gradient);
        }
    }
    template <bool Seed, class V> static constexpr auto seeded(V v) {
        if constexpr (Seed) return Dual<V>{v, V(1)};
        else return v;
    }
};

/// Lowers e for differentiation; From variables stand to its left.
template <int From, class E, int R> auto differentiable(E const& e, Shape<R> const& target);
template <int From, class F, int R, class... Done> auto chain_of(F f, Shape<R> const&, Pack<> const&, Done... done) {
    return Chain<F, Done...>{f, pack(done...)};
}
template <int From, class F, int R, class H, class... E, class... Done>
auto chain_of(F f, Shape<R> const& target, Pack<H, E...> const& args, Done... done) {
    return chain_of<From + variables_in<H>>(f, target, args.tail, done..., differentiable<From>(args.head, target));
}
template <int From, class E, int R> auto differentiable(E const& e, Shape<R> const& target) {
    using L = decltype(lower(e, target));
    if constexpr (variables_in<E> == 0) return Fixed<L>{lower(e, target)};
    else if constexpr (requires { e.args; }) return chain_of<From>(e.f, target, e.args);
    else return Leaf<From, L>{{lower(e, target)}};
}

/// The variables of an expression, left to right, as a tuple of handles.
template <class E> auto variables_of(E const& e) {
    if constexpr (variables_in<E> == 0) return std::tuple<>{};
    else if constexpr (requires { e.args; }) return e.args([](auto const&... a) { return std::tuple_cat(variables_of(a)...); });
    else return std::tuple<E>{e};
}
}  // namespace detail

}  // namespace tacet
