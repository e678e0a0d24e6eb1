// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/grouped.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/reduce.hpp>
#include <tacet/tensor/factory.hpp>
#include <limits>

namespace reduce_max_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto variance_with(double correction) {
    return [correction](std::vector<double> const& v) { return variance(v, correction); };
}
std::vector<Shapes> const cubes{{{1, 1, 1}}, {{3, 5, 7}}, {{2, 1, 9}}, {{4, 3, 1}}, {{1, 33, 17}}};
std::vector<Shapes> const more_than_one{{{2, 2, 2}}, {{3, 5, 7}}, {{2, 2, 9}}, {{4, 3, 2}}, {{5, 33, 17}}};
std::vector<Shapes> const pairs{{{1, 1}, {1}}, {{3, 5}, {5}}, {{7, 2}, {1}}, {{1, 9}, {9}}, {{17, 3}, {3}}};
Bench const image{.shapes = {{8, 128, 128 * 16}}, .flops = [](Shapes const& s) { return 3 * double(count(s[0])); }};

Case<3> const var_outer({.name = "var", .variant = "of a population, outer axes", .reference = by(variance_with(0), {true, true, false}),
                         .shapes = cubes, .bench = image},
                        [](auto const& x) { return var<0, 1>(x, 0); });
Case<3> const var_kept({.name = "var", .variant = "of a sample, first axis kept",
                        .reference = by(variance_with(1), {true, false, false}, true), .shapes = more_than_one, .bench = image},
                       [](auto const& x) { return var<0>(x, keep_dims); });
Case<3> const max_kept({.name = "max", .variant = "middle axis kept", .reference = by(largest, {false, true, false}, true), .shapes = cubes,
                        .bench = image},
                       [](auto const& x) { return max<1>(x, keep_dims); });
Case<2, 1> const max_expression({.name = "max", .variant = "an expression", .reference = of_product(largest, {true, true}), .shapes = pairs,
                                 .bench = {.shapes = {{512, 512}, {512}}}},
                                [](auto const& x, auto const& w) { return max(exp(x) * w); });
}  // namespace

TEST_CASE("var: values, gradients, float") { CHECK(failures_of("var") == ""); }
TEST_CASE("max over axes: values, gradients, float") { CHECK(failures_of("max") == ""); }

TEST_CASE("var is exact far from zero and names what it cannot do") {
    auto const x = Tensor(iota<float>(Shape{4}) + 1e6f);  // 0, 1, 2, 3 around a million
    CHECK(item(var(x)) == Approx(5.0 / 3).epsilon(1e-6));
    CHECK(item(var(x, 0)) == Approx(1.25).epsilon(1e-6));
    CHECK(var<0>(x, keep_dims).shape() == Shape{1});
    CHECK_THROWS_WITH(var<1>(ones(Shape{3, 1})), contains("var: 1 elements of (3, 1) with correction 1 have no variance"));
    CHECK(item(var(ones(Shape{3, 1}))) == 0);
}

TEST_CASE("max: the first maximum receives the gradient, NaN wins, nothing has no maximum") {
    auto const nan = std::numeric_limits<float>::quiet_NaN();
    auto const x = Variable(from_values(std::vector<float>{1, 7, 7, -2, 7}), true);
    auto const y = max(x);
    CHECK(item(y.value()) == 7);
    backward(y);
    CHECK(std::vector<float>(x.grad().data(), x.grad().data() + 5) == std::vector<float>{0, 1, 0, 0, 0});

    auto const with_nan = Variable(from_values(std::vector<float>{1, nan, 9, nan}), true);
    auto const z = max(with_nan);
    CHECK(std::isnan(item(z.value())));
    backward(z);
    CHECK(std::vector<float>(with_nan.grad().data(), with_nan.grad().data() + 4) == std::vector<float>{0, 1, 0, 0});

    auto const low = -std::numeric_limits<float>::infinity();
    CHECK(item(max(from_values(std::vector<float>{low, low}))) == low);
    CHECK_THROWS_AS(max<0>(Tensor<float, 2>(Shape{0, 3})), ShapeError);
    CHECK_THROWS_WITH(max(Tensor<float, 2>(Shape{0, 3})), contains("no maximum of no elements in (0, 3)"));
    CHECK(max<1>(Tensor<float, 2>(Shape{0, 3})).shape() == Shape{0});
}

TEST_CASE("the first of many maxima is found for any number of threads") {
    struct Restore {
        int before = num_threads();
        ~Restore() { set_num_threads(before); }
    } const restore;
    auto values = zeros(Shape{300, 1001});
    values(17, 3) = values(17, 4) = values(299, 1000) = 5;
    for (int threads : {1, 2, 4}) {
        set_num_threads(threads);
        auto const x = Variable(values.clone(), true);
        backward(max(x));
        CHECK(x.grad()(17, 3) == 1);
        CHECK(item(sum(x.grad())) == 1);
        auto const columns = Variable(values.clone(), true);
        backward(sum(max<0>(columns)));
        CHECK(columns.grad()(17, 3) == 1);
        CHECK(columns.grad()(0, 0) == 1);
        CHECK(columns.grad()(0, 4) == 0);
        CHECK(item(sum(columns.grad())) == 1001);
    }
}
}  // namespace reduce_max_test
