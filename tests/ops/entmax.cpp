// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/entmax.hpp>
#include <tacet/tensor/factory.hpp>
#include <limits>

namespace entmax_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// By bisection of the threshold, without sorting.
Array projected(Arrays const& in) {
    Array y(in[0].shape);
    std::ptrdiff_t const n = y.extent(-1);
    for (std::ptrdiff_t row = 0; row < y.size() / n; ++row) {
        double const* const x = in[0].data.data() + row * n;
        double low = *std::max_element(x, x + n) / 2 - 1, high = low + 1;
        auto const sum = [&](double t) {
            double s = 0;
            for (std::ptrdiff_t k = 0; k < n; ++k) s += std::pow(std::max(x[k] / 2 - t, 0.0), 2);
            return s;
        };
        for (int step = 0; step < 100; ++step) (sum((low + high) / 2) > 1 ? low : high) = (low + high) / 2;
        for (std::ptrdiff_t k = 0; k < n; ++k)
            y.data[static_cast<std::size_t>(row * n + k)] = std::pow(std::max(x[k] / 2 - low, 0.0), 2);
    }
    return y;
}
Case<2> const rows({.name = "entmax15", .reference = projected, .shapes = {{{1, 1}}, {{3, 5}}, {{7, 2}}, {{2, 16}}, {{1, 33}}},
                    .bench = {.shapes = {{24576, 64}}, .flops = [](Shapes const& s) { return 20 * double(count(s[0])); }, .backward = 1}},
                   [](auto const& x) { return entmax15(x); });
}  // namespace

TEST_CASE("entmax15: values, gradients, float") { CHECK(failures_of("entmax15") == ""); }

TEST_CASE("entmax15 of known rows: equal ones share, small ones are exactly 0") {
    auto const of = [](std::vector<double> const& v) { return numbers_of(entmax15(Variable(from_values(v))).value()); };
    for (double const e : of({3, 3, 3, 3})) CHECK(e == Approx(0.25).epsilon(1e-14));
    CHECK(of({2, 0}) == Numbers{1, 0});                        // a distance of 2 leaves nothing
    auto const two = of({1, 0, -50});                          // (a, b): sqrt(a) - sqrt(b) = 1/2, a + b = 1
    CHECK(std::sqrt(two[0]) - std::sqrt(two[1]) == Approx(0.5).epsilon(1e-14));
    CHECK(two[0] + two[1] == Approx(1).epsilon(1e-14));
    CHECK(two[2] == 0);
    CHECK(of({1e300, 1e300, -1e300})[0] == Approx(0.5));
    CHECK(of({0, -std::numeric_limits<double>::infinity()}) == Numbers{1, 0});
    for (double const e : of({0, std::nan(""), 1})) CHECK(std::isnan(e));
    CHECK(entmax15(Variable(zeros(Shape{3, 0}))).shape() == Shape{3, 0});
}

TEST_CASE("entmax15: the same bits for any number of threads") {
    CHECK(same_bits_for_any_threads([](auto const& x) { return entmax15(x); }, Shape{511, 37}));
}
}  // namespace entmax_test
