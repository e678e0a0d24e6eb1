// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <cmath>

namespace functions_binary_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto each(double (*f)(double, double)) {
    return [f](Arrays const& in) { return elementwise(in, [f](auto const& v) { return f(v[0], v[1]); }); };
}
// The second operand is broadcast at the left, at the right, everywhere and nowhere.
std::vector<Shapes> const shapes{{{1, 1}, {1}}, {{3, 5}, {5}}, {{4, 1}, {7}}, {{2, 3}, {1}}, {{1, 9}, {9}}, {{23, 37}, {37}}};
Bench const bench{.shapes = {{1024, 1024}, {1024}}, .flops = [](Shapes const& s) { return double(count(s[0])); }};
Domain const any{}, positive{.low = 0.3, .high = 3};

template <class F>
void add(std::string name, double (*f)(double, double), F const& function, std::vector<Domain> const& domains = {any, any}) {
    Case<2, 1>({.name = name, .reference = each(f), .shapes = shapes, .inputs = domains, .bench = bench}, function);
}
bool const added = [] {
    add("operator+", [](double a, double b) { return a + b; }, [](auto const& a, auto const& b) { return a + b; });
    add("operator-", [](double a, double b) { return -a - (b - 2); }, [](auto const& a, auto const& b) { return -a - (b - 2); });
    add("operator*", [](double a, double b) { return a * b; }, [](auto const& a, auto const& b) { return a * b; });
    add("operator/", [](double a, double b) { return a / b + 1 / b; }, [](auto const& a, auto const& b) { return a / b + 1 / b; },
        {any, positive});
    add("pow", [](double a, double b) { return std::pow(a, b); }, [](auto const& a, auto const& b) { return pow(a, b); }, {positive, any});
    add("prelu", [](double x, double s) { return x > 0 ? x : s * x; }, [](auto const& x, auto const& s) { return prelu(x, s); });
    return true;
}();
}  // namespace

TEST_CASE("operator+: values, gradients, float") { CHECK(failures_of("operator+") == ""); }
TEST_CASE("operator-: values, gradients, float") { CHECK(failures_of("operator-") == ""); }
TEST_CASE("operator*: values, gradients, float") { CHECK(failures_of("operator*") == ""); }
TEST_CASE("operator/: values, gradients, float") { CHECK(failures_of("operator/") == ""); }
TEST_CASE("pow: values, gradients, float") { CHECK(failures_of("pow") == ""); }
TEST_CASE("prelu: values, gradients, float") {
    CHECK(added);
    CHECK(failures_of("prelu") == "");
}
}  // namespace functions_binary_test
