// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/grouped.hpp>
#include <support/op_case.hpp>
#include <tacet/nn/parameter.hpp>
#include <tacet/ops/reduce.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>

namespace reduce_test {
using namespace tacet;
using namespace tacet::test;

namespace {
std::vector<Shapes> const cubes{{{1, 1, 1}}, {{3, 5, 7}}, {{2, 1, 9}}, {{4, 3, 1}}, {{1, 33, 17}}};
std::vector<Shapes> const pairs{{{1, 1}, {1}}, {{3, 5}, {5}}, {{7, 2}, {1}}, {{1, 9}, {9}}, {{17, 3}, {3}}};
Bench const image{.shapes = {{8, 128, 128 * 16}}, .flops = [](Shapes const& s) { return double(count(s[0])); }};
Bench const rows{.shapes = {{512, 512}, {512}}, .flops = [](Shapes const& s) { return 3 * double(count(s[0])); }};

Case<3> const sum_all({.name = "sum", .variant = "all", .reference = by(total, {true, true, true}), .shapes = cubes, .bench = image},
                      [](auto const& x) { return sum(x); });
Case<3> const sum_outer({.name = "sum", .variant = "outer axes", .reference = by(total, {true, true, false}), .shapes = cubes,
                         .bench = image},
                        [](auto const& x) { return sum<0, 1>(x); });
Case<2, 1> const sum_expression({.name = "sum", .variant = "an expression's last axis", .reference = of_product(total, {false, true}),
                                 .shapes = pairs, .bench = rows},
                                [](auto const& x, auto const& w) { return sum<-1>(exp(x) * w); });
Case<3> const mean_kept({.name = "mean", .variant = "middle axis kept", .reference = by(average, {false, true, false}, true),
                         .shapes = cubes, .bench = image},
                        [](auto const& x) { return mean<1>(x, keep_dims); });
Case<2, 1> const mean_expression({.name = "mean", .variant = "an expression", .reference = of_product(average, {true, true}),
                                  .shapes = pairs, .bench = rows},
                                 [](auto const& x, auto const& w) { return mean(exp(x) * w); });
}  // namespace

TEST_CASE("sum: values, gradients, float") { CHECK(failures_of("sum") == ""); }
TEST_CASE("mean: values, gradients, float") { CHECK(failures_of("mean") == ""); }

TEST_CASE("the result of a reduction has the rank that the axes say") {
    auto const x = iota(Shape{2, 3, 4});
    static_assert(std::is_same_v<decltype(sum(x)), Tensor<float, 0>>);
    static_assert(std::is_same_v<decltype(sum<1, 2>(x)), Tensor<float, 1>>);
    static_assert(std::is_same_v<decltype(mean<-1>(x)), Tensor<float, 2>>);
    static_assert(std::is_same_v<decltype(mean<-1>(x * 2, keep_dims)), Tensor<float, 3>>);
    static_assert(std::is_same_v<decltype(sum(Variable(x) + x)), Variable<float, 0>>);
    CHECK(item(sum(x)) == 276);
    CHECK(sum<1, 2>(x)(0) == 66);
    CHECK(sum<1, 2>(x)(1) == 210);
    CHECK(sum<-1, 0>(x).shape() == Shape{3});
    CHECK(sum(x, keep_dims).shape() == Shape{1, 1, 1});
    CHECK(sum<1>(x, keep_dims).shape() == Shape{2, 1, 4});
    CHECK(mean<0>(x)(2, 3) == 17);
}

TEST_CASE("rank 0, empty tensors and parameters can be reduced") {
    CHECK(item(sum(full(Shape<0>{}, 3.f))) == 3);
    CHECK(item(mean(full(Shape<0>{}, 3.f) * 2)) == 6);
    Tensor<float, 2> const none(Shape{0, 3});
    CHECK(item(sum(none)) == 0);
    CHECK(sum<0>(none)(2) == 0);
    CHECK(sum<1>(none).shape() == Shape{0});
    CHECK(mean<1>(none).shape() == Shape{0});
    CHECK_THROWS_AS(mean<0>(none), ShapeError);
    CHECK_THROWS_WITH(mean(none), contains("no elements to average in (0, 3)"));
    Parameter<float, 1> const p(iota(Shape{4}));
    backward(sum(p));
    CHECK(p.grad()(3) == 1);
    p.zero_grad();
    backward(mean(p * p));
    CHECK(p.grad()(3) == 1.5f);
}

TEST_CASE("sums are formed in double: ten million tenths") {
    CHECK(item(sum(full(Shape{10'000'000}, 0.1f))) == Approx(10'000'000 * double(0.1f)).epsilon(1e-7));
    CHECK(item(mean(full(Shape{100, 100'000}, 0.1f))) == 0.1f);
}

TEST_CASE("a sum of one variable keeps nothing of it") {
    auto x = Variable(iota(Shape{100}), true);
    auto const y = [&] {
        auto const again = sum(x);
        CHECK(x.value().unique());
        return again;
    }();
    backward(y);
    CHECK(x.grad()(99) == 1);
}

TEST_CASE("reductions give the same bits for any number of threads") {
    struct Restore {
        int before = num_threads();
        ~Restore() { set_num_threads(before); }
    } const restore;
    Rng rng(5);
    for (Shape<3> const shape : {Shape{1, 1, 1}, Shape{63, 65, 37}, Shape{7, 311, 129}, Shape{200'001, 1, 3}}) {
        auto const x = Variable(randn(shape, rng), true);
        auto const w = Variable(randn(Shape{shape[2]}, rng), true);
        auto const bits = [&](int threads) {
            set_num_threads(threads);
            x.zero_grad(), w.zero_grad();
            auto const y = sum<0, 1>(gelu(x * w));
            backward(sum(y * y));
            std::vector<float> all(y.value().data(), y.value().data() + y.size());
            all.push_back(item(mean(x.value())));
            all.insert(all.end(), w.grad().data(), w.grad().data() + w.size());
            all.insert(all.end(), x.grad().data(), x.grad().data() + x.size());
            return all;
        };
        auto const one = bits(1);
        CHECK(bits(2) == one);
        CHECK(bits(4) == one);
    }
}
}  // namespace reduce_test
