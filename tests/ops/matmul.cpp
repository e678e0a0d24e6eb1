// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/ops/matmul.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>
#include <cstring>
#include <string>

using namespace tacet;

namespace {
template <class T = double, int R> Variable<T, R> random_variable(Shape<R> const& shape, unsigned seed, bool requires_grad = true) {
    Rng rng(seed);
    return Variable<T, R>(randn<T>(shape, rng), requires_grad);
}
std::string message_of(auto&& f) {
    try {
        f();
    } catch (Error const& e) { return e.what(); }
    return "nothing thrown";
}
}  // namespace

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
        CHECK(std::memcmp(again.data(), c.data(), static_cast<std::size_t>(c.size()) * sizeof(float)) == 0);
    }
}

TEST_CASE("matmul: gradcheck") {
    auto const f = [](auto const& a, auto const& b) { return matmul(a, b); };
    CHECK(gradcheck(f, random_variable(Shape{1, 1}, 1), random_variable(Shape{1, 1}, 2)));
    CHECK(gradcheck(f, random_variable(Shape{3, 5}, 1), random_variable(Shape{5, 4}, 2)));
    CHECK(gradcheck(f, random_variable(Shape{7, 1}, 1), random_variable(Shape{1, 6}, 2)));
    CHECK(gradcheck(f, random_variable(Shape{2, 3, 4}, 1), random_variable(Shape{2, 4, 5}, 2)));
    CHECK(gradcheck(f, random_variable(Shape{3, 1, 2}, 1), random_variable(Shape{3, 2, 1}, 2, false)));
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
