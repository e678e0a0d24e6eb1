// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/dropout.hpp>
#include <tacet/tensor/factory.hpp>

namespace dropout_test {
using namespace tacet;
using namespace tacet::test;

namespace {
Rng generator() { return Rng(11, Purpose::dropout); }

Array reference(Arrays const& in) {
    Array y = in[0];
    auto rng = generator();
    for (double& v : y.data) v = rng.uniform() < 0.25f ? 0 : v / 0.75;
    return y;
}
Case<2> const quarter({.name = "dropout", .reference = reference, .shapes = {{{1, 1}}, {{3, 5}}, {{7, 1}}, {{2, 33}}, {{40, 30}}},
                       .bench = {.shapes = {{1024, 1024}}, .flops = [](Shapes const& s) { return double(count(s[0])); }, .backward = 1}},
                      [](auto const& x) {
                          auto rng = generator();
                          return dropout(x, 0.25f, rng);
                      });
}  // namespace

TEST_CASE("dropout: values, gradients, float") { CHECK(failures_of("dropout") == ""); }

TEST_CASE("dropout keeps the mean, drops the share asked for, and moves the generator on") {
    auto rng = generator();
    auto const y = dropout(ones(Shape{100'000}), 0.3f, rng);
    Index zeros_found = 0;
    double sum = 0;
    for (Index k = 0; k < y.size(); ++k) zeros_found += y(k) == 0, sum += static_cast<double>(y(k));
    CHECK(static_cast<double>(zeros_found) == Approx(30'000).epsilon(0.02));  // the standard deviation is 145
    CHECK(sum == Approx(100'000).epsilon(0.01));
    CHECK(rng.position() == 100'000);
    auto const again = dropout(ones(Shape{100'000}), 0.3f, rng);
    Index same = 0;
    for (Index k = 0; k < y.size(); ++k) same += (y(k) == 0) == (again(k) == 0);
    CHECK(static_cast<double>(same) == Approx(58'000).epsilon(0.02));  // 0.3^2 + 0.7^2
}

TEST_CASE("dropout does nothing in evaluation, and everything at p = 1") {
    auto rng = generator();
    auto const x = iota(Shape{5});
    CHECK(dropout(x, 0.5f, rng, false).data() == x.data());
    CHECK(dropout(x, 0, rng).data() == x.data());
    CHECK(rng.position() == 0);
    auto const gone = dropout(x, 1, rng);
    for (Index k = 0; k < 5; ++k) CHECK(gone(k) == 0);
    CHECK_THROWS_WITH(dropout(x, 1.5f, rng), contains("probability 1.5"));
    CHECK_THROWS_AS(dropout(x, -0.5f, rng), Error);
}

TEST_CASE("dropout does not depend on the number of threads") {
    struct Restore {
        int before = num_threads();
        ~Restore() { set_num_threads(before); }
    } const restore;
    auto const x = ones(Shape{77'777});
    auto const bits = [&](int threads) {
        set_num_threads(threads);
        auto rng = generator();
        rng.set_position(3);
        auto const y = dropout(x, 0.5f, rng);
        return std::vector<float>(y.data(), y.data() + y.size());
    };
    auto const one = bits(1);
    CHECK(bits(2) == one);
    CHECK(bits(4) == one);
}
}  // namespace dropout_test
