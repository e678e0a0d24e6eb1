// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <cmath>

namespace functions_activation_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto each(double (*f)(double)) {
    return [f](Arrays const& in) { return elementwise(in, [f](auto const& v) { return f(v[0]); }); };
}
std::vector<Shapes> const shapes{{{1, 1}}, {{3, 5}}, {{1, 17}}, {{9, 1}}, {{21, 34}}};
Bench const bench{.shapes = {{1024, 1024}}, .flops = [](Shapes const& s) { return 10 * double(count(s[0])); }, .backward = 1.5};

template <class F> void add(std::string name, double (*f)(double), F const& function) {
    Case<2>({.name = name, .reference = each(f), .shapes = shapes, .inputs = {{.low = -6, .high = 6}}, .bench = bench}, function);
}
bool const added = [] {
    add("tanh", [](double x) { return std::tanh(x); }, [](auto const& x) { return tanh(x); });
    add("sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, [](auto const& x) { return sigmoid(x); });
    add("erf", [](double x) { return std::erf(x); }, [](auto const& x) { return erf(x); });
    add("relu", [](double x) { return x > 0 ? x : 0; }, [](auto const& x) { return relu(x); });
    add("leaky_relu", [](double x) { return x > 0 ? x : 0.1 * x; }, [](auto const& x) { return leaky_relu(x, 0.1); });
    add("gelu", [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }, [](auto const& x) { return gelu(x); });
    add("silu", [](double x) { return x / (1 + std::exp(-x)); }, [](auto const& x) { return silu(x); });
    return true;
}();
}  // namespace

TEST_CASE("tanh: values, gradients, float") { CHECK(failures_of("tanh") == ""); }
TEST_CASE("sigmoid: values, gradients, float") { CHECK(failures_of("sigmoid") == ""); }
TEST_CASE("erf: values, gradients, float") { CHECK(failures_of("erf") == ""); }
TEST_CASE("relu: values, gradients, float") { CHECK(failures_of("relu") == ""); }
TEST_CASE("leaky_relu: values, gradients, float") { CHECK(failures_of("leaky_relu") == ""); }
TEST_CASE("gelu: values, gradients, float") { CHECK(failures_of("gelu") == ""); }
TEST_CASE("silu: values, gradients, float") {
    CHECK(added);
    CHECK(failures_of("silu") == "");
}
}  // namespace functions_activation_test
