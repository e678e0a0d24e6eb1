// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/drop_path.hpp>

namespace drop_path_test {
using namespace tacet;
using namespace tacet::test;

namespace {
Rng generator() { return Rng(11, Purpose::dropout); }

Array reference(Arrays const& in) {
    Array y = in[0];
    auto rng = generator();
    std::ptrdiff_t const size = y.size() / y.extent(0);
    for (std::ptrdiff_t n = 0; n < y.extent(0); ++n) {
        bool const dropped = rng.uniform() < 0.4f;
        for (std::ptrdiff_t k = 0; k < size; ++k) {
            double& v = y.data[static_cast<std::size_t>(n * size + k)];
            v = dropped ? 0 : v / (1 - static_cast<double>(0.4f));
        }
    }
    return y;
}
Case<3> const two_fifths({.name = "drop_path", .reference = reference, .shapes = {{{1, 1, 1}}, {{3, 5, 2}}, {{7, 1, 3}}, {{2, 3, 4}}, {{9, 2, 2}}},
                          .bench = {.shapes = {{8, 4096, 60}}, .flops = [](Shapes const& s) { return double(count(s[0])); }, .backward = 1}},
                         [](auto const& x) {
                             auto rng = generator();
                             return drop_path(x, 0.4f, rng);
                         });
}  // namespace

TEST_CASE("drop_path: values, gradients, float") { CHECK(failures_of("drop_path") == ""); }

TEST_CASE("drop_path drops whole samples, keeps the mean, and moves the generator on by samples") {
    auto rng = generator();
    Variable const y = drop_path(Variable(ones(Shape{20'000, 3})), 0.3f, rng);
    Index dropped = 0;
    double sum = 0;
    for (Index n = 0; n < 20'000; ++n) {
        CHECK((y.value()(n, 0) == y.value()(n, 1) && y.value()(n, 1) == y.value()(n, 2)));
        dropped += y.value()(n, 0) == 0, sum += static_cast<double>(y.value()(n, 0));
    }
    CHECK(static_cast<double>(dropped) == Approx(6'000).epsilon(0.05));  // the standard deviation is 65
    CHECK(sum == Approx(20'000).epsilon(0.02));
    CHECK(rng.position() == 20'000);
}

TEST_CASE("drop_path does nothing in evaluation, and drops everything at p = 1") {
    auto rng = generator();
    Variable const x(ones(Shape{3, 2}));
    CHECK(drop_path(x, 0.5f, rng, false).value().data() == x.value().data());
    CHECK(drop_path(x, 0, rng).value().data() == x.value().data());
    CHECK(rng.position() == 0);
    CHECK(drop_path(x, 1, rng).value()(2, 1) == 0);
    CHECK_THROWS_WITH(drop_path(x, 1.5f, rng), contains("probability 1.5"));
}
}  // namespace drop_path_test
