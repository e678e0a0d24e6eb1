// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/pool.hpp>
#include <tacet/tensor/factory.hpp>
#include <limits>

namespace pool_test {
using namespace tacet;
using namespace tacet::test;

namespace {
struct Window {
    Index kernel, stride, padding;
};

/// Every element of y is `value` of the list of the elements of x in its window and of the number of places in the window.
auto pooled(Window w, auto value) {
    return [=](Arrays const& in) {
        Array const& x = in[0];
        Index const h = x.extent(1), wide = x.extent(2);
        auto const outputs = [&](Index n) { return (n + 2 * w.padding - w.kernel) / w.stride + 1; };
        Array y({x.extent(0), outputs(h), outputs(wide), x.extent(3)});
        for_each_index(y.shape, [&](Extents const& o) {
            std::vector<double> inside;
            for (Index i = 0; i < w.kernel; ++i)
                for (Index j = 0; j < w.kernel; ++j) {
                    Index const r = o[1] * w.stride + i - w.padding, c = o[2] * w.stride + j - w.padding;
                    if (r >= 0 && r < h && c >= 0 && c < wide) inside.push_back(x[{o[0], r, c, o[3]}]);
                }
            y[o] = value(inside, double(w.kernel * w.kernel));
        });
        return y;
    };
}
double largest(std::vector<double> const& v, double) { return *std::max_element(v.begin(), v.end()); }
double sum(std::vector<double> const& v) {
    double s = 0;
    for (double e : v) s += e;
    return s;
}
double mean_with_padding(std::vector<double> const& v, double places) { return sum(v) / places; }
double mean_without_padding(std::vector<double> const& v, double) { return sum(v) / double(v.size()); }

/// One value per channel of each image.
auto pooled_globally(auto value) {
    return [=](Arrays const& in) {
        Array const& x = in[0];
        Array y({x.extent(0), 1, 1, x.extent(3)});
        for_each_index(y.shape, [&](Extents const& o) {
            std::vector<double> all;
            for (Index i = 0; i < x.extent(1); ++i)
                for (Index j = 0; j < x.extent(2); ++j) all.push_back(x[{o[0], i, j, o[3]}]);
            y[o] = value(all, double(all.size()));
        });
        return y;
    };
}

std::string name_of(Window w) { return concat_text("kernel ", w.kernel, " stride ", w.stride, " padding ", w.padding); }
Bench const image{.shapes = {{{4, 128, 128, 48}}}, .flops = [](Shapes const& s) { return double(count(s[0])); }, .backward = 1};

Case<4> max_case(Window w, std::vector<Shapes> shapes) {
    return {{.name = "max_pool2d", .variant = name_of(w), .reference = pooled(w, largest), .shapes = std::move(shapes), .bench = image},
            [=](auto const& x) { return max_pool2d(x, w.kernel, w.stride, w.padding); }};
}
Case<4> avg_case(Window w, bool count_padding, std::vector<Shapes> shapes) {
    auto const reference = pooled(w, count_padding ? mean_with_padding : mean_without_padding);
    return {{.name = "avg_pool2d", .variant = name_of(w), .reference = reference, .shapes = std::move(shapes), .bench = image},
            [=](auto const& x) { return avg_pool2d(x, w.kernel, w.stride, w.padding, count_padding); }};
}

Case<4> const max_1 = max_case({1, 1, 0}, {{{1, 1, 1, 1}}, {{2, 3, 2, 5}}});
Case<4> const max_2 = max_case({2, 2, 0}, {{{1, 2, 2, 1}}, {{2, 5, 4, 3}}, {{1, 4, 7, 17}}, {{1, 3, 3, 40}}});
Case<4> const max_overlapping = max_case({3, 2, 1}, {{{1, 1, 1, 1}}, {{2, 5, 4, 2}}, {{1, 6, 5, 9}}, {{1, 2, 1, 3}}});
Case<4> const max_dense = max_case({3, 1, 1}, {{{1, 4, 5, 3}}, {{1, 5, 2, 18}}});
Case<4> const max_apart = max_case({2, 3, 0}, {{{1, 6, 8, 3}}, {{2, 2, 5, 1}}});

Case<4> const avg_1 = avg_case({1, 1, 0}, true, {{{1, 1, 1, 1}}, {{2, 3, 2, 5}}});
Case<4> const avg_2 = avg_case({2, 2, 0}, true, {{{1, 2, 2, 1}}, {{2, 5, 4, 3}}, {{1, 4, 7, 17}}});
Case<4> const avg_overlapping = avg_case({3, 2, 1}, true, {{{1, 1, 1, 1}}, {{2, 5, 4, 2}}, {{1, 6, 5, 9}}});
Case<4> const avg_inside = avg_case({3, 2, 1}, false, {{{1, 1, 1, 1}}, {{2, 5, 4, 2}}, {{1, 6, 5, 9}}});
Case<4> const avg_apart = avg_case({2, 3, 1}, false, {{{1, 6, 8, 3}}, {{2, 2, 5, 1}}});

std::vector<Shapes> const images{{{1, 1, 1, 1}}, {{2, 3, 2, 5}}, {{1, 7, 5, 3}}, {{3, 1, 4, 1}}, {{1, 2, 9, 70}}, {{1, 24, 17, 2}}};
Case<4> const global_avg({.name = "global_avg_pool", .reference = pooled_globally(mean_with_padding), .shapes = images, .bench = image},
                         [](auto const& x) { return global_avg_pool(x); });
Case<4> const global_max({.name = "global_max_pool", .reference = pooled_globally(largest), .shapes = images, .bench = image},
                         [](auto const& x) { return global_max_pool(x); });
}  // namespace

TEST_CASE("max_pool2d: values, gradients, float") { CHECK(failures_of("max_pool2d") == ""); }
TEST_CASE("avg_pool2d: values, gradients, float") { CHECK(failures_of("avg_pool2d") == ""); }
TEST_CASE("global_avg_pool: values, gradients, float") { CHECK(failures_of("global_avg_pool") == ""); }
TEST_CASE("global_max_pool: values, gradients, float") { CHECK(failures_of("global_max_pool") == ""); }

TEST_CASE("pooling computes what PyTorch does") {
    Shape const s{1, 5, 4, 1};
    CHECK(difference_from_torch([](auto const& x) { return max_pool2d(x, 3, 2, 1); },
                                {{0.75, 1.75, 2, 1.75, 2, 1.5}, {0, 0, 0, 0, -2, 0, 0, 1, 0, 0, 0, 0, 1.25, 0, 0, 0, 0, 0, 0, 0.75}}, s)
          == "");
    CHECK(difference_from_torch([](auto const& x) { return avg_pool2d(x, 3, 2, 1); },
                                {{-0.361111111, 0.027777778, 0.083333333, -0.083333333, 0, -0.138888889},
                                 {-0.222222222, -0.277777778, -0.055555556, -0.055555556, -0.305555556, -0.194444444, 0.111111111,
                                  0.111111111,  -0.083333333, 0.083333333,  0.166666667,  0.166666667,  0.138888889,  0.388888889,
                                  0.25,         0.25,         0.222222222,  0.305555556,  0.083333333,  0.083333333}}, s)
          == "");
    CHECK(difference_from_torch([](auto const& x) { return avg_pool2d(x, 3, 2, 1, false); },
                                {{-0.8125, 0.041666667, 0.125, -0.083333333, 0, -0.208333333},
                                 {-0.5,   -0.583333333, -0.083333333, -0.083333333, -0.625, -0.541666667, 0.083333333,
                                  0.083333333, -0.125, 0.041666667, 0.166666667, 0.166666667, 0.375, 0.666666667,
                                  0.291666667, 0.291666667, 0.5, 0.625, 0.125, 0.125}}, s)
          == "");
}

TEST_CASE("pooling: the first of equal elements gets the gradient, NaN and infinities survive") {
    Variable const ties(full(Shape{1, 2, 2, 20}, 3.f), true);
    Variable const y = max_pool2d(ties, 2);
    backward(y, full(y.shape(), 5.f));
    for (Index k = 0; k < ties.size(); ++k) CHECK(ties.grad().data()[k] == (k < 20 ? 5.f : 0.f));
    Variable const all(full(Shape{1, 2, 2, 3}, 3.f), true);
    backward(global_max_pool(all), full(Shape{1, 1, 1, 3}, 5.f));
    for (Index k = 0; k < all.size(); ++k) CHECK(all.grad().data()[k] == (k < 3 ? 5.f : 0.f));

    auto const nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    for (Index c : {1, 16, 19})
        for (Index where = 0; where < 4; ++where) {
            auto x = full(Shape<4>{{1, 2, 2, c}}, -infinity);
            CHECK(max_pool2d(Variable(x), 2).value()(0, 0, 0, c - 1) == -infinity);
            x(0, where / 2, where % 2, c - 1) = nan;
            CHECK(std::isnan(max_pool2d(Variable(x), 2).value()(0, 0, 0, c - 1)));
            CHECK(std::isnan(global_max_pool(Variable(x)).value()(0, 0, 0, c - 1)));
        }
}

TEST_CASE("pooling names the shapes that do not fit") {
    Variable const x(zeros(Shape{2, 5, 6, 3}));
    CHECK_THROWS_AS(max_pool2d(x, 7), ShapeError);
    CHECK_THROWS_WITH(max_pool2d(x, 7), "max_pool2d: a window of 7 x 7 does not fit into x (2, 5, 6, 3) with padding 0");
    CHECK_THROWS_WITH(avg_pool2d(x, 8, 1, 1), "avg_pool2d: a window of 8 x 8 does not fit into x (2, 5, 6, 3) with padding 1");
    CHECK_THROWS_WITH(max_pool2d(x, 17), "max_pool2d: kernel 17 is larger than 16");
    CHECK_THROWS_WITH(max_pool2d(x, 2, 2, 2), "max_pool2d: padding 2 is not between 0 and half the kernel 2");
    CHECK_THROWS_WITH(avg_pool2d(x, 2, 2, -1), "avg_pool2d: padding -1 is not between 0 and half the kernel 2");
    CHECK_THROWS_WITH(avg_pool2d(x, 0), "avg_pool2d: kernel 0 and stride 0 must be positive");
    CHECK_THROWS_WITH(avg_pool2d(x, 2, -1), "avg_pool2d: kernel 2 and stride -1 must be positive");
    Variable const empty(zeros(Shape{2, 0, 6, 3}));
    CHECK_THROWS_WITH(max_pool2d(empty, 2, 1, 1), contains("does not fit into x (2, 0, 6, 3)"));
    CHECK_THROWS_WITH(global_avg_pool(empty), "global_avg_pool: x (2, 0, 6, 3) has no pixels");
    CHECK_THROWS_WITH(global_max_pool(empty), "global_max_pool: x (2, 0, 6, 3) has no pixels");
    CHECK(max_pool2d(Variable(zeros(Shape{0, 4, 4, 3})), 2).shape() == Shape{0, 2, 2, 3});
    CHECK(global_avg_pool(Variable(zeros(Shape{0, 4, 4, 3}))).shape() == Shape{0, 1, 1, 3});
}

TEST_CASE("pooling: the same bits for any number of threads") {
    Shape const s{3, 61, 43, 19};
    CHECK(same_bits_for_any_threads([](auto const& x) { return max_pool2d(x, 3, 2, 1); }, s));
    CHECK(same_bits_for_any_threads([](auto const& x) { return avg_pool2d(x, 3, 1, 1); }, s));
    CHECK(same_bits_for_any_threads([](auto const& x) { return global_avg_pool(x); }, s));
    CHECK(same_bits_for_any_threads([](auto const& x) { return global_max_pool(x); }, s));
}
}  // namespace pool_test
