// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/difference.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/cast.hpp>
#include <tacet/ops/reduce.hpp>
#include <tacet/tensor/factory.hpp>
#include <type_traits>

namespace cast_test {
using namespace tacet;
using test::relative_square;

TEST_CASE("cast carries gradients between types, and is x itself where nothing changes") {
    Rng rng(1);
    Variable const x(randn(Shape{5, 3}, rng), true);
    CHECK(cast<float>(x).slot() == x.slot());
    Variable const narrow = cast<BFloat16>(x);
    static_assert(std::is_same_v<decltype(narrow)::value_type, BFloat16>);
    Variable const wide = cast<double>(x);
    auto const g = randn(Shape{5, 3}, rng);
    backward(narrow, Tensor<BFloat16, 2>(cast<BFloat16>(g)));
    CHECK(relative_square(x.grad(), g) < 1e-5);
    x.zero_grad();
    backward(wide, Tensor<double, 2>(cast<double>(g)));
    CHECK(relative_square(x.grad(), g) == 0);
}

TEST_CASE("Expressions of numbers that are stored in 16 bits are computed in float, and stored as they were") {
    Rng rng(2);
    auto const values = randn(Shape{4, 6, 5}, rng);
    auto const shift = randn(Shape{5}, rng);
    auto const pass = [&]<class T>(T) {
        Variable<T, 3> const x(Tensor<T, 3>(cast<T>(values)), true);
        Variable<T, 1> const b(Tensor<T, 1>(cast<T>(shift)), true);
        Variable const y = gelu(x * 2 + 1) * x - b;
        static_assert(std::is_same_v<typename decltype(y)::value_type, T>);
        Variable const loss = mean(square(y));
        static_assert(std::is_same_v<typename decltype(loss)::value_type, float>);
        backward(loss);
        return std::tuple{Tensor<float, 3>(cast<float>(y.value())), Tensor<float, 3>(cast<float>(x.grad())),
                          Tensor<float, 1>(cast<float>(b.grad())), item(loss.value())};
    };
    auto const [y, gx, gb, loss] = pass(0.f);
    auto const [y16, gx16, gb16, loss16] = pass(BFloat16(0.f));
    CHECK(relative_square(y16, y) < 2e-5);
    CHECK(relative_square(gx16, gx) < 1e-4);
    CHECK(relative_square(gb16, gb) < 1e-4);
    CHECK(loss16 == Approx(loss).epsilon(5e-3));
    Tensor const below = Tensor<BFloat16, 3>(cast<BFloat16>(values)) < 0.f;
    static_assert(std::is_same_v<decltype(below)::value_type, bool>);
}
}  // namespace cast_test
