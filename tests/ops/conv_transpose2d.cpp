// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <support/values.hpp>
#include <tacet/ops/conv_transpose2d.hpp>
#include <cmath>

namespace conv_transpose2d_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// Every pixel of x adds its multiple of the kernel to y; in: x (N, H, W, C), w (C, O / groups, kh, kw) and, perhaps, b (O).
Array reference(Arrays const& in, ConvTranspose2dOptions const& o) {
    Array const &x = in[0], &w = in[1];
    auto const extent = [&](int d) {
        return (x.extent(d) - 1) * o.stride - 2 * o.padding + o.dilation * (w.extent(d + 1) - 1) + o.output_padding + 1;
    };
    Array y({x.extent(0), extent(1), extent(2), w.extent(1) * o.groups});
    if (in.size() > 2) for_each_index(y.shape, [&](Extents const& at) { y[at] = in[2][{at[3]}]; });
    for_each_index(x.shape, [&](Extents const& at) {
        auto const first = at[3] / (x.extent(3) / o.groups) * w.extent(1);
        for_each_index({w.extent(1), w.extent(2), w.extent(3)}, [&](Extents const& k) {
            auto const i = at[1] * o.stride + k[1] * o.dilation - o.padding, j = at[2] * o.stride + k[2] * o.dilation - o.padding;
            if (i >= 0 && i < y.extent(1) && j >= 0 && j < y.extent(2))
                y[{at[0], i, j, first + k[0]}] += x[at] * w[{at[3], k[0], k[1], k[2]}];
        });
    });
    return y;
}
double products(Shapes const& s) { return 2 * double(s[0][0] * s[0][1] * s[0][2] * count(s[1])); }
Case<4, weights(4), weights(1)> conv_case(std::string variant, ConvTranspose2dOptions const& o, std::vector<Shapes> shapes) {
    return Case<4, weights(4), weights(1)>({.name = "conv_transpose2d",
                          .variant = std::move(variant),
                          .reference = [o](Arrays const& in) { return reference(in, o); },
                          .shapes = std::move(shapes),
                          .bench = {.shapes = {{4, 32, 32, 48}, {48, 48, 2, 2}, {48}}, .flops = products}},
                         [o](auto const& x, auto const& w, auto const& b) { return conv_transpose2d(x, w, b, o); });
}
Case<4, weights(4), weights(1)> const cases[] = {
    conv_case("2x2, stride 2", {.stride = 2}, {{{1, 1, 1, 1}, {1, 1, 1, 1}, {1}}, {{2, 3, 4, 3}, {3, 2, 2, 2}, {2}}}),
    conv_case("3x3, output padding", {.stride = 2, .padding = 1, .output_padding = 1}, {{{1, 4, 3, 2}, {2, 3, 3, 3}, {3}}}),
    conv_case("dilation, groups", {.stride = 3, .padding = 1, .output_padding = 2, .dilation = 2, .groups = 2},
              {{{1, 3, 5, 4}, {4, 2, 3, 2}, {4}}}),
    conv_case("depthwise", {.padding = 1, .groups = 3}, {{{1, 4, 4, 3}, {3, 1, 3, 3}, {3}}}),
};
Case<4, weights(4)> const unbiased({.name = "conv_transpose2d",
                           .variant = "no bias",
                           .reference = [](Arrays const& in) { return reference(in, {.stride = 2}); },
                           .shapes = {{{1, 3, 2, 2}, {2, 2, 2, 2}}},
                           .bench = {.shapes = {{4, 32, 32, 48}, {48, 48, 2, 2}}, .flops = products}},
                          [](auto const& x, auto const& w) { return conv_transpose2d(x, w, {.stride = 2}); });

Array array_of(auto const& t) {
    Extents shape(t.shape().extent.begin(), t.shape().extent.end());
    Array a(shape);
    for (Index k = 0; k < t.size(); ++k) a.data[static_cast<std::size_t>(k)] = static_cast<double>(t.data()[k]);
    return a;
}
}  // namespace

TEST_CASE("conv_transpose2d: values, gradients, float") { CHECK(failures_of("conv_transpose2d") == ""); }

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
                        Array const want = reference({array_of(x.value()), array_of(w.value()), array_of(b.value())}, o);
                        double worst = 0;
                        for (Index i = 0; i < y.size(); ++i)
                            worst = std::max(worst,
                                             std::abs(static_cast<double>(y.value().data()[i]) - want.data[static_cast<std::size_t>(i)]));
                        INFO("k " << k << " stride " << stride << " dilation " << dilation << " groups " << groups << " c " << c);
                        CHECK(worst < 1e-4);
                    }
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

TEST_CASE("conv_transpose2d: the same bits for any number of threads") {
    auto const f = [](auto const& x, auto const& w, auto const& b) { return conv_transpose2d(x, w, b, {.stride = 2, .padding = 1}); };
    CHECK(same_bits_for_any_threads(f, Shape{2, 43, 37, 20}, Shape{20, 12, 3, 3}, Shape{12}));
}
}  // namespace conv_transpose2d_test
