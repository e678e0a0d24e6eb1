// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/expr/functions.hpp>
#include <cmath>
#include <limits>
#include <type_traits>

namespace functions_test {
using namespace tacet;

// The functors themselves: exact values, special values and slopes. That expressions apply them is checked by the table of cases.
namespace {
template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T> constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

/// f'(x), from a dual number.
template <class F, class T> T slope(F f, T x) { return f(Dual<T>{x, T(1)}).d; }
/// The derivatives of f(a, b) along a and along b.
template <class F> std::pair<double, double> slopes(F f, double a, double b) {
    return {tangent_of(f(Dual<double>{a, 1.0}, b)), tangent_of(f(a, Dual<double>{b, 1.0}))};
}
template <class F> double numeric(F f, double x) { return (f(x + 1e-6) - f(x - 1e-6)) / 2e-6; }
}  // namespace

TEST_CASE("in double, functions are those of the standard library") {
    for (double x = -6; x < 6; x += 0.37) {
        CHECK(fn::Exp{}(x) == std::exp(x));
        CHECK(fn::Tanh{}(x) == std::tanh(x));
        CHECK(fn::Erf{}(x) == std::erf(x));
        CHECK(fn::Abs{}(x) == std::fabs(x));
        CHECK(fn::Square{}(x) == x * x);
        CHECK(fn::Sigmoid{}(x) == Approx(1 / (1 + std::exp(-x))).epsilon(1e-15));
        CHECK(fn::Silu{}(x) == Approx(x / (1 + std::exp(-x))).epsilon(1e-15));
    }
    for (double x = 0.01; x < 50; x *= 1.7) {
        CHECK(fn::Log{}(x) == std::log(x));
        CHECK(fn::Sqrt{}(x) == std::sqrt(x));
        CHECK(fn::Rsqrt{}(x) == 1 / std::sqrt(x));
        CHECK(fn::Pow{}(x, 1.7) == std::pow(x, 1.7));
    }
}

TEST_CASE("constants have the precision of the argument: gelu in double") {
    for (double x = -8; x < 8; x += 0.013) {
        double const exact = x * 0.5 * std::erfc(-x / std::sqrt(2.0));
        CHECK(std::fabs(fn::Gelu{}(x) - exact) <= 1e-15 * std::max(1.0, std::fabs(x)));
        double const density = std::exp(-x * x / 2) * 0.39894228040143268;  // 1 / sqrt(2 pi)
        double const exact_slope = 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * density;
        CHECK(std::fabs(slope(fn::Gelu{}, x) - exact_slope) <= 1e-15);
        CHECK(std::fabs(slope(fn::Erf{}, x) - 1.1283791670955126 * std::exp(-x * x)) <= 1e-15);
    }
}

TEST_CASE("the result of a function has the type of its argument") {
    static_assert(std::is_same_v<decltype(fn::Gelu{}(1.f)), float>);
    static_assert(std::is_same_v<decltype(fn::Gelu{}(1.0)), double>);
    static_assert(std::is_same_v<decltype(fn::Rsqrt{}(1.f)), float>);
    static_assert(std::is_same_v<decltype(fn::Relu{}(Dual<float>{})), Dual<float>>);
    static_assert(std::is_same_v<decltype(fn::Pow{}(1.f, Dual<float>{})), Dual<float>>);
    static_assert(std::is_same_v<decltype(fn::LeakyRelu{0.1}(1.f)), float>);
    static_assert(fn::Max{}(2, 3) == 3);
    static_assert(fn::Where{}(true, 2.f, 3.f) == 2);
    CHECK(true);
}

TEST_CASE("NaN goes through every function that could hide it") {
    auto const check = [](auto x) {
        using T = decltype(x);
        CHECK(std::isnan(fn::Relu{}(x)));
        CHECK(std::isnan(fn::LeakyRelu{0.1}(x)));
        CHECK(std::isnan(fn::Prelu{}(x, T(0.5))));
        CHECK(std::isnan(fn::Gelu{}(x)));
        CHECK(std::isnan(fn::Silu{}(x)));
        CHECK(std::isnan(fn::Tanh{}(x)));
        CHECK(std::isnan(fn::Sigmoid{}(x)));
        CHECK(std::isnan(fn::Erf{}(x)));
        CHECK(std::isnan(fn::Exp{}(x)));
        CHECK(std::isnan(fn::Log{}(x)));
        CHECK(std::isnan(fn::Abs{}(x)));
        CHECK(std::isnan(fn::Clamp{}(x, T(0), T(1))));
        for (T other : {T(-1), T(0), T(1), infinity<T>, -infinity<T>}) {
            CHECK(std::isnan(fn::Max{}(x, other)));
            CHECK(std::isnan(fn::Max{}(other, x)));
            CHECK(std::isnan(fn::Min{}(x, other)));
            CHECK(std::isnan(fn::Min{}(other, x)));
        }
    };
    check(not_a_number<float>);
    check(not_a_number<double>);
}

TEST_CASE("comparisons with NaN are those of IEEE 754") {
    for (double other : {1.0, not_a_number<double>}) {
        CHECK_FALSE(fn::Equal{}(not_a_number<double>, other));
        CHECK_FALSE(fn::Equal{}(other, not_a_number<double>));
        CHECK(fn::NotEqual{}(not_a_number<double>, other));
        CHECK_FALSE(fn::Less{}(not_a_number<double>, other));
        CHECK_FALSE(fn::LessEqual{}(other, not_a_number<double>));
    }
    CHECK(fn::Equal{}(0.0, -0.0));
    CHECK(fn::Equal{}(infinity<double>, infinity<double>));
}

TEST_CASE("functions at infinity and at zero") {
    CHECK(fn::Relu{}(-infinity<float>) == 0);
    CHECK(fn::Relu{}(infinity<float>) == infinity<float>);
    CHECK(fn::Max{}(infinity<float>, infinity<float>) == infinity<float>);
    CHECK(fn::Max{}(-infinity<float>, -infinity<float>) == -infinity<float>);
    CHECK(fn::Tanh{}(-infinity<float>) == -1);
    CHECK(fn::Sigmoid{}(infinity<float>) == 1);
    CHECK(fn::Sigmoid{}(-infinity<float>) == 0);
    CHECK(fn::Erf{}(infinity<float>) == 1);
    CHECK(fn::Log{}(0.f) == -infinity<float>);
    CHECK(std::isnan(fn::Log{}(-1.f)));
    CHECK(std::signbit(fn::Tanh{}(-0.f)));
    CHECK(std::signbit(fn::Erf{}(-0.f)));
    CHECK(fn::Abs{}(-0.f) == 0);
    CHECK(fn::Pow{}(0.0, 0.0) == 1);
    CHECK(fn::Pow{}(-2.0, 3.0) == -8);
    CHECK(fn::Clamp{}(infinity<float>, 0.f, 1.f) == 1);
}

TEST_CASE("slopes by dual numbers agree with differences, and follow from the output where a function says so") {
    auto const check = [](auto f, double low) {
        for (double x = low; x < 4; x += 0.317) {
            CHECK(slope(f, x) == Approx(numeric(f, x)).epsilon(1e-6).margin(1e-8));
            if constexpr (requires { f.slope_at_output(x); }) CHECK(f.slope_at_output(f(x)) == Approx(slope(f, x)).epsilon(1e-12));
        }
    };
    check(fn::Exp{}, -4), check(fn::Log{}, 0.2), check(fn::Sqrt{}, 0.2), check(fn::Rsqrt{}, 0.2), check(fn::Square{}, -4);
    check(fn::Tanh{}, -4), check(fn::Sigmoid{}, -4), check(fn::Erf{}, -4), check(fn::Abs{}, -4.1), check(fn::Gelu{}, -4);
    check(fn::Silu{}, -4);
    check(fn::Relu{}, -4.1), check(fn::LeakyRelu{0.2}, -4.1), check(fn::LeakyRelu{0}, -4.1), check(fn::Neg{}, -4);
}

TEST_CASE("slopes where two rules meet are the documented ones") {
    CHECK(slope(fn::Relu{}, 0.0) == 0);
    CHECK(slope(fn::LeakyRelu{0.1}, 0.0) == 0.1);
    CHECK(fn::LeakyRelu{0.1}.slope_at_output(0.0) == 0.1);
    CHECK(slope(fn::Abs{}, 0.0) == 0);
    CHECK(slopes(fn::Max{}, 2, 2) == std::pair{0.5, 0.5});
    CHECK(slopes(fn::Min{}, 2, 2) == std::pair{0.5, 0.5});
    CHECK(slopes(fn::Max{}, 2, 3) == std::pair{0.0, 1.0});
    CHECK(slopes(fn::Min{}, 2, 3) == std::pair{1.0, 0.0});
    CHECK(slopes(fn::Prelu{}, 0, 0.3) == std::pair{0.3, 0.0});
    CHECK(slopes(fn::Prelu{}, -2, 0.3) == std::pair{0.3, -2.0});
    CHECK(slopes(fn::Pow{}, 0, 2).second == 0);
    CHECK(slopes(fn::Pow{}, 3, 0) == std::pair{0.0, std::log(3.0)});
    CHECK(slopes(fn::Pow{}, -2, 3).first == 12);
    auto const clamped = [](auto x) { return fn::Clamp{}(x, 0.0, 1.0); };
    CHECK(slope(clamped, 0.0) == 1);
    CHECK(slope(clamped, 1.0) == 1);
    CHECK(slope(clamped, -0.1) == 0);
    CHECK(slope(clamped, 1.1) == 0);
}

TEST_CASE("leaky_relu refuses a negative slope: its output would not tell its sign") {
    CHECK_THROWS_WITH(leaky_relu(Constant<float, 1>{{{3}}, 1.f}, -0.1), tacet::test::contains("leaky_relu: the slope -0.1"));
}
}  // namespace functions_test
