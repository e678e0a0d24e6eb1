// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <cmath>

namespace functions_choice_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto each(double (*f)(double, double)) {
    return [f](Arrays const& in) { return elementwise(in, [f](auto const& v) { return f(v[0], v[1]); }); };
}
std::vector<Shapes> const shapes{{{1, 1}, {1}}, {{3, 5}, {5}}, {{4, 1}, {7}}, {{2, 3}, {1}}, {{23, 37}, {37}}};
Bench const bench{.shapes = {{1024, 1024}, {1024}}, .flops = [](Shapes const& s) { return double(count(s[0])); }};

template <class F> void add(std::string name, double (*f)(double, double), F const& function) {
    Case<2, 1>({.name = name, .reference = each(f), .shapes = shapes, .bench = bench}, function);
}
/// Conditions have no derivative and are seen through numbers. Both operands are rounded, so that some are equal.
template <class F> void add_condition(std::string name, bool (*f)(double, double), F const& function) {
    auto const value = [f](Arrays const& in) {
        return elementwise(in, [f](auto const& v) { return f(std::trunc(v[0]), std::trunc(v[1])) ? 1.0 : 0.0; });
    };
    Case<2, 1>({.name = name, .reference = value, .shapes = shapes, .inputs = {{-3, 3}, {-3, 3}}, .differentiable = false, .bench = bench},
               [function](auto const& a, auto const& b) {
                   using T = typename std::remove_cvref_t<decltype(a)>::value_type;
                   return Variable(cast<T>(function(cast<int>(a), cast<int>(b))));
               });
}
bool const added = [] {
    add("max", [](double a, double b) { return a < b ? b : a; }, [](auto const& a, auto const& b) { return max(a, b); });
    add("min", [](double a, double b) { return a < b ? a : b; }, [](auto const& a, auto const& b) { return min(a, b); });
    add("clamp", [](double a, double b) { return a < b ? b : (a > 1.5 ? 1.5 : a); },
        [](auto const& a, auto const& b) { return clamp(a, b, 1.5); });
    add("where", [](double a, double b) { return a > 0.1 ? a * b : b; },
        [](auto const& a, auto const& b) { return where(a > 0.1, a * b, b); });
    add_condition("operator<", [](double a, double b) { return a < b; }, [](auto const& a, auto const& b) { return a < b; });
    add_condition("operator<=", [](double a, double b) { return a <= b; }, [](auto const& a, auto const& b) { return a <= b; });
    add_condition("operator>", [](double a, double b) { return a > b; }, [](auto const& a, auto const& b) { return a > b; });
    add_condition("operator>=", [](double a, double b) { return a >= b; }, [](auto const& a, auto const& b) { return a >= b; });
    add_condition("operator==", [](double a, double b) { return a == b; }, [](auto const& a, auto const& b) { return a == b; });
    add_condition("operator!=", [](double a, double b) { return a != b; }, [](auto const& a, auto const& b) { return a != b; });
    add_condition("cast", [](double a, double b) { return a + b != 0; }, [](auto const& a, auto const& b) { return cast<bool>(a + b); });
    return true;
}();
}  // namespace

TEST_CASE("max: values, gradients, float") { CHECK(failures_of("max") == ""); }
TEST_CASE("min: values, gradients, float") { CHECK(failures_of("min") == ""); }
TEST_CASE("clamp: values, gradients, float") { CHECK(failures_of("clamp") == ""); }
TEST_CASE("where: values, gradients, float") { CHECK(failures_of("where") == ""); }
TEST_CASE("comparisons and cast: values") {
    CHECK(added);
    for ([[maybe_unused]] char const* name : {"operator<", "operator<=", "operator>", "operator>=", "operator==", "operator!=", "cast"})
        CHECK(failures_of(name) == "");
}
}  // namespace functions_choice_test
