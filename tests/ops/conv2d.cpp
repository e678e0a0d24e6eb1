// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <support/values.hpp>
#include <tacet/autograd/checkpoint.hpp>
#include <tacet/ops/conv2d.hpp>
#include <atomic>
#include <optional>
#include <thread>

namespace conv2d_test {
using namespace tacet;
using namespace tacet::test;

namespace {
std::ptrdiff_t mirrored(std::ptrdiff_t i, std::ptrdiff_t n, PaddingMode mode) {
    if (mode == PaddingMode::Zero) return i >= 0 && i < n ? i : -1;
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}
/// Sums over the taps; in: x (N, H, W, C), w (O, C / groups, kh, kw) and, perhaps, b (O).
Array reference(Arrays const& in, Conv2dOptions const& o) {
    Array const &x = in[0], &w = in[1];
    auto const extent = [&](int d) { return (x.extent(d) + 2 * o.padding - o.dilation * (w.extent(d + 1) - 1) - 1) / o.stride + 1; };
    Array y({x.extent(0), extent(1), extent(2), w.extent(0)});
    for_each_index(y.shape, [&](Extents const& at) {
        if (in.size() > 2) y[at] = in[2][{at[3]}];
        auto const first = at[3] / (w.extent(0) / o.groups) * w.extent(1);
        for_each_index({w.extent(1), w.extent(2), w.extent(3)}, [&](Extents const& k) {
            auto const i = mirrored(at[1] * o.stride + k[1] * o.dilation - o.padding, x.extent(1), o.padding_mode);
            auto const j = mirrored(at[2] * o.stride + k[2] * o.dilation - o.padding, x.extent(2), o.padding_mode);
            if (i >= 0 && j >= 0) y[at] += x[{at[0], i, j, first + k[0]}] * w[{at[3], k[0], k[1], k[2]}];
        });
    });
    return y;
}
double products(Shapes const& s) { return 2 * double(s[0][0] * s[0][1] * s[0][2] * count(s[1])); }  // stride 1, same size
Case<4, weights(4), weights(1)> conv_case(std::string variant, Conv2dOptions const& o, std::vector<Shapes> shapes, Shapes bench) {
    return Case<4, weights(4), weights(1)>({.name = "conv2d",
                          .variant = std::move(variant),
                          .reference = [o](Arrays const& in) { return reference(in, o); },
                          .shapes = std::move(shapes),
                          .bench = {.shapes = std::move(bench), .flops = products}},
                         [o](auto const& x, auto const& w, auto const& b) { return conv2d(x, w, b, o); });
}
Case<4, weights(4), weights(1)> const cases[] = {
    conv_case("3x3", {.padding = 1},
              {{{1, 1, 1, 1}, {1, 1, 1, 1}, {1}},
               {{2, 5, 4, 3}, {4, 3, 3, 3}, {4}},
               {{1, 4, 7, 9}, {2, 9, 3, 3}, {2}},
               {{1, 3, 2, 2}, {17, 2, 3, 1}, {17}}},
              {{4, 64, 64, 48}, {48, 48, 3, 3}, {48}}),
    conv_case("stride 2", {.stride = 2, .padding = 1}, {{{1, 6, 7, 2}, {3, 2, 3, 2}, {3}}}, {{4, 64, 64, 48}, {48, 48, 3, 3}, {48}}),
    conv_case("stride, dilation, groups", {.stride = 3, .padding = 2, .dilation = 2, .groups = 2}, {{{1, 7, 6, 4}, {6, 2, 3, 3}, {6}}},
              {{1, 64, 64, 48}, {48, 24, 3, 3}, {48}}),
    conv_case("depthwise", {.padding = 1, .groups = 48}, {{{1, 3, 4, 48}, {48, 1, 3, 3}, {48}}}, {{4, 64, 64, 48}, {48, 1, 3, 3}, {48}}),
    conv_case("reflected", {.padding = 3, .padding_mode = PaddingMode::Reflect}, {{{2, 4, 5, 2}, {3, 2, 5, 5}, {3}}},
              {{1, 64, 64, 3}, {48, 3, 7, 7}, {48}}),
    conv_case("depthwise, reflected, stride 2", {.stride = 2, .padding = 2, .groups = 4, .padding_mode = PaddingMode::Reflect},
              {{{1, 6, 5, 4}, {4, 1, 3, 3}, {4}}}, {{1, 64, 64, 4}, {4, 1, 3, 3}, {4}}),
};
Case<4, weights(4)> const unbiased({.name = "conv2d",
                           .variant = "no bias",
                           .reference = [](Arrays const& in) { return reference(in, {}); },
                           .shapes = {{{1, 3, 4, 2}, {2, 2, 2, 2}}},
                           .bench = {.shapes = {{1, 256, 256, 64}, {64, 64, 3, 3}}, .flops = products}},
                          [](auto const& x, auto const& w) { return conv2d(x, w); });
/// A convolution and the activation that is part of it, a number's being `of_number`.
Case<4, weights(4), weights(1)> activated_case(std::string name, double (*of_number)(double), auto const& activation) {
    return Case<4, weights(4), weights(1)>({.name = std::move(name),
                          .variant = "of a convolution",
                          .reference = [of_number](Arrays const& in) {
                              Array y = reference(in, {.padding = 1});
                              for (double& v : y.data) v = of_number(v);
                              return y;
                          },
                          .shapes = {{{1, 1, 1, 1}, {1, 1, 1, 1}, {1}},
                                     {{2, 5, 4, 3}, {4, 3, 3, 3}, {4}},
                                     {{1, 4, 7, 9}, {2, 9, 3, 3}, {2}},
                                     {{1, 3, 2, 2}, {17, 2, 3, 3}, {17}},
                                     {{1, 3, 5, 16}, {16, 16, 3, 3}, {16}}},
                          .bench = {.shapes = {{4, 64, 64, 48}, {48, 48, 3, 3}, {48}}, .flops = products}},
                         [activation](auto const& x, auto const& w, auto const& b) { return activation(conv2d(x, w, b, {.padding = 1})); });
}
Case<4, weights(4), weights(1)> const rectified = activated_case("relu", [](double v) { return v > 0 ? v : 0; }, [](auto&& y) { return relu(std::move(y)); });
Case<4, weights(4), weights(1)> const leaky = activated_case("leaky_relu", [](double v) { return v > 0 ? v : 0.2 * v; },
                                           [](auto&& y) { return leaky_relu(std::move(y), 0.2); });

/// Rows [r, r + rows) and columns [c, c + cols) of the only image.
template <class T> Tensor<T, 4> crop(Tensor<T, 4> const& x, Index r, Index rows, Index c, Index cols) {
    Tensor<T, 4> y(Shape{Index(1), rows, cols, x.shape()[3]});
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j)
            for (Index k = 0; k < x.shape()[3]; ++k) y(0, i, j, k) = x(0, r + i, c + j, k);
    return y;
}
}  // namespace

