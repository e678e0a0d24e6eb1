// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/ops/conv2d.hpp>
#include <tacet/tensor/factory.hpp>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>

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
template <class T, int R> bool same_bits(Tensor<T, R> const& a, Tensor<T, R> const& b) {
    return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}
/// Rows [r, r + rows) and columns [c, c + cols) of the only image.
template <class T> Tensor<T, 4> crop(Tensor<T, 4> const& x, Index r, Index rows, Index c, Index cols) {
    Tensor<T, 4> y(Shape{Index(1), rows, cols, x.shape()[3]});
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j)
            for (Index k = 0; k < x.shape()[3]; ++k) y(0, i, j, k) = x(0, r + i, c + j, k);
    return y;
}
}  // namespace

TEST_CASE("conv2d of a known picture") {
    // x = 1 .. 9 in a square; w picks the right neighbour plus ten times the one below; b = 100.
    Variable<float, 4> const x(iota(Shape{1, 3, 3, 1}));
    auto w = zeros(Shape{1, 1, 3, 3});
    w(0, 0, 1, 2) = 1, w(0, 0, 2, 1) = 10;
    Variable<float, 1> const b(full(Shape{1}, 100.f));
    Variable const y = conv2d(x, Variable<float, 4>(w), b, {.padding = 1});
    REQUIRE(y.shape() == Shape{1, 3, 3, 1});
    CHECK(y.value()(0, 0, 0, 0) == 100 + 1 + 30);
    CHECK(y.value()(0, 1, 1, 0) == 100 + 5 + 70);
    CHECK(y.value()(0, 0, 2, 0) == 100 + 0 + 50);
    CHECK(y.value()(0, 2, 2, 0) == 100);
    Variable const r = conv2d(x, Variable<float, 4>(w), b, {.padding = 1, .padding_mode = PaddingMode::Reflect});
    CHECK(r.value()(0, 0, 2, 0) == 100 + 1 + 50);
    CHECK(r.value()(0, 2, 2, 0) == 100 + 7 + 50);
}

TEST_CASE("conv2d: extents with stride, padding and dilation") {
    auto const extents = [](Shape<4> x, Shape<4> w, Conv2dOptions o) {
        return conv2d(Variable<float, 4>(zeros(x)), Variable<float, 4>(zeros(w)), o).shape();
    };
    CHECK(extents({{2, 11, 8, 4}}, {{5, 4, 3, 3}}, {}) == Shape{2, 9, 6, 5});
    CHECK(extents({{2, 11, 8, 4}}, {{5, 4, 3, 3}}, {.stride = 2, .padding = 1}) == Shape{2, 6, 4, 5});
    CHECK(extents({{1, 11, 8, 4}}, {{6, 2, 3, 1}}, {.stride = 3, .dilation = 2, .groups = 2}) == Shape{1, 3, 3, 6});
    CHECK(extents({{0, 11, 8, 4}}, {{5, 4, 3, 3}}, {}) == Shape{0, 9, 6, 5});
}

TEST_CASE("conv2d: gradcheck over strides, dilations, groups and padding modes") {
    auto const run = [](Shape<4> x, Shape<4> w, Conv2dOptions o) {
        auto const f = [o](auto const& a, auto const& k, auto const& b) { return conv2d(a, k, b, o); };
        INFO(to_string(x) + " * " + to_string(w));
        return gradcheck(f, random_variable(x, 1), random_variable(w, 2), random_variable(Shape{w[0]}, 3));
    };
    CHECK(run({{1, 1, 1, 1}}, {{1, 1, 1, 1}}, {}));
    CHECK(run({{2, 5, 4, 3}}, {{4, 3, 3, 3}}, {.padding = 1}));
    CHECK(run({{1, 6, 7, 2}}, {{3, 2, 3, 2}}, {.stride = 2, .padding = 1}));
    CHECK(run({{1, 7, 6, 4}}, {{6, 2, 3, 3}}, {.stride = 3, .padding = 2, .dilation = 2, .groups = 2}));
    CHECK(run({{1, 5, 6, 5}}, {{5, 1, 3, 3}}, {.padding = 1, .groups = 5}));
    CHECK(run({{2, 4, 5, 2}}, {{3, 2, 5, 5}}, {.padding = 3, .padding_mode = PaddingMode::Reflect}));
    CHECK(run({{1, 6, 5, 4}}, {{4, 1, 3, 3}}, {.stride = 2, .padding = 2, .groups = 4, .padding_mode = PaddingMode::Reflect}));
    auto const unbiased = [](auto const& a, auto const& k) { return conv2d(a, k); };
    CHECK(gradcheck(unbiased, random_variable(Shape{1, 3, 4, 2}, 1), random_variable(Shape{2, 2, 2, 2}, 2)));
}

