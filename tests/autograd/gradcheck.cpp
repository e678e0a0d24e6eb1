// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/checkpoint.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/tensor/factory.hpp>

namespace gradcheck_test {
using namespace tacet;
using tacet::test::contains;

namespace {
Variable<double, 2> leaf(double low) { return Variable(Tensor(iota<double>(Shape{2, 3}) * 0.3 + low), true); }

/// x * w, with what is delivered to w scaled by `mistake`.
auto product(Variable<double, 2> const& x, Variable<double, 2> const& w, double mistake) {
    Tensor<double, 2> y(x * w);
    return record(y, [x, w, mistake](Tensor<double, 2> const& gy) {
        deliver(x.slot(), Tensor<double, 2>(gy * w.value()));
        deliver(w.slot(), Tensor<double, 2>(gy * x.value() * mistake));
    }, x, w);
}
}  // namespace

TEST_CASE("gradcheck accepts what is right and leaves the inputs as they were") {
    auto const x = leaf(0.1), w = leaf(-0.7);
    auto const before = x.value().clone();
    CHECK(gradcheck([](auto const& a, auto const& b) { return product(a, b, 1); }, x, w));
    CHECK(gradcheck([](auto const& a) { return exp(a) / (1 + a * a); }, x));
    for (Index k = 0; k < 6; ++k) CHECK(x.value().data()[k] == before.data()[k]);
}

TEST_CASE("gradcheck names the input, the element and both numbers") {
    auto const x = leaf(0.1), w = leaf(-0.7);
    CHECK_THROWS_AS(gradcheck([](auto const& a, auto const& b) { return product(a, b, 1.01); }, x, w), Error);
    CHECK_THROWS_WITH(gradcheck([](auto const& a, auto const& b) { return product(a, b, 1.01); }, x, w),
                      contains("gradcheck: input 1 of shape (2, 3), element ") && contains("finite differences give"));
    // A mistake within the tolerance passes; with a smaller tolerance it does not.
    CHECK(gradcheck([](auto const& a, auto const& b) { return product(a, b, 1.0005); }, x, w));
    auto const slightly_wrong = [](auto const& a, auto const& b) { return product(a, b, 1.0005); };
    CHECK_THROWS_AS(gradcheck(slightly_wrong, {.atol = 1e-7, .rtol = 1e-5}, x, w), Error);
}

TEST_CASE("gradcheck notices a gradient that never arrives") {
    auto const x = leaf(0.1);
    auto const forgetful = [](Variable<double, 2> const& a) {
        return record(Tensor<double, 2>(a * 2), [](Tensor<double, 2> const&) {}, a);
    };
    CHECK_THROWS_WITH(gradcheck(forgetful, x), contains("the gradient is 0, finite differences give"));
}

TEST_CASE("gradcheck does not look at inputs that require no gradient") {
    auto const x = leaf(0.1);
    Variable const w(leaf(-0.7).value());
    CHECK(gradcheck([](auto const& a, auto const& b) { return product(a, b, 5); }, x, w));
}

TEST_CASE("checkpoint keeps its input and nothing between, and computes again in backward") {
    auto const x = leaf(0.2);
    int calls = 0;
    Tensor<double, 2> between;
    auto const f = [&](Variable<double, 2> const& v) {
        ++calls;
        Variable const inner = tanh(v * v);
        between = inner.value();
        return Variable(inner * v);
    };
    Variable const y = checkpoint(f, x);
    CHECK(calls == 1);
    CHECK(between.unique());  // no tape holds it
    CHECK(y.requires_grad());
    backward(y, ones<double>(Shape{2, 3}));
    CHECK(calls == 2);
    auto const g = x.grad().clone();
    x.zero_grad();
    Variable const direct = f(x);
    backward(direct, ones<double>(Shape{2, 3}));
    for (Index k = 0; k < 6; ++k) CHECK(x.grad().data()[k] == g.data()[k]);
    CHECK(gradcheck([&](auto const& v) { return checkpoint(f, v); }, x));
}

TEST_CASE("checkpoints nest, and record nothing inside NoGrad") {
    auto const x = leaf(0.2);
    auto const inner = [](Variable<double, 2> const& v) { return Variable(exp(v) * v); };
    auto const outer = [&](Variable<double, 2> const& v) { return Variable(checkpoint(inner, v) + v); };
    CHECK(gradcheck([&](auto const& v) { return checkpoint(outer, v); }, x));
    NoGrad const guard;
    CHECK_FALSE(checkpoint(outer, x).requires_grad());
}

TEST_CASE("NoGrad ends with its scope, also when an exception ends it") {
    auto const x = leaf(0.2);
    try {
        NoGrad const outer;
        { NoGrad const inner; }
        CHECK_FALSE(Variable(x * x).requires_grad());
        throw Error("out");
    } catch (Error const&) {
    }
    CHECK(Variable(x * x).requires_grad());
}
}  // namespace gradcheck_test
