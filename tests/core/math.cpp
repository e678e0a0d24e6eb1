// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/math.hpp>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace math_test {
using namespace tacet;

// Without constexpr, nvcc would leave them out of kernels without a word.
static_assert(math::exp(0.f) == 1 && math::log(1.f) == 0 && math::erf(0.f) == 0 && math::normal_cdf(-9.f) == 0 && math::tanh(0.f) == 0
              && math::sigmoid(0.f) == 0.5f);

namespace {
struct Worst {
    double relative = 0;
    float at = 0;
};
/// The largest relative error of f against g over floats of both signs with low <= |x| <= high: one of every 4999 bit patterns.
template <class F, class G> Worst worst(F f, G g, float low, float high) {
    Worst w;
    for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += 4999) {
        auto const magnitude = std::bit_cast<float>(bits);
        if (magnitude < low || magnitude > high) continue;
        for (float x : {magnitude, -magnitude}) {
            double const exact = g(static_cast<double>(x));
            if (!std::isfinite(exact) || std::fabs(exact) < 1.2e-38) continue;
            double const error = std::fabs(static_cast<double>(f(x)) - exact) / std::fabs(exact);
            if (!(error <= w.relative)) w = {error, x};
        }
    }
    return w;
}
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
}  // namespace

TEST_CASE("the float functions keep the accuracy they state") {
    auto const check = [](char const* name, Worst w, double limit) {
        INFO(name << " at " << w.at);
        CHECK(w.relative <= limit);
    };
    check("exp", worst([](float x) { return math::exp(x); }, [](double x) { return std::exp(x); }, 0, 88.7f), 1.5e-7);
    check("log", worst([](float x) { return math::log(x); }, [](double x) { return std::log(x); }, 1e-44f, 3.4e38f), 2e-7);
    check("erf", worst([](float x) { return math::erf(x); }, [](double x) { return std::erf(x); }, 0, 30), 3e-7);
    check("tanh", worst([](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); }, 0, 100), 4e-7);
    check("sigmoid", worst([](float x) { return math::sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }, 0, 87), 4e-7);
}

TEST_CASE("normal_cdf: the absolute error it states, so that gelu's is below 3e-7 wherever it is small") {
    double worst = 0, worst_gelu = 0;
    for (double v = -7; v < 7; v += 1.7e-5) {
        auto const x = static_cast<float>(v), y = math::normal_cdf(x);
        double const exact = 0.5 * std::erfc(-static_cast<double>(x) / std::sqrt(2.0));
        worst = std::max(worst, std::fabs(static_cast<double>(y) - exact));
        if (x < 0) worst_gelu = std::max(worst_gelu, std::fabs(static_cast<double>(x * y) - static_cast<double>(x) * exact));
    }
    CHECK(worst <= 2e-7);
    CHECK(worst_gelu <= 3e-7);
}

TEST_CASE("the ends of the float functions") {
    CHECK(math::exp(0.f) == 1);
    CHECK(math::exp(-87.4f) == 0);
    CHECK(math::exp(-infinity) == 0);
    CHECK(math::exp(88.8f) == infinity);
    CHECK(math::exp(infinity) == infinity);
    CHECK(std::isnan(math::exp(not_a_number)));
    CHECK(math::log(1.f) == 0);
    CHECK(math::log(0.f) == -infinity);
    CHECK(math::log(-0.f) == -infinity);
    CHECK(math::log(infinity) == infinity);
    CHECK(std::isnan(math::log(-1.f)));
    CHECK(std::isnan(math::log(-infinity)));
    CHECK(std::isnan(math::log(not_a_number)));
    CHECK(math::log(std::numeric_limits<float>::denorm_min()) == Approx(-103.278929).epsilon(1e-6));
    for (float sign : {1.f, -1.f}) {
        CHECK(math::erf(sign * infinity) == sign);
        CHECK(math::erf(sign * 3.92f) == sign);
        CHECK(math::tanh(sign * infinity) == sign);
        CHECK(math::tanh(sign * 9.2f) == sign);
        CHECK(std::signbit(math::erf(sign * 0.f)) == (sign < 0));
        CHECK(std::signbit(math::tanh(sign * 0.f)) == (sign < 0));
    }
    CHECK(math::normal_cdf(-5.65f) == 0);
    CHECK(math::normal_cdf(-infinity) == 0);
    CHECK(math::normal_cdf(6.f) == 1);
    CHECK(math::normal_cdf(infinity) == 1);
    CHECK(math::normal_cdf(0.f) == Approx(0.5).epsilon(3e-7));
    CHECK(math::sigmoid(0.f) == 0.5f);
    CHECK(math::sigmoid(-1000.f) == 0);
    CHECK(math::sigmoid(1000.f) == 1);
    CHECK(std::isnan(math::sigmoid(not_a_number)));
    CHECK(std::isnan(math::erf(not_a_number)));
    CHECK(std::isnan(math::tanh(not_a_number)));
}

TEST_CASE("the functions stay inside their range and rise") {
    float before_tanh = -1, before_erf = -1, before_sigmoid = 0, before_cdf = 0;
    for (float x = -12; x < 12; x += 1.f / 256) {
        CHECK(std::fabs(math::tanh(x)) <= 1);
        CHECK(std::fabs(math::erf(x)) <= 1);
        CHECK(math::sigmoid(x) <= 1);
        CHECK((math::normal_cdf(x) >= 0 && math::normal_cdf(x) <= 1));
        CHECK(math::tanh(x) >= before_tanh - 2e-7f);
        CHECK(math::erf(x) >= before_erf - 2e-7f);
        CHECK(math::sigmoid(x) >= before_sigmoid - 2e-7f);
        CHECK(math::normal_cdf(x) >= before_cdf - 3e-7f);
        before_cdf = math::normal_cdf(x), before_tanh = math::tanh(x), before_erf = math::erf(x), before_sigmoid = math::sigmoid(x);
    }
}

TEST_CASE("in double, the functions are the standard library's, and sigmoid does not overflow") {
    CHECK(math::exp(1.5) == std::exp(1.5));
    CHECK(math::erf(0.3) == std::erf(0.3));
    CHECK(math::normal_cdf(-3.0) == Approx(std::erfc(3 / std::sqrt(2.0)) / 2).epsilon(1e-14));
    CHECK(math::sigmoid(-800.0) == 0);
    CHECK(math::sigmoid(800.0) == 1);
    CHECK(math::sigmoid(-2.0) == Approx(1 / (1 + std::exp(2.0))).epsilon(1e-15));
}

TEST_CASE("choose gives one of its arguments, bit for bit") {
    STATIC_REQUIRE(math::choose(true, 1.f, 2.f) == 1);
    STATIC_REQUIRE(math::choose(false, 1., 2.) == 2);
    STATIC_REQUIRE(math::choose(false, 1, 2) == 2);
    CHECK(std::signbit(math::choose(true, -0.f, 1.f)));
    CHECK(math::choose(false, not_a_number, -infinity) == -infinity);
    CHECK(std::isnan(math::choose(true, not_a_number, 1.f)));
}

TEST_CASE("polynomial takes the coefficients from the lowest power") {
    CHECK(math::polynomial(2.f, 1.f, 10.f, 100.f) == 421);
    CHECK(math::polynomial(5.f, 3.f) == 3);
}
}  // namespace math_test