TEST_CASE("conv2d: values, gradients, float") { CHECK(failures_of("conv2d") == ""); }
TEST_CASE("conv2d, activated: values, gradients, float") {
    CHECK(failures_of("relu") == "");
    CHECK(failures_of("leaky_relu") == "");
}

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
    bool const direct = GENERATE(true, false);
    std::optional<DirectConvolutions> guard;
    if (direct) guard.emplace();
    Index const step = direct ? 1 : 4;  // Winograd's method: places that are whole tiles apart
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
            Index const r = 5 / step * step, q = 44;  // a tile with a margin that covers the kernel
            Variable const tile = conv2d(Variable<float, 4>(crop(x.value(), r, 20, q, 50)), w, b, {.padding = 1});
            Index const m = step;
            CHECK(same_bits(crop(tile.value(), m, 20 - 2 * m, m, 48 - m), crop(y.value(), r + m, 20 - 2 * m, q + m, 48 - m)));
        }
}

TEST_CASE("conv2d: strided, grouped, depthwise and pointwise, the same bits for any number of threads") {
    auto const with = [](Conv2dOptions const& o) {
        return [o](auto const& x, auto const& w, auto const& b) { return conv2d(x, w, b, o); };
    };
    Shape const x{2, 41, 67, 24};
    CHECK(same_bits_for_any_threads(with({.stride = 2, .padding = 1}), x, Shape{20, 24, 3, 3}, Shape{20}));
    CHECK(same_bits_for_any_threads(with({.padding = 1, .groups = 2}), x, Shape{20, 12, 3, 3}, Shape{20}));
    CHECK(same_bits_for_any_threads(with({.padding = 1, .groups = 24}), x, Shape{24, 1, 3, 3}, Shape{24}));
    CHECK(same_bits_for_any_threads(with({}), x, Shape{20, 24, 1, 1}, Shape{20}));
}

TEST_CASE("DirectConvolutions holds for what its thread records while it lives, gradients included") {
    auto const x = random_variable<float>(Shape{1, 16, 16, 16}, 1), w = random_variable<float>(Shape{16, 16, 3, 3}, 2);
    auto const gradients = [&](Variable<float, 4> const& y) {
        x.zero_grad(), w.zero_grad();
        backward(y, y.value());
        return std::pair{x.grad(), w.grad()};
    };
    auto const record_direct = [&] {
        DirectConvolutions const guard;
        return conv2d(x, w, {.padding = 1});
    };
    auto const direct = record_direct(), fast = conv2d(x, w, {.padding = 1});
    CHECK_FALSE(same_bits(direct.value(), fast.value()));
    auto const [gx, gw] = gradients(direct);
    auto const [fast_gx, fast_gw] = gradients(fast);
    CHECK_FALSE(same_bits(gx, fast_gx));
    CHECK_FALSE(same_bits(gw, fast_gw));
    DirectConvolutions const guard;
    auto const again = conv2d(x, w, {.padding = 1});
    CHECK(same_bits(direct.value(), again.value()));
    auto const [again_gx, again_gw] = gradients(again);
    CHECK(same_bits(gx, again_gx));
    CHECK(same_bits(gw, again_gw));
    // What is computed again for the gradient is computed the same way, whatever holds by then.
    auto const checkpointed = checkpoint([&](auto const& input) { return conv2d(input, w, {.padding = 1}); }, x);
    DirectConvolutions const over(false);
    auto const [checkpoint_gx, checkpoint_gw] = gradients(checkpointed);
    CHECK(same_bits(gx, checkpoint_gx));
    CHECK(same_bits(gw, checkpoint_gw));
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
}  // namespace conv2d_test
