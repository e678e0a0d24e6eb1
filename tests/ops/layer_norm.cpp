// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/layer_norm.hpp>
#include <tacet/tensor/factory.hpp>

namespace layer_norm_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto normalized(double eps) {
    return [eps](Arrays const& in) {
        Array const& x = in[0];
        Array y(x.shape);
        auto const n = static_cast<double>(x.extent(-1));
        for_each_index(y.shape, [&](Extents const& i) {
            double mean = 0, squares = 0;
            Extents at = i;
            for (at.back() = 0; at.back() < x.extent(-1); ++at.back()) mean += x[at] / n;
            for (at.back() = 0; at.back() < x.extent(-1); ++at.back()) squares += (x[at] - mean) * (x[at] - mean) / n;
            y[i] = (x[i] - mean) / std::sqrt(squares + eps) * in[1][{i.back()}] + in[2][{i.back()}];
        });
        return y;
    };
}
Bench const tokens{.shapes = {{16384, 60}, {60}, {60}}, .flops = [](Shapes const& s) { return 8 * double(count(s[0])); }, .backward = 2};

Case<2, weights(1), weights(1)> const rows({.name = "layer_norm", .variant = "rows", .reference = normalized(1e-5),
                          .shapes = {{{1, 1}, {1}, {1}}, {{3, 5}, {5}, {5}}, {{7, 2}, {2}, {2}}, {{2, 16}, {16}, {16}},
                                     {{3, 33}, {33}, {33}}, {{40, 3}, {3}, {3}}, {{1, 60}, {60}, {60}}},
                          .gradient_floor = 1e-5,  // one or two elements, normalised: the gradient is what rounding leaves of 0
                          .bench = tokens},
                         [](auto const& x, auto const& w, auto const& b) { return layer_norm(x, w, b); });
Case<4, weights(1), weights(1)> const image({.name = "layer_norm", .variant = "images", .reference = normalized(0.1), .shapes = {{{2, 3, 2, 7}, {7}, {7}}},
                           .bench = {.shapes = {{1, 128, 128, 180}, {180}, {180}}, .backward = 2}},
                          [](auto const& x, auto const& w, auto const& b) { return layer_norm(x, w, b, 0.1); });
}  // namespace

TEST_CASE("layer_norm: values, gradients, float") { CHECK(failures_of("layer_norm") == ""); }

TEST_CASE("layer_norm computes what PyTorch does") {
    CHECK(difference_from_torch([](auto const& x, auto const& w, auto const& b) { return layer_norm(x, w, b); },
                                {{0.427853719, -0.291011043, 3.8130228, -0.573485158, 1.46359214, 0.029879246,
                                  -1.765918732, -0.630382061, 0.271073342, -1.819284439, -0.391146183, -1.95482111},
                                 {2.423477628, -0.054828964, -0.466179012, -1.57990848, 1.355242544, -1.677803715,
                                  -2.936170659, -0.492204246, 0.162997631, 0.734313897, 0.219109433, 2.311953943},
                                 {2.19377245, 2.200270281, -0.542048071, -1.049414483, 4.945968862, -0.879846025},
                                 {0, 1, -1.5, 1, 0, -0.25}}, Shape{2, 6}, Shape{6}, Shape{6})
          == "");
}

TEST_CASE("layer_norm is exact far from zero, in float") {
    Index const c = 61;
    auto const one = Variable(ones(Shape{c})), zero = Variable(zeros(Shape{c}));
    auto const x = Variable(Tensor(iota(Shape{1, c}) + 10000.f));  // mean 10030, variance (61^2 - 1) / 12 = 310
    auto const y = layer_norm(x, one, zero);
    for (Index k = 0; k < c; ++k) CHECK(y.value().data()[k] == Approx(double(k - 30) / std::sqrt(310 + 1e-5)).margin(2e-4));
    auto const flat = layer_norm(Variable(full(Shape{2, c}, 7.f)), one, one);
    for (Index k = 0; k < 2 * c; ++k) CHECK(flat.value().data()[k] == 1);
}

TEST_CASE("layer_norm names the shapes that do not fit") {
    Variable const x(zeros(Shape{2, 3, 4}));
    Variable const w(zeros(Shape{4})), wrong(zeros(Shape{3}));
    CHECK_THROWS_AS(layer_norm(x, wrong, w), ShapeError);
    CHECK_THROWS_WITH(layer_norm(x, wrong, w), "layer_norm: weight (3) and bias (4) do not fit the last extent of x (2, 3, 4)");
    CHECK_THROWS_WITH(layer_norm(x, w, wrong), "layer_norm: weight (4) and bias (3) do not fit the last extent of x (2, 3, 4)");
    CHECK(layer_norm(Variable(zeros(Shape{0, 4})), w, w).shape() == Shape{0, 4});
}

TEST_CASE("layer_norm: the same bits for any number of threads") {
    auto const f = [](auto const& x, auto const& w, auto const& b) { return layer_norm(x, w, b); };
    CHECK(same_bits_for_any_threads(f, Shape{3, 41, 43, 37}, Shape{37}, Shape{37}));
}
}  // namespace layer_norm_test
