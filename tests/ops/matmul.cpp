// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <support/values.hpp>
#include <tacet/ops/matmul.hpp>
#include <cmath>

namespace matmul_test {
using namespace tacet;
using namespace tacet::test;

namespace {
Array reference(Arrays const& in) {
    Array const &a = in[0], &b = in[1];
    Extents shape = a.shape;
    shape.back() = b.extent(-1);
    Array c(shape);
    for_each_index(shape, [&](Extents const& at) {
        for (std::ptrdiff_t k = 0; k < a.extent(-1); ++k) {
            Extents i = at, j = at;
            i.back() = k, j[j.size() - 2] = k;
            c[at] += a[i] * b[j];
        }
    });
    return c;
}
double products(Shapes const& s) { return 2 * double(count(s[0]) * s[1].back()); }
Case<2, 2> const single({.name = "matmul",
                         .reference = reference,
                         .shapes = {{{1, 1}, {1, 1}}, {{3, 5}, {5, 4}}, {{7, 1}, {1, 6}}, {{9, 20}, {20, 33}}},
                         .bench = {.shapes = {{1024, 1024}, {1024, 1024}}, .flops = products}},
                        [](auto const& a, auto const& b) { return matmul(a, b); });
Case<3, 3> const batched({.name = "matmul",
                          .variant = "batched",
                          .reference = reference,
                          .shapes = {{{2, 3, 4}, {2, 4, 5}}, {{3, 1, 2}, {3, 2, 1}}},
                          .bench = {.shapes = {{384, 64, 30}, {384, 30, 64}}, .flops = products}},
                         [](auto const& a, auto const& b) { return matmul(a, b); });
}  // namespace

TEST_CASE("matmul: values, gradients, float") { CHECK(failures_of("matmul") == ""); }

TEST_CASE("matmul of known matrices") {
    Variable<float, 2> const a(iota(Shape{2, 3})), b(iota(Shape{3, 2}));  // (0 1 2; 3 4 5), (0 1; 2 3; 4 5)
    auto const c = matmul(a, b).value();
    REQUIRE(c.shape() == Shape{2, 2});
    CHECK(c(0, 0) == 10);
    CHECK(c(0, 1) == 13);
    CHECK(c(1, 0) == 28);
    CHECK(c(1, 1) == 40);
}

TEST_CASE("matmul agrees with sums in double, for any extents and any number of threads") {
    for (auto const [batch, m, n, k] : {std::array<Index, 4>{1, 1, 1, 1},
                                        {1, 1, 300, 7},
                                        {1, 300, 1, 17},
                                        {1, 130, 67, 45},
                                        {3, 5, 4, 6},
                                        {2, 70, 33, 129},
                                        {1, 500, 120, 60}}) {
        auto const a = random_variable<float>(Shape{batch, m, k}, 1, false), b = random_variable<float>(Shape{batch, k, n}, 2, false);
        auto const c = matmul(a, b).value();
        double worst = 0;
        for (Index i = 0; i < c.size(); ++i) {
            auto const at = unravel(i, c.shape());
            double sum = 0;
            for (Index l = 0; l < k; ++l)
                sum += static_cast<double>(a.value()(at[0], at[1], l)) * static_cast<double>(b.value()(at[0], l, at[2]));
            worst = std::max(worst, std::abs(sum - static_cast<double>(c.data()[i])));
        }
        CHECK(worst < 2e-6 * static_cast<double>(k + 4));
        int const before = num_threads();
        set_num_threads(before == 1 ? 3 : 1);
        auto const again = matmul(a, b).value();
        set_num_threads(before);
        CHECK(same_bits(again, c));
    }
}

TEST_CASE("matmul: an empty sum is zero, messages name both shapes") {
    auto const a = Variable<float, 2>(zeros(Shape{2, 0})), b = Variable<float, 2>(zeros(Shape{0, 3}));
    auto const c = matmul(a, b).value();
    REQUIRE(c.shape() == Shape{2, 3});
    CHECK(c(1, 2) == 0);
    CHECK(message_of([&] { matmul(a, Variable<float, 2>(zeros(Shape{3, 2}))); }) == "matmul: a (2, 0) and b (3, 2) do not fit");
    CHECK(message_of([&] {
              matmul(Variable<float, 3>(zeros(Shape{2, 2, 3})), Variable<float, 3>(zeros(Shape{1, 3, 2})));
          })
          == "matmul: a (2, 2, 3) and b (1, 3, 2) do not fit");
}
}  // namespace matmul_test
