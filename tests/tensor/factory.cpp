// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>

namespace factory_test {
using namespace tacet;

TEST_CASE("constant tensors have the type of the value, or the one named") {
    static_assert(std::is_same_v<decltype(full(Shape{2}, 1.0)), Tensor<double, 1>>);
    static_assert(std::is_same_v<decltype(zeros(Shape{2, 2})), Tensor<float, 2>>);
    static_assert(std::is_same_v<decltype(ones<int>(Shape{2})), Tensor<int, 1>>);
    CHECK(full(Shape{2, 3}, 2.5)(1, 2) == 2.5);
    CHECK(zeros(Shape{3})(2) == 0);
    CHECK(ones<int>(Shape{3})(2) == 1);
    CHECK(zeros(Shape{0, 2}).size() == 0);
    CHECK(item(ones(Shape<0>{})) == 1);
}

TEST_CASE("iota and from_values") {
    auto const x = iota<int>(Shape{2, 3});
    CHECK(x(0, 2) == 2);
    CHECK(x(1, 2) == 5);
    auto const y = from_values(std::vector<double>{3, 1, 4});
    CHECK(y.shape() == Shape{3});
    CHECK(y(2) == 4);
    CHECK(from_values(std::vector<float>{}).size() == 0);
}

TEST_CASE("random tensors are the generator's values in order, and leave it after them") {
    Rng rng(9), same(9);
    auto const x = randn(Shape{5, 7}, rng);
    CHECK(rng.position() == 35);
    for (Index k = 0; k < 35; ++k) CHECK(x.data()[k] == same.normal());
    auto const u = uniform(Shape{1000}, rng, -2.f, 3.f);
    float low = 3, high = -2;
    for (Index k = 0; k < 1000; ++k) low = std::min(low, u(k)), high = std::max(high, u(k));
    CHECK(low >= -2);
    CHECK(low < -1.9f);
    CHECK(high < 3);
    CHECK(high > 2.9f);
    Rng a(9), b(9);
    auto const floats = randn(Shape{64}, a);
    auto const doubles = randn<double>(Shape{64}, b);
    for (Index k = 0; k < 64; ++k) CHECK(static_cast<double>(floats(k)) == doubles(k));
}

TEST_CASE("samples of the normal distribution have its moments") {
    Rng rng(10);
    auto const x = randn(Shape{200'000}, rng);
    double sum = 0, squares = 0;
    for (Index k = 0; k < x.size(); ++k) {
        auto const v = static_cast<double>(x(k));
        sum += v, squares += v * v;
    }
    CHECK(std::fabs(sum / 200'000) < 0.01);
    CHECK(squares / 200'000 == Approx(1).epsilon(0.02));
}
}  // namespace factory_test
