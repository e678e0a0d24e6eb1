// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/checkpoint.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/tensor/factory.hpp>

namespace variable_test {
using namespace tacet;

namespace {
Variable<double, 1> leaf(std::vector<double> const& values) { return Variable(from_values(values), true); }
}  // namespace

TEST_CASE("A graph of 300,000 steps neither overflows the stack in backward nor in destruction") {
    auto const x = leaf({1.0});
    Variable y = x;
    for (int i = 0; i < 300'000; ++i) y = Variable<double, 1>(y + 1e-6);
    REQUIRE(y.value()(0) == Approx(1.3));
    backward(y, ones<double>(Shape{1}));
    REQUIRE(x.grad()(0) == 1);
    Variable unused = x;
    for (int i = 0; i < 300'000; ++i) unused = Variable<double, 1>(unused * 1.0);  // dropped without a backward pass
}

TEST_CASE("Gradients of a variable used several times add up") {
    auto const x = leaf({3.0});
    Variable a = x * x;          // twice in one expression
    Variable b = a + x * 2.0;    // and once more
    Variable c = a * b;
    backward(c, ones<double>(Shape{1}));
    REQUIRE(x.grad()(0) == Approx(4 * 27 + 6 * 9));  // d(x^4 + 2 x^3)/dx
    Variable d = x * 5.0;
    backward(d, ones<double>(Shape{1}));             // leaves keep what they have
    REQUIRE(x.grad()(0) == Approx(4 * 27 + 6 * 9 + 5));
    x.zero_grad();
    REQUIRE(!x.has_grad());
    REQUIRE_THROWS_WITH(x.grad(), test::contains("has no gradient"));
}

TEST_CASE("A gradient that two slots share is not written to by either") {
    auto const x = leaf({1.0}), y = leaf({2.0});
    auto const g = full(Shape{1}, 1.0);
    x.slot()->accumulate(g);
    y.slot()->accumulate(g);
    x.slot()->accumulate(full(Shape{1}, 10.0));
    REQUIRE(x.grad()(0) == 11);
    REQUIRE(y.grad()(0) == 1);
    REQUIRE(g(0) == 1);
    REQUIRE_THROWS_WITH(x.slot()->accumulate(full(Shape{2}, 1.0)), test::contains("shape (2) arrived at a variable of shape (1)"));
}

TEST_CASE("A second backward pass through the same step is refused; so is one that leads nowhere") {
    auto const x = leaf({1.0});
    Variable y = exp(x);
    backward(y, ones<double>(Shape{1}));
    REQUIRE_THROWS_WITH(backward(y, ones<double>(Shape{1})), test::contains("twice"));
    Variable constant(ones<double>(Shape{1}));
    REQUIRE_THROWS_WITH(backward(constant, ones<double>(Shape{1})), test::contains("does not depend"));
}

TEST_CASE("NoGrad and detach cut the record") {
    auto const x = leaf({2.0});
    {
        NoGrad const guard;
        Variable y = x * x;
        REQUIRE(!y.requires_grad());
    }
    Variable y = x * x;
    REQUIRE(y.requires_grad());
    Variable z = y.detach() * x;
    backward(z, ones<double>(Shape{1}));
    REQUIRE(x.grad()(0) == 4);
}

TEST_CASE("Functions whose slope follows from the result keep the result, not the argument") {
    auto const x = leaf({-1.0, 2.0});
    Variable<double, 1> argument = x * 3.0;
    Tensor<double, 1> const held = argument.value();
    Variable y = relu(argument);
    argument = x;                       // only the tape could still hold the argument's value
    REQUIRE(held.unique());
    Variable<double, 1> other = x * 3.0;
    Tensor<double, 1> const kept = other.value();
    Variable z = gelu(other);
    other = x;
    REQUIRE_FALSE(kept.unique());       // an expression that needs its argument keeps it
    backward(y, ones<double>(Shape{2}));
    REQUIRE(x.grad()(0) == 0);
    REQUIRE(x.grad()(1) == 3);
}

TEST_CASE("Broadcast variables receive the sum over what they were repeated over") {
    Rng rng(1);
    Variable image(randn<double>(Shape{2, 3, 4, 5}, rng), true);
    Variable bias(randn<double>(Shape{5}, rng), true);
    Variable row(randn<double>(Shape{4, 1}, rng), true);
    Variable scalar(randn<double>(Shape<0>{}, rng), true);
    auto const f = [](auto const& a, auto const& b, auto const& c, auto const& d) {
        Variable y = tanh(a * b + c) * d;
        return y;
    };
    REQUIRE(gradcheck(f, image, bias, row, scalar));
}

TEST_CASE("Large broadcast sums are the same for any number of threads") {
    Rng rng(2);
    Variable image(randn(Shape{3, 101, 103, 7}, rng));
    Variable bias(randn(Shape{7}, rng), true);
    int const before = num_threads();
    std::vector<std::vector<float>> results;
    for (int threads : {1, 2, 4}) {
        set_num_threads(threads);
        bias.zero_grad();
        Variable y = gelu(image * bias);
        backward(y, y.value());
        results.emplace_back(bias.grad().data(), bias.grad().data() + 7);
    }
    set_num_threads(before);
    REQUIRE(results[0] == results[1]);
    REQUIRE(results[0] == results[2]);
}

TEST_CASE("Checkpointed functions give the same gradients, to their own parameters too") {
    auto const x = leaf({0.3, -0.4}), w = leaf({1.5, 0.5});
    auto const f = [&](Variable<double, 1> const& v) { Variable a = tanh(v * w); Variable b = a * v; return b; };
    Variable direct = f(x);
    backward(direct, ones<double>(Shape{2}));
    auto const gx = x.grad().clone(), gw = w.grad().clone();
    x.zero_grad(), w.zero_grad();
    Variable again = checkpoint(f, x);
    backward(again, ones<double>(Shape{2}));
    for (int k = 0; k < 2; ++k) REQUIRE((x.grad()(k) == gx(k) && w.grad()(k) == gw(k)));
    Variable const input(x.value());  // needs no gradient itself: the parameters still do
    w.zero_grad();
    Variable third = checkpoint(f, input);
    backward(third, ones<double>(Shape{2}));
    for (int k = 0; k < 2; ++k) REQUIRE(w.grad()(k) == gw(k));
}

TEST_CASE("gradcheck finds a wrong gradient and names it") {
    auto const x = leaf({0.5, 0.7});
    auto const wrong = [](Variable<double, 1> const& v) {
        Tensor<double, 1> y(v.value() * 2.0);
        return record(y, [slot = v.slot()](Tensor<double, 1> const& gy) { deliver(slot, Tensor<double, 1>(gy * 2.1)); }, v);
    };
    REQUIRE_THROWS_WITH(gradcheck(wrong, x), test::contains("input 0 of shape (2), element 0"));
}

TEST_CASE("Where a condition decides, only the chosen side receives a gradient, and NaN stays where it is") {
    auto const x = leaf({-1.0, 4.0});
    Variable y = where(x > 0, sqrt(x), 0.0 * x);
    backward(y, ones<double>(Shape{2}));
    REQUIRE(x.grad()(1) == 0.25);
    Tensor<double, 1> const with_nan = from_values(std::vector<double>{NAN, 1});
    Tensor r = relu(with_nan), m = max(with_nan, 0.0);
    REQUIRE((std::isnan(r(0)) && std::isnan(m(0)) && r(1) == 1));
}
}  // namespace variable_test
