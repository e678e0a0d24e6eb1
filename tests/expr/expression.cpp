// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/tensor.hpp>

namespace expression_test {
using namespace tacet;
using tacet::test::contains;

namespace {
/// An expression whose operands are gone, but for their memory, which it keeps.
auto outlives_its_operands() {
    Tensor const x = iota(Shape{2, 3}) + 1.f;
    auto const local = full(Shape{3}, 10.f);
    return x * local + 1;
}
}  // namespace

TEST_CASE("an expression is a value: it computes nothing and outlives its operands") {
    auto const lazy = outlives_its_operands();
    auto const copy = lazy;
    Tensor const y = copy;
    CHECK(y(0, 0) == 11);
    CHECK(y(1, 2) == 61);
    auto nested = [] { return exp(outlives_its_operands() - outlives_its_operands()); }();
    CHECK(Tensor(nested)(1, 1) == 1);
}

TEST_CASE("an expression sees what its operands hold when it is computed") {
    auto const x = full(Shape{2}, 1.f);
    auto const lazy = x + 1;
    x.assign(5);
    CHECK(Tensor(lazy)(0) == 6);
}

TEST_CASE("ranks, shapes and types of expressions are known before they are computed") {
    auto const x = zeros<double>(Shape{4, 1, 3});
    auto const w = zeros<double>(Shape{2, 1});
    auto const lazy = x * w + 1;
    static_assert(decltype(lazy)::rank == 3);
    static_assert(std::is_same_v<decltype(lazy)::value_type, double>);
    static_assert(std::is_same_v<decltype(x < 1)::value_type, bool>);
    static_assert(std::is_same_v<decltype(cast<float>(x))::value_type, float>);
    static_assert(Expression<decltype(lazy)>);
    static_assert(!Expression<int>);
    static_assert(Operand<int>);
    CHECK(lazy.shape() == Shape{4, 2, 3});
    CHECK(Tensor(lazy).shape() == Shape{4, 2, 3});
}

TEST_CASE("operands are broadcast as in NumPy") {
    auto const column = iota(Shape{3, 1});
    auto const row = iota(Shape{4});
    Tensor const grid = column * 10.f + row;
    REQUIRE(grid.shape() == Shape{3, 4});
    for (Index i = 0; i < 3; ++i)
        for (Index j = 0; j < 4; ++j) CHECK(grid(i, j) == static_cast<float>(10 * i + j));
    Tensor const scalar = grid - full(Shape<0>{}, 1.f);
    CHECK(scalar(2, 3) == 22);
    Tensor const single = full(Shape{1, 1}, 2.f) * grid;
    CHECK(single(2, 3) == 46);
    Tensor const both = column - full(Shape{1, 4}, 1.f);
    CHECK(both.shape() == Shape{3, 4});
    CHECK(both(2, 0) == 1);
}

TEST_CASE("extents that do not fit are a ShapeError that names both shapes") {
    auto const a = zeros(Shape{2, 3}), b = zeros(Shape{2, 4});
    auto const c = zeros(Shape{3, 1, 1});
    CHECK_THROWS_AS(Tensor(a + b), ShapeError);
    CHECK_THROWS_WITH(Tensor(a + b), contains("cannot broadcast (2, 3) to (2, 4)"));
    CHECK_THROWS_WITH(Tensor(b * a), contains("cannot broadcast (2, 4) to (2, 3)"));
    CHECK_THROWS_WITH(a.assign(b + 1), contains("cannot broadcast (2, 4) to (2, 3)"));
    CHECK_THROWS_WITH(zeros(Shape{1, 3}).assign(a), contains("cannot broadcast (2, 3) to (1, 3)"));
    CHECK(Tensor(a + c).shape() == Shape{3, 2, 3});
}

TEST_CASE("rank 0 and empty tensors are operands like others") {
    auto const two = full(Shape<0>{}, 2.f);
    Tensor const four = two * two;
    static_assert(decltype(four)::rank == 0);
    CHECK(item(four) == 4);
    CHECK(item(Tensor(exp(two - 2))) == 1);
    auto const none = zeros(Shape{0, 3});
    CHECK(Tensor(none + 1).shape() == Shape{0, 3});
    CHECK(Tensor(none * full(Shape{3}, 2.f)).size() == 0);
    CHECK(Tensor(none + zeros(Shape{1, 1})).shape() == Shape{0, 3});
    CHECK_THROWS_AS(Tensor(none + zeros(Shape{2, 3})), ShapeError);
    CHECK(Tensor(zeros(Shape{2, 0}) + two).shape() == Shape{2, 0});
}

TEST_CASE("numbers take the element type of the other operands") {
    auto const x = full(Shape{3}, 1.0);
    CHECK(Tensor(x + 0.1)(0) == 1.1);
    CHECK(Tensor(x / 3)(0) == 1.0 / 3);
    CHECK(Tensor(1 - full(Shape{1}, 0.25f))(0) == 0.75f);
    CHECK(Tensor(max(x, 3))(0) == 3);
    CHECK(Tensor(where(x > 0, 7, x))(0) == 7);
    CHECK(Tensor(where(x > 0, 1, 2))(0) == 1);
    CHECK(Tensor(clamp(x, -1, 0.5))(0) == 0.5);
    CHECK(Tensor(cast<int>(x * 2.9))(0) == 2);
}

TEST_CASE("the slopes of leaky_relu and its like stay in the expression") {
    Tensor const y = leaky_relu(from_values(std::vector<float>{-10, 10}), 0.5);
    CHECK(y(0) == -5);
    CHECK(y(1) == 10);
}
}  // namespace expression_test
