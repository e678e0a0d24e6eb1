// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/upsample.hpp>
#include <tacet/tensor/factory.hpp>

namespace upsample_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto repeated(Index f) {
    return [f](Arrays const& in) {
        Extents const s = in[0].shape;
        Array y({s[0], s[1] * f, s[2] * f, s[3]});
        for_each_index(y.shape, [&](Extents const& o) { y[o] = in[0][{o[0], o[1] / f, o[2] / f, o[3]}]; });
        return y;
    };
}

/// The weight of element i of a line of n in element o of the line of m it becomes: a triangle around the place o comes from.
double triangle(Index o, Index m, Index i, Index n, bool align_corners) {
    double const aligned = m == 1 ? 0 : double(o) * double(n - 1) / double(m - 1);
    double const centred = (double(o) + 0.5) * double(n) / double(m) - 0.5;
    double const place = align_corners ? aligned : centred;
    double const inside = std::min(std::max(place, 0.0), double(n - 1));
    return std::max(0.0, 1 - std::fabs(inside - double(i)));
}
auto interpolated(auto height, auto width, bool align_corners) {
    return [=](Arrays const& in) {
        Array const& x = in[0];
        Array y({x.extent(0), height(x), width(x), x.extent(3)});
        for_each_index(y.shape, [&](Extents const& o) {
            for (Index i = 0; i < x.extent(1); ++i)
                for (Index j = 0; j < x.extent(2); ++j)
                    y[o] += triangle(o[1], y.extent(1), i, x.extent(1), align_corners)
                            * triangle(o[2], y.extent(2), j, x.extent(2), align_corners) * x[{o[0], i, j, o[3]}];
        });
        return y;
    };
}

std::vector<Shapes> const images{{{1, 1, 1, 1}}, {{2, 3, 2, 5}}, {{1, 4, 5, 3}}, {{1, 1, 3, 2}}, {{1, 3, 1, 17}}};
Bench const image{.shapes = {{{4, 64, 64, 48}}}, .flops = [](Shapes const& s) { return 4 * double(count(s[0])); }, .backward = 1};

Case<4> nearest_case(Index f) {
    return {{.name = "upsample_nearest", .variant = concat_text(f), .reference = repeated(f), .shapes = images, .bench = image},
            [f](auto const& x) { return upsample_nearest(x, f); }};
}
Case<4> factor_case(Index f, bool corners) {
    auto const height = [f](Array const& x) { return f * x.extent(1); };
    auto const width = [f](Array const& x) { return f * x.extent(2); };
    return {{.name = "upsample_bilinear", .variant = concat_text("factor ", f, corners ? " corners" : ""),
             .reference = interpolated(height, width, corners), .shapes = images, .bench = image},
            [=](auto const& x) { return upsample_bilinear(x, f, corners); }};
}
Case<4> size_case(Index h, Index w, bool corners) {
    auto const height = [h](Array const&) { return h; };
    auto const width = [w](Array const&) { return w; };
    return {{.name = "upsample_bilinear", .variant = concat_text("size ", h, " ", w, corners ? " corners" : ""),
             .reference = interpolated(height, width, corners), .shapes = images, .bench = image},
            [=](auto const& x) { return upsample_bilinear(x, Shape<2>{{h, w}}, corners); }};
}
Case<4> const nearest_1 = nearest_case(1), nearest_2 = nearest_case(2), nearest_3 = nearest_case(3);
Case<4> const by_1 = factor_case(1, false), by_2 = factor_case(2, false), by_2_corners = factor_case(2, true), by_3 = factor_case(3, false);
Case<4> const to_9_2 = size_case(9, 2, false), to_9_2_corners = size_case(9, 2, true), to_1_7 = size_case(1, 7, false),
              to_1_7_corners = size_case(1, 7, true), to_4_1 = size_case(4, 1, true);
}  // namespace

TEST_CASE("upsample_nearest: values, gradients, float") { CHECK(failures_of("upsample_nearest") == ""); }
TEST_CASE("upsample_bilinear: values, gradients, float") { CHECK(failures_of("upsample_bilinear") == ""); }

