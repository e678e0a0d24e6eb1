// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/expr/dual.hpp>
#include <tacet/expr/expression.hpp>

namespace tacet {

/// The elementwise functions as objects. Each is written once, on numbers; called with duals it yields its own derivative.
/// `slope_at_output(y)` is the derivative of f in terms of y = f(x): where it exists, the tape keeps y instead of x.
namespace fn {
struct Add { constexpr auto operator()(auto a, auto b) const { return a + b; } };
struct Sub { constexpr auto operator()(auto a, auto b) const { return a - b; } };
struct Mul { constexpr auto operator()(auto a, auto b) const { return a * b; } };
struct Div { constexpr auto operator()(auto a, auto b) const { return a / b; } };
struct Neg { constexpr auto operator()(auto x) const { return -x; } };

struct Less { constexpr bool operator()(auto a, auto b) const { return value_of(a) < value_of(b); } };
struct LessEqual { constexpr bool operator()(auto a, auto b) const { return value_of(a) <= value_of(b); } };
struct Equal { constexpr bool operator()(auto a, auto b) const { return value_of(a) <= value_of(b) && value_of(b) <= value_of(a); } };
struct NotEqual { constexpr bool operator()(auto a, auto b) const { return !Equal{}(a, b); } };
struct Where { constexpr auto operator()(bool condition, auto a, auto b) const { return choose(condition, a, b); } };

// Where both are equal, each is half the maximum: the derivative of the mean, as in PyTorch. NaN stays.
struct Max {
    constexpr auto operator()(auto a, auto b) const {
        using T = real<decltype(a)>;
        auto const rest = choose(value_of(b) < value_of(a), a, a * T(0.5) + b * T(0.5));
        return choose(value_of(a) < value_of(b), b, rest);
    }
};
struct Min {
    constexpr auto operator()(auto a, auto b) const { return -Max{}(-a, -b); }
};
/// The derivative is 1 at the ends of the interval, too.
struct Clamp {
    constexpr auto operator()(auto x, auto low, auto high) const {
        return choose(value_of(x) < value_of(low), low, choose(value_of(high) < value_of(x), high, x));
    }
};

struct Exp {
    constexpr auto operator()(auto x) const { return exp_of(x); }
    static constexpr auto slope_at_output(auto y) { return y; }
};
struct Log { constexpr auto operator()(auto x) const { return log_of(x); } };
struct Sqrt {
    constexpr auto operator()(auto x) const { return sqrt_of(x); }
    static constexpr auto slope_at_output(auto y) { return decltype(y)(0.5) / y; }
};
struct Rsqrt { constexpr auto operator()(auto x) const { return real<decltype(x)>(1) / sqrt_of(x); } };
struct Square { constexpr auto operator()(auto x) const { return x * x; } };
struct Tanh {
    constexpr auto operator()(auto x) const { return tanh_of(x); }
    static constexpr auto slope_at_output(auto y) { return 1 - y * y; }
};
struct Sigmoid {
    constexpr auto operator()(auto x) const { return sigmoid_of(x); }
    static constexpr auto slope_at_output(auto y) { return y * (1 - y); }
};
struct Erf { constexpr auto operator()(auto x) const { return erf_of(x); } };
struct Abs {  // derivative 0 at 0
    constexpr auto operator()(auto x) const {
        using T = real<decltype(x)>;
        auto const v = value_of(x);
        return detail::chain(x, v < 0 ? T(-v) : v, [&] { return v > 0 ? T(1) : (v < 0 ? T(-1) : T(0)); });
    }
};
/// x^p. The derivative with respect to p is 0 where x is 0.
struct Pow {
    constexpr auto operator()(auto x, auto p) const {
        using T = real<decltype(x)>;
        T const v = value_of(x), e = value_of(p), y = std::pow(v, e);
        auto const along_x = detail::chain(x, y, [&] { return e == 0 ? T(0) : e * std::pow(v, e - 1); });
        auto const along_p = detail::chain(p, T(0), [&] { return v == 0 ? T(0) : y * std::log(v); });
        return along_x + along_p;
    }
};

// The comparison is false for NaN, which so stays NaN.
struct Relu {
    constexpr auto operator()(auto x) const { return choose(value_of(x) <= 0, real<decltype(x)>(0), x); }
    static constexpr auto slope_at_output(auto y) { return choose(y > 0, decltype(y)(1), decltype(y)(0)); }
};
struct LeakyRelu {
    double slope;
    constexpr auto operator()(auto x) const { return choose(value_of(x) > 0, x, x * real<decltype(x)>(slope)); }
    constexpr auto slope_at_output(auto y) const { return choose(y > 0, decltype(y)(1), decltype(y)(slope)); }
};
struct Prelu { constexpr auto operator()(auto x, auto slope) const { return choose(value_of(x) > 0, x, x * slope); } };
struct Gelu { constexpr auto operator()(auto x) const { return x * normal_cdf_of(x); } };
struct Silu { constexpr auto operator()(auto x) const { return x * sigmoid_of(x); } };

/// f'(x) from y = f(x).
template <class F> struct SlopeAtOutput {
    F f;
    constexpr auto operator()(auto y) const { return f.slope_at_output(y); }
};
template <class T> struct Cast {
    using stored_type = T;
    constexpr Wide<T> operator()(auto x) const { return static_cast<Wide<T>>(static_cast<T>(static_cast<Wide<T>>(x))); }
};
}  // namespace fn

template <class A, class B> concept Operands = Operand<A> && Operand<B> && (Expression<A> || Expression<B>);

template <class A, class B> requires Operands<A, B> auto operator+(A const& a, B const& b) { return map(fn::Add{}, a, b); }
template <class A, class B> requires Operands<A, B> auto operator-(A const& a, B const& b) { return map(fn::Sub{}, a, b); }
template <class A, class B> requires Operands<A, B> auto operator*(A const& a, B const& b) { return map(fn::Mul{}, a, b); }
template <class A, class B> requires Operands<A, B> auto operator/(A const& a, B const& b) { return map(fn::Div{}, a, b); }
template <Expression A> auto operator-(A const& a) { return map(fn::Neg{}, a); }

// Comparisons yield conditions (bool) for where(); they have no derivative.
template <class A, class B> requires Operands<A, B> auto operator<(A const& a, B const& b) { return map(fn::Less{}, a, b); }
template <class A, class B> requires Operands<A, B> auto operator<=(A const& a, B const& b) { return map(fn::LessEqual{}, a, b); }
template <class A, class B> requires Operands<A, B> auto operator>(A const& a, B const& b) { return map(fn::Less{}, b, a); }
template <class A, class B> requires Operands<A, B> auto operator>=(A const& a, B const& b) { return map(fn::LessEqual{}, b, a); }
template <class A, class B> requires Operands<A, B> auto operator==(A const& a, B const& b) { return map(fn::Equal{}, a, b); }
template <class A, class B> requires Operands<A, B> auto operator!=(A const& a, B const& b) { return map(fn::NotEqual{}, a, b); }

/// a where the condition holds, else b.
template <Expression C, Operand A, Operand B> auto where(C const& condition, A const& a, B const& b) {
    static_assert(std::is_same_v<typename C::value_type, bool>, "where: the first argument must be a comparison, such as x > 0");
    return map(fn::Where{}, condition, a, b);
}
template <class A, class B> requires Operands<A, B> auto max(A const& a, B const& b) { return map(fn::Max{}, a, b); }
template <class A, class B> requires Operands<A, B> auto min(A const& a, B const& b) { return map(fn::Min{}, a, b); }
/// x limited to [low, high].
template <Expression X, Operand L, Operand H> auto clamp(X const& x, L const& low, H const& high) { return map(fn::Clamp{}, x, low, high); }
template <class A, class B> requires Operands<A, B> auto pow(A const& x, B const& p) { return map(fn::Pow{}, x, p); }

template <Expression A> auto exp(A const& x) { return map(fn::Exp{}, x); }
template <Expression A> auto log(A const& x) { return map(fn::Log{}, x); }
template <Expression A> auto sqrt(A const& x) { return map(fn::Sqrt{}, x); }
template <Expression A> auto rsqrt(A const& x) { return map(fn::Rsqrt{}, x); }
template <Expression A> auto square(A const& x) { return map(fn::Square{}, x); }
template <Expression A> auto abs(A const& x) { return map(fn::Abs{}, x); }
template <Expression A> auto tanh(A const& x) { return map(fn::Tanh{}, x); }
template <Expression A> auto sigmoid(A const& x) { return map(fn::Sigmoid{}, x); }
template <Expression A> auto erf(A const& x) { return map(fn::Erf{}, x); }
template <Expression A> auto relu(A const& x) { return map(fn::Relu{}, x); }
/// x where positive, else slope * x (slope >= 0).
template <Expression A> auto leaky_relu(A const& x, double slope = 0.01) {
    check(slope >= 0, "leaky_relu: the slope ", slope, " is negative");
    return map(fn::LeakyRelu{slope}, x);
}
/// x where positive, else slope * x; the slope is an operand, usually one per channel (C), and is learned.
template <Expression A, Operand S> auto prelu(A const& x, S const& slope) { return map(fn::Prelu{}, x, slope); }
/// x Phi(x), exact (Hendrycks & Gimpel, 2016).
template <Expression A> auto gelu(A const& x) { return map(fn::Gelu{}, x); }
/// x sigmoid(x).
template <Expression A> auto silu(A const& x) { return map(fn::Silu{}, x); }
/// x with another element type; has no derivative.
template <class T, Expression A> auto cast(A const& x) { return map(fn::Cast<T>{}, x); }

}  // namespace tacet
