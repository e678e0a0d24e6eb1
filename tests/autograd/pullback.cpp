// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/pullback.hpp>
#include <tacet/tensor/factory.hpp>

namespace pullback_test {
using namespace tacet;

namespace {
struct Threads {
    int before = num_threads();
    ~Threads() { set_num_threads(before); }
};
auto product(auto const& x, auto const& w) { return tanh(x * 0.1) * w + x; }
template <class T, int R> std::vector<T> elements(Tensor<T, R> const& t) { return std::vector<T>(t.data(), t.data() + t.size()); }
}  // namespace

TEST_CASE("a gradient of rank 0 stands for the same number everywhere") {
    auto const x = Variable(iota<double>(Shape{3, 4}), true), again = Variable(iota<double>(Shape{3, 4}), true);
    auto const w = Variable(iota<double>(Shape{4}), true), w2 = Variable(iota<double>(Shape{4}), true);
    pullback(product(x, w), full(Shape<0>{}, 0.5));
    pullback(product(again, w2), full(Shape{3, 4}, 0.5));
    CHECK(elements(x.grad()) == elements(again.grad()));
    CHECK(elements(w.grad()) == elements(w2.grad()));
}

TEST_CASE("only those variables receive a gradient that require one, broadcast or not") {
    auto const x = iota<double>(Shape{3, 4});
    auto const w = iota<double>(Shape{4});
    for (bool x_wants : {true, false})
        for (bool w_wants : {true, false}) {
            Variable const a(x, x_wants);
            Variable const b(w, w_wants);
            pullback(product(a, b), ones<double>(Shape{3, 4}));
            CHECK(a.has_grad() == x_wants);
            CHECK(b.has_grad() == w_wants);
            if (w_wants) CHECK(b.grad()(2) == Approx(std::tanh(0.2) + std::tanh(0.6) + std::tanh(1.0)));
            if (x_wants) CHECK(a.grad()(0, 0) == 1);
        }
}

TEST_CASE("a variable that stands several times in an expression collects from all places") {
    Variable const x(full(Shape{2, 3}, 3.0), true);
    Variable const y = x * x * x - x;
    backward(y, ones<double>(Shape{2, 3}));
    CHECK(x.grad()(1, 2) == 26);
    Variable const row(full(Shape{3}, 2.0), true);
    Variable const z = row * x.value() + row;
    backward(z, ones<double>(Shape{2, 3}));
    CHECK(row.grad()(0) == 2 * (3 + 1));
}

TEST_CASE("numbers, tensors and conditions in an expression have no gradient, variables in conditions none either") {
    Variable const x(iota<double>(Shape{4}), true), limit(full(Shape{4}, 1.5), true);
    Variable const y = where(x > limit, x * 3, limit * 0 + 1);
    backward(y, ones<double>(Shape{4}));
    CHECK(elements(x.grad()) == std::vector<double>{0, 0, 3, 3});
    CHECK(elements(limit.grad()) == std::vector<double>{0, 0, 0, 0});
    Variable const onlooker(full(Shape{4}, 1.5), true);
    Variable const z = where(onlooker > 1, x, 0);
    x.zero_grad();
    backward(z, ones<double>(Shape{4}));
    CHECK(x.grad()(3) == 1);
    CHECK_FALSE(onlooker.has_grad());
}

TEST_CASE("rank 0 and empty variables have gradients of their shape") {
    Variable const number(full(Shape<0>{}, 3.0), true);
    Variable const square_of = number * number;
    backward(square_of);
    CHECK(item(number.grad()) == 6);
    number.zero_grad();
    Variable const spread = number * full(Shape{2, 2}, 5.0);
    backward(spread, ones<double>(Shape{2, 2}));
    CHECK(item(number.grad()) == 20);
    Variable const none(zeros<double>(Shape{0, 3}), true);
    Variable const row(ones<double>(Shape{3}), true);
    Variable const empty = none * row;
    backward(empty, Tensor<double, 2>(Shape{0, 3}));
    CHECK(none.grad().shape() == Shape{0, 3});
    CHECK(elements(row.grad()) == std::vector<double>{0, 0, 0});
}

TEST_CASE("extents of 1 and repeated variables of all kinds, against plain loops") {
    Rng rng(3);
    auto const x = Variable(randn<double>(Shape{5, 1, 7}, rng), true);
    auto const w = Variable(randn<double>(Shape{3, 1}, rng), true);
    auto const b = Variable(randn<double>(Shape{1, 1, 1}, rng), true);
    auto const gy = randn<double>(Shape{5, 3, 7}, rng);
    Variable const y = x * w + b * x;
    REQUIRE(y.shape() == Shape{5, 3, 7});
    backward(y, gy);
    for (Index i = 0; i < 5; ++i)
        for (Index k = 0; k < 7; ++k) {
            double g = 0;
            for (Index j = 0; j < 3; ++j) g += gy(i, j, k) * (w.value()(j, 0) + b.value()(0, 0, 0));
            CHECK(x.grad()(i, 0, k) == Approx(g).margin(1e-12));
        }
    double gb = 0;
    for (Index j = 0; j < 3; ++j) {
        double gw = 0;
        for (Index i = 0; i < 5; ++i)
            for (Index k = 0; k < 7; ++k) gw += gy(i, j, k) * x.value()(i, 0, k), gb += gy(i, j, k) * x.value()(i, 0, k);
        CHECK(w.grad()(j, 0) == Approx(gw).margin(1e-12));
    }
    CHECK(b.grad()(0, 0, 0) == Approx(gb).margin(1e-12));
}

TEST_CASE("gradients have the same bits for any number of threads, in sizes around chunks and tasks") {
    Threads const restore;
    Rng rng(4);
    for (Shape<2> const shape : {Shape{1, 1}, Shape{1, 513}, Shape{513, 1}, Shape{129, 255}, Shape{3, 40'001}, Shape{40'001, 3}}) {
        Variable const x(randn(shape, rng), true);
        Variable const row(randn(Shape{shape[1]}, rng), true);
        Variable const column(randn(Shape{shape[0], 1}, rng), true);
        auto const gy = randn(shape, rng);
        auto const bits = [&](int threads) {
            set_num_threads(threads);
            x.zero_grad(), row.zero_grad(), column.zero_grad();
            pullback(tanh(x * row) * column, gy);
            auto all = elements(x.grad());
            for (float v : elements(row.grad())) all.push_back(v);
            for (float v : elements(column.grad())) all.push_back(v);
            return all;
        };
        auto const one = bits(1);
        CHECK(bits(2) == one);
        CHECK(bits(4) == one);
    }
}
}  // namespace pullback_test
