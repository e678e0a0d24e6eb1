// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/expr/reduce.hpp>
#include <tacet/tensor/factory.hpp>

namespace reduce_test {
using namespace tacet;

namespace {
struct Threads {
    int before = num_threads();
    ~Threads() { set_num_threads(before); }
};
}  // namespace

TEST_CASE("sum_into adds up the dimensions along which the result has extent 1, or which it lacks") {
    auto const x = iota<double>(Shape{2, 3, 4});
    Tensor<double, 3> const all(Shape{1, 1, 1}), middle(Shape{2, 1, 4});
    Tensor<double, 2> const right(Shape{3, 4});
    Tensor<double, 1> const last(Shape{4});
    Tensor<double, 0> const number(Shape<0>{});
    sum_into(all, x), sum_into(middle, x), sum_into(right, x), sum_into(last, x), sum_into(number, x * 2);
    CHECK(all(0, 0, 0) == 276);
    CHECK(item(number) == 552);
    for (Index k = 0; k < 4; ++k) {
        CHECK(last(k) == 60 + 6 * static_cast<double>(k));
        for (Index j = 0; j < 3; ++j) CHECK(right(j, k) == x(0, j, k) + x(1, j, k));
        for (Index i = 0; i < 2; ++i) CHECK(middle(i, 0, k) == x(i, 0, k) + x(i, 1, k) + x(i, 2, k));
    }
}

TEST_CASE("a sum of nothing is 0, and a result that does not fit is a ShapeError") {
    Tensor<float, 1> const y(Shape{3});
    y.assign(7);
    sum_into(y, zeros(Shape{0, 3}));
    CHECK(y(0) == 0);
    CHECK(y(2) == 0);
    CHECK_THROWS_AS(sum_into(y, zeros(Shape{2, 4})), ShapeError);
    CHECK_THROWS_WITH(sum_into(y, zeros(Shape{2, 4})), tacet::test::contains("cannot broadcast (3) to (2, 4)"));
}

TEST_CASE("large sums are exact where the numbers are, with the same bits for any number of threads") {
    Threads const restore;
    Rng rng(4);
    for (Shape<2> const shape : {Shape{1, 1}, Shape{1, 1'000'003}, Shape{70'001, 3}, Shape{1003, 509}}) {
        auto const ones_here = ones(shape);
        auto const x = randn(shape, rng);
        Tensor<float, 0> const total(Shape<0>{}), noise(Shape<0>{});
        Tensor<float, 1> const columns(Shape{shape[1]}), sums(Shape{shape[1]});
        Tensor<float, 2> const rows(Shape{shape[0], 1});
        std::vector<float> one;
        for (int threads : {1, 2, 4}) {
            set_num_threads(threads);
            sum_into(total, ones_here), sum_into(columns, ones_here), sum_into(rows, ones_here);
            CHECK(item(total) == static_cast<float>(shape.size()));
            CHECK(columns(shape[1] - 1) == static_cast<float>(shape[0]));
            CHECK(rows(shape[0] - 1, 0) == static_cast<float>(shape[1]));
            sum_into(noise, x * x), sum_into(sums, exp(x));
            std::vector<float> bits(sums.data(), sums.data() + sums.size());
            bits.push_back(item(noise));
            if (threads == 1) one = bits;
            CHECK(bits == one);
        }
    }
}
}  // namespace reduce_test
