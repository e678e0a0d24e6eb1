// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/ops/conv_transpose2d.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>
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

/// Every pixel of x adds its multiple of the kernel to y.
template <class T>
Tensor<double, 4> naive(Tensor<T, 4> const& x, Tensor<T, 4> const& w, Tensor<T, 1> const& b, ConvTranspose2dOptions const& o, Shape<4> ys) {
    auto y = zeros<double>(ys);
    for (Index k = 0; k < y.size(); ++k) y.data()[k] = static_cast<double>(b.data()[k % ys[3]]);
    Index const cg = x.shape()[3] / o.groups, og = w.shape()[1];
    for (Index k = 0; k < x.size(); ++k) {
        auto const at = unravel(k, x.shape());
        for (Index oc = 0; oc < og; ++oc)
            for (Index u = 0; u < w.shape()[2]; ++u)
                for (Index v = 0; v < w.shape()[3]; ++v) {
                    Index const i = at[1] * o.stride + u * o.dilation - o.padding, j = at[2] * o.stride + v * o.dilation - o.padding;
                    if (i < 0 || i >= ys[1] || j < 0 || j >= ys[2]) continue;
                    y(at[0], i, j, at[3] / cg * og + oc) += static_cast<double>(x.data()[k]) * static_cast<double>(w(at[3], oc, u, v));
                }
    }
    return y;
}
}  // namespace

TEST_CASE("conv_transpose2d spreads a pixel with the kernel") {
    auto x = zeros(Shape{1, 2, 2, 1});
    x(0, 0, 1, 0) = 2;
    Variable<float, 4> const w(iota(Shape{1, 1, 2, 2}));
    Variable const y = conv_transpose2d(Variable<float, 4>(x), w, {.stride = 2, .output_padding = 1});
    REQUIRE(y.shape() == Shape{1, 5, 5, 1});
    CHECK(y.value()(0, 0, 2, 0) == 0);
    CHECK(y.value()(0, 0, 3, 0) == 2);
    CHECK(y.value()(0, 1, 2, 0) == 4);
    CHECK(y.value()(0, 1, 3, 0) == 6);
    float sum = 0;
    for (Index k = 0; k < y.size(); ++k) sum += y.value().data()[k];
    CHECK(sum == 12);
}

TEST_CASE("conv_transpose2d agrees with the naive sum") {
    for (Index k : {1, 2, 3, 4, 5})
        for (Index stride : {1, 2, 3})
            for (Index dilation : {1, 2})
                for (Index groups : {1, 2, 4})
                    for (Index c : {4, 20}) {
                        ConvTranspose2dOptions const o{stride, k / 2, stride - 1, dilation, groups};
                        auto const x = random_variable<float>(Shape{Index(2), Index(5), Index(7), c}, 1, false);
                        auto const w = random_variable<float>(Shape{c, 4 / groups + 1, k, k}, 2, false);
                        auto const b = random_variable<float>(Shape{w.shape()[1] * groups}, 3, false);
                        Variable const y = conv_transpose2d(x, w, b, o);
                        auto const want = naive(x.value(), w.value(), b.value(), o, y.shape());
                        double worst = 0;
                        for (Index i = 0; i < y.size(); ++i)
                            worst = std::max(worst, std::abs(static_cast<double>(y.value().data()[i]) - want.data()[i]));
                        INFO("k " << k << " stride " << stride << " dilation " << dilation << " groups " << groups << " c " << c);
                        CHECK(worst < 1e-4);
                    }
}

TEST_CASE("conv_transpose2d: gradcheck") {
    auto const run = [](Shape<4> x, Shape<4> w, ConvTranspose2dOptions o) {
        auto const f = [o](auto const& a, auto const& k, auto const& b) { return conv_transpose2d(a, k, b, o); };
        INFO(to_string(x) + " * " + to_string(w));
        return gradcheck(f, random_variable(x, 1), random_variable(w, 2), random_variable(Shape{w[1] * o.groups}, 3));
    };
    CHECK(run({{1, 1, 1, 1}}, {{1, 1, 1, 1}}, {}));
    CHECK(run({{2, 3, 4, 3}}, {{3, 2, 2, 2}}, {.stride = 2}));
    CHECK(run({{1, 4, 3, 2}}, {{2, 3, 3, 3}}, {.stride = 2, .padding = 1, .output_padding = 1}));
    CHECK(run({{1, 3, 5, 4}}, {{4, 2, 3, 2}}, {.stride = 3, .padding = 1, .output_padding = 2, .dilation = 2, .groups = 2}));
    CHECK(run({{1, 4, 4, 3}}, {{3, 1, 3, 3}}, {.padding = 1, .groups = 3}));
    auto const unbiased = [](auto const& a, auto const& k) { return conv_transpose2d(a, k, {.stride = 2}); };
    CHECK(gradcheck(unbiased, random_variable(Shape{1, 3, 2, 2}, 1), random_variable(Shape{2, 2, 2, 2}, 2)));
}

TEST_CASE("conv_transpose2d: messages name both shapes") {
    auto const x = random_variable<float>(Shape{1, 4, 4, 3}, 1, false);
    auto const w = [](Index c, Index o, Index k) { return random_variable<float>(Shape{c, o, k, k}, 2, false); };
    CHECK(message_of([&] { conv_transpose2d(x, w(4, 5, 3)); })
          == "conv_transpose2d: x (1, 4, 4, 3) has 3 channels, but w (4, 5, 3, 3) takes 4");
    CHECK(message_of([&] { conv_transpose2d(x, w(3, 5, 3), {.groups = 2}); })
          == "conv_transpose2d: the 3 channels of x (1, 4, 4, 3) cannot be divided into 2 groups");
    CHECK(message_of([&] { conv_transpose2d(x, w(3, 5, 3), {.stride = 2, .output_padding = 2}); })
          == "conv_transpose2d: the output padding 2 is not between 0 and the stride 2, exclusive");
    CHECK(message_of([&] { conv_transpose2d(x, w(3, 5, 1), {.padding = 2}); })
          == "conv_transpose2d: nothing is left of x (1, 4, 4, 3) under w (3, 5, 1, 1) with padding 2");
    CHECK(message_of([&] { conv_transpose2d(x, w(3, 2, 3), random_variable<float>(Shape{3}, 1), {.groups = 3}); })
          == "conv_transpose2d: w (3, 2, 3, 3) with 3 group(s) has 6 output channels, but b has the shape (3)");
}