TEST_CASE("upsample_bilinear computes what PyTorch does") {
    CHECK(difference_from_torch([](auto const& x) { return upsample_bilinear(x, 2); },
                                {{-2, -1.5625, -0.6875, 0.1875, 1.0625, 1.5, -1.75, -1.3125, -0.4375, 0.171875, 0.515625, 0.6875,
                                  -1.25, -0.8125, 0.0625, 0.140625, -0.578125, -0.9375, -1, -0.5625, 0.3125, 0.125, -1.125, -1.75},
                                 {-0.796875, -0.25, -0.140625, -1.265625, 1.1875, 0.015625}}, Shape{1, 2, 3, 1})
          == "");
    CHECK(difference_from_torch([](auto const& x) { return upsample_bilinear(x, 2, true); },
                                {{-2, -1.3, -0.6, 0.1, 0.8, 1.5, -1.666666667, -0.966666667, -0.266666667, 0.15, 0.283333333, 0.416666667,
                                  -1.333333333, -0.633333333, 0.066666667, 0.2, -0.233333333, -0.666666667,
                                  -1, -0.3, 0.4, 0.25, -0.75, -1.75},
                                 {-1.2, -0.2, -0.266666667, -0.9, 1.2, 0.116666667}}, Shape{1, 2, 3, 1})
          == "");
    CHECK(difference_from_torch([](auto const& x) { return upsample_bilinear(x, Shape{5, 2}); },
                                {{-1.125, 0.25, -0.875, 0.5, -0.5, 0.875, -0.125, -0.025, 0.125, -0.625},
                                 {-1.225, -1.225, 0.2, 0.2, 1.25, 1.25, 0.975, 0.975, 0.225, 0.225, 0.2, 0.2}}, Shape{1, 3, 4, 1})
          == "");
    CHECK(difference_from_torch([](auto const& x) { return upsample_bilinear(x, Shape{5, 2}, true); },
                                {{-2, -1, -0.625, 0.375, 0.75, 1.75, 0, 1, -0.75, 0.25},
                                 {-2.375, 0, 0, 0.25, 2.625, 0, 0, 2.25, 0.25, 0, 0, 0.25}}, Shape{1, 3, 4, 1})
          == "");
}

TEST_CASE("upsampling repeats and blends pixels, not channels") {
    auto const x = Variable(from_values(std::vector<float>{0, 1, 4, 5}).reshape(Shape{1, 1, 2, 2}));
    CHECK(numbers_of(upsample_nearest(x, 2).value()) == Numbers{0, 1, 0, 1, 4, 5, 4, 5, 0, 1, 0, 1, 4, 5, 4, 5});
    CHECK(numbers_of(upsample_bilinear(x, Shape{1, 4}).value()) == Numbers{0, 1, 1, 2, 3, 4, 4, 5});
    CHECK(numbers_of(upsample_bilinear(x, Shape{1, 3}, true).value()) == Numbers{0, 1, 2, 3, 4, 5});
}

TEST_CASE("upsampling names what it cannot do") {
    Variable const x(zeros(Shape{2, 5, 6, 3})), empty(zeros(Shape{2, 0, 6, 3}));
    CHECK_THROWS_WITH(upsample_nearest(x, 0), "upsample_nearest: factor 0 is not positive");
    CHECK_THROWS_WITH(upsample_bilinear(x, -1), "upsample_bilinear: factor -1 is not positive");
    CHECK_THROWS_AS(upsample_bilinear(x, Shape{4, 0}), ShapeError);
    CHECK_THROWS_WITH(upsample_bilinear(x, Shape{4, 0}), "upsample_bilinear: from x (2, 5, 6, 3) to size (4, 0): there must be pixels");
    CHECK_THROWS_WITH(upsample_bilinear(empty, 2), "upsample_bilinear: from x (2, 0, 6, 3) to size (0, 12): there must be pixels");
    CHECK(upsample_nearest(empty, 2).shape() == Shape{2, 0, 12, 3});
}

TEST_CASE("upsampling: the same bits for any number of threads") {
    Shape const s{3, 37, 43, 19};
    CHECK(same_bits_for_any_threads([](auto const& x) { return upsample_nearest(x, 2); }, s));
    CHECK(same_bits_for_any_threads([](auto const& x) { return upsample_bilinear(x, 2); }, s));
    CHECK(same_bits_for_any_threads([](auto const& x) { return upsample_bilinear(x, Shape{50, 20}, true); }, s));
}
}  // namespace upsample_test