TEST_CASE("conv2d computes no gradient that nobody asked for") {
    auto const x = random_variable(Shape{1, 4, 4, 2}, 1, false);
    auto const w = random_variable(Shape{3, 2, 3, 3}, 2);
    auto const b = random_variable(Shape{3}, 3, false);
    Variable const y = conv2d(x, w, b);
    backward(y, ones<double>(y.shape()));
    CHECK(w.has_grad());
    CHECK_FALSE(x.has_grad());
    CHECK_FALSE(b.has_grad());
    CHECK_FALSE(conv2d(x, w.detach(), b).requires_grad());
}

TEST_CASE("conv2d: the bits of an output depend neither on its place in the image nor on the number of threads") {
    for (Index c : {3, 17, 48})
        for (Index o : {1, 3, 20}) {
            auto const x = random_variable<float>(Shape{Index(1), Index(37), Index(131), c}, 1),
                       w = random_variable<float>(Shape{o, c, Index(3), Index(3)}, 2);
            auto const b = random_variable<float>(Shape{o}, 3);
            int const before = num_threads();
            set_num_threads(1);
            Variable const y = conv2d(x, w, b, {.padding = 1});
            backward(y, y.value());
            auto const gx = x.grad();
            auto const gw = w.grad();
            x.zero_grad(), w.zero_grad();
            set_num_threads(3);
            Variable const again = conv2d(x, w, b, {.padding = 1});
            backward(again, again.value());
            set_num_threads(before);
            CHECK(same_bits(y.value(), again.value()));
            CHECK(same_bits(gx, x.grad()));
            CHECK(same_bits(gw, w.grad()));
            Index const r = 5, q = 44;  // a tile with a margin that covers the kernel
            Variable const tile = conv2d(Variable<float, 4>(crop(x.value(), r, 20, q, 50)), w, b, {.padding = 1});
            CHECK(same_bits(crop(tile.value(), 1, 18, 1, 48), crop(y.value(), r + 1, 18, q + 1, 48)));
        }
}

TEST_CASE("conv2d runs on several application threads at once, and inside tasks") {
    auto const x = random_variable<float>(Shape{1, 33, 40, 16}, 1, false), w = random_variable<float>(Shape{20, 16, 3, 3}, 2, false);
    auto const want = conv2d(x, w).value();
    std::atomic<int> wrong{0};
    auto const repeat = [&] {
        for (int i = 0; i < 20; ++i) wrong += !same_bits(conv2d(x, w).value(), want);
    };
    std::thread other(repeat);
    repeat();
    other.join();
    parallel_for(8, [&](Index) { wrong += !same_bits(conv2d(x, w).value(), want); });
    CHECK(wrong == 0);
}

TEST_CASE("conv2d: messages name both shapes") {
    auto const x = random_variable<float>(Shape{1, 8, 8, 3}, 1, false);
    auto const w = [](Index o, Index c, Index k) { return random_variable<float>(Shape{o, c, k, k}, 2, false); };
    CHECK(message_of([&] { conv2d(x, w(4, 5, 3)); })
          == "conv2d: x (1, 8, 8, 3) has 3 channels, but w (4, 5, 3, 3) with 1 group(s) takes 5");
    CHECK(message_of([&] { conv2d(x, w(4, 1, 3), {.groups = 3}); })
          == "conv2d: the 4 output channels of w (4, 1, 3, 3) cannot be divided into 3 groups");
    CHECK(message_of([&] { conv2d(x, w(4, 3, 9)); })
          == "conv2d: x (1, 8, 8, 3) with padding 0 is smaller than the kernel of w (4, 3, 9, 9) with dilation 1");
    CHECK(message_of([&] { conv2d(x, w(4, 3, 3), {.padding = 8, .padding_mode = PaddingMode::Reflect}); })
          == "conv2d: x (1, 8, 8, 3) is too small to be reflected by 8 pixels");
    CHECK(message_of([&] { conv2d(x, w(4, 3, 3), random_variable<float>(Shape{3}, 1)); })
          == "conv2d: w (4, 3, 3, 3) has 4 output channels, but b has the shape (3)");
    CHECK(message_of([&] { conv2d(x, w(4, 3, 0)); }) == "conv2d: w (4, 3, 0, 0) is empty");
    CHECK(message_of([&] { conv2d(x, w(4, 3, 3), {.stride = 0}); })
          == "conv2d: stride 0, padding 0, dilation 1, groups 1: only the padding may be 0, and none below");
}
