// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <cmath>

namespace functions_unary_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto each(double (*f)(double)) {
    return [f](Arrays const& in) { return elementwise(in, [f](auto const& v) { return f(v[0]); }); };
}
std::vector<Shapes> const shapes{{{1, 1}}, {{3, 5}}, {{1, 17}}, {{9, 1}}, {{21, 34}}};
Bench const bench{.shapes = {{1024, 1024}}, .flops = [](Shapes const& s) { return double(count(s[0])); }, .backward = 1.5};

template <class F> void add(std::string name, double (*f)(double), Domain domain, F const& function, double float_tolerance = 1e-5) {
    Case<2>({.name = name, .reference = each(f), .shapes = shapes, .inputs = {domain}, .float_tolerance = float_tolerance, .bench = bench},
            function);
}
Domain const positive{.low = 0.1, .high = 4}, wide{.low = -6, .high = 6};

bool const added = [] {
    add("exp", [](double x) { return std::exp(x); }, wide, [](auto const& x) { return exp(x); });
    add("log", [](double x) { return std::log(x); }, positive, [](auto const& x) { return log(x); });
    add("sqrt", [](double x) { return std::sqrt(x); }, positive, [](auto const& x) { return sqrt(x); });
    add("rsqrt", [](double x) { return 1 / std::sqrt(x); }, positive, [](auto const& x) { return rsqrt(x); });
    add("square", [](double x) { return x * x; }, wide, [](auto const& x) { return square(x); });
    add("abs", [](double x) { return std::fabs(x); }, wide, [](auto const& x) { return abs(x); });
    return true;
}();
}  // namespace

TEST_CASE("exp: values, gradients, float") { CHECK(failures_of("exp") == ""); }
TEST_CASE("log: values, gradients, float") { CHECK(failures_of("log") == ""); }
TEST_CASE("sqrt: values, gradients, float") { CHECK(failures_of("sqrt") == ""); }
TEST_CASE("rsqrt: values, gradients, float") { CHECK(failures_of("rsqrt") == ""); }
TEST_CASE("square: values, gradients, float") { CHECK(failures_of("square") == ""); }
TEST_CASE("abs: values, gradients, float") {
    CHECK(added);
    CHECK(failures_of("abs") == "");
}
}  // namespace functions_unary_test
