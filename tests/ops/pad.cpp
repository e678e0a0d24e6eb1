// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/pad.hpp>
#include <tacet/tensor/factory.hpp>

namespace pad_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// Where a walk from 0 that turns round at both ends of [0, n) is after |i| steps; to the left it starts in the other direction.
Index walk_of(Index i, Index n) {
    Index at = 0, step = 1;
    if (n == 1) return 0;
    for (Index k = 0; k < std::abs(i); ++k) {
        if (at + step < 0 || at + step >= n) step = -step;
        at += step;
    }
    return at;
}
Index source(PadMode mode, Index i, Index n) {
    if (mode == PadMode::replicate) return std::min(std::max<Index>(i, 0), n - 1);
    if (mode == PadMode::reflect || mode == PadMode::bounce) return walk_of(i, n);
    return i < 0 || i >= n ? -1 : i;
}
auto padded(Padding p, PadMode mode, double value) {
    return [=](Arrays const& in) {
        Array const& x = in[0];
        Array y({x.extent(0), x.extent(1) + p.top + p.bottom, x.extent(2) + p.left + p.right, x.extent(3)});
        for_each_index(y.shape, [&](Extents const& o) {
            Index const i = source(mode, o[1] - p.top, x.extent(1)), j = source(mode, o[2] - p.left, x.extent(2));
            y[o] = i < 0 || j < 0 ? value : x[{o[0], i, j, o[3]}];
        });
        return y;
    };
}
auto cropped(Index top, Index left, Index height, Index width) {
    return [=](Arrays const& in) {
        Array y({in[0].extent(0), height, width, in[0].extent(3)});
        for_each_index(y.shape, [&](Extents const& o) { y[o] = in[0][{o[0], o[1] + top, o[2] + left, o[3]}]; });
        return y;
    };
}
Bench const image{.shapes = {{{4, 128, 128, 48}}}, .backward = 1};

Case<4> pad_case(Padding p, PadMode mode, std::vector<Shapes> shapes, double value = 0) {
    return {{.name = "pad", .variant = concat_text(p, ", mode ", static_cast<int>(mode)), .reference = padded(p, mode, value),
             .shapes = std::move(shapes), .bench = image},
            [=]<class T, class D>(Variable<T, 4, D> const& x) { return pad(x, p, mode, static_cast<T>(static_cast<Wide<T>>(value))); }};
}
Case<4> crop_case(Index top, Index left, Index height, Index width, std::vector<Shapes> shapes) {
    return {{.name = "crop", .variant = concat_text(top, " ", left, " ", height, " ", width),
             .reference = cropped(top, left, height, width), .shapes = std::move(shapes), .bench = {.shapes = {{{4, 128, 128, 48}}}}},
            [=](auto const& x) { return crop(x, top, left, height, width); }};
}
Padding const uneven{1, 3, 2, 0};
std::vector<Shapes> const images{{{1, 1, 1, 1}}, {{2, 3, 2, 5}}, {{1, 4, 5, 3}}, {{1, 1, 3, 17}}};
Case<4> const none = pad_case({}, PadMode::reflect, images);
Case<4> const zero = pad_case(uneven, PadMode::zero, images), constant = pad_case(uneven, PadMode::constant, images, 2.5),
              replicate = pad_case(uneven, PadMode::replicate, images), bounce = pad_case(uneven, PadMode::bounce, images),
              far = pad_case({9, 4, 3, 11}, PadMode::bounce, images);
Case<4> const reflect = pad_case({2, 3, 1, 4}, PadMode::reflect, {{{1, 4, 5, 1}}, {{2, 5, 6, 3}}});
Case<4> const everything = crop_case(0, 0, 1, 1, {{{1, 1, 1, 1}}, {{2, 4, 3, 2}}}),
              middle = crop_case(1, 2, 2, 3, {{{2, 4, 5, 3}}, {{1, 3, 6, 1}}, {{1, 3, 5, 18}}}),
              nothing = crop_case(2, 1, 0, 2, {{{1, 3, 3, 2}}});
Case<4> const undone({.name = "unpad",
                      .reference = [](Arrays const& in) { return cropped(1, 2, in[0].extent(1) - 1, in[0].extent(2) - 3)(in); },
                      .shapes = {{{1, 2, 4, 1}}, {{2, 3, 5, 3}}, {{1, 4, 4, 2}}, {{1, 2, 9, 1}}},
                      .bench = {.shapes = {{{4, 128, 128, 48}}}}},
                     [](auto const& x) { return unpad(x, {.top = 1, .left = 2, .right = 1}); });
Case<4> const undone_nothing({.name = "unpad", .variant = "nothing", .reference = [](Arrays const& in) { return in[0]; },
                              .shapes = {{{1, 1, 1, 1}}}, .bench = {.shapes = {{{4, 128, 128, 48}}}}},
                             [](auto const& x) { return unpad(x, {}); });
}  // namespace

TEST_CASE("pad: values, gradients, float") { CHECK(failures_of("pad") == ""); }
TEST_CASE("crop: values, gradients, float") { CHECK(failures_of("crop") == ""); }
TEST_CASE("unpad: values, gradients, float") { CHECK(failures_of("unpad") == ""); }

TEST_CASE("pad computes what PyTorch does") {
    Shape const s{1, 3, 3, 1};
    CHECK(difference_from_torch([](auto const& x) { return pad(x, {2, 1, 1, 2}, PadMode::reflect); },
                                {{1.75, 0, 1.75, -0.75, 1.75, 0, 0.75, -1, 0.75, -1.75, 0.75, -1, -0.25, -2, -0.25, 1.5, -0.25, -2,
                                  0.75, -1, 0.75, -1.75, 0.75, -1, 1.75, 0, 1.75, -0.75, 1.75, 0, 0.75, -1, 0.75, -1.75, 0.75, -1},
                                 {-2, -2.75, -1.75, 1.25, -2.75, 0.5, -2.25, -0.75, -0.5}}, s)
          == "");
    CHECK(difference_from_torch([](auto const& x) { return pad(x, {2, 1, 1, 2}, PadMode::replicate); },
                                {{-2, -2, -0.25, 1.5, 1.5, 1.5, -2, -2, -0.25, 1.5, 1.5, 1.5, -2, -2, -0.25, 1.5, 1.5, 1.5,
                                  -1, -1, 0.75, -1.75, -1.75, -1.75, 0, 0, 1.75, -0.75, -0.75, -0.75, 0, 0, 1.75, -0.75, -0.75, -0.75},
                                 {-0.75, -1.5, -4, -1.25, 1.5, 4.75, 0.75, -2.25, -8.25}}, s)
          == "");
}

TEST_CASE("pad: every mode on the line 1 2 3") {
    auto const x = Variable(from_values(std::vector<float>{1, 2, 3}).reshape(Shape{1, 1, 3, 1}));
    auto const line = [&](Index n, PadMode mode, float value = 9) { return numbers_of(pad(x, {0, 0, n, n}, mode, value).value()); };
    CHECK(line(2, PadMode::zero) == Numbers{0, 0, 1, 2, 3, 0, 0});
    CHECK(line(2, PadMode::constant) == Numbers{9, 9, 1, 2, 3, 9, 9});
    CHECK(line(2, PadMode::reflect) == Numbers{3, 2, 1, 2, 3, 2, 1});
    CHECK(line(2, PadMode::bounce) == Numbers{3, 2, 1, 2, 3, 2, 1});
    CHECK(line(5, PadMode::bounce) == Numbers{2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2});
    CHECK(line(2, PadMode::replicate) == Numbers{1, 1, 1, 2, 3, 3, 3});
}

TEST_CASE("pad: a tiny image can be padded to any size, and unpad takes it away again") {
    for (Index n : {1, 2, 5}) {
        Variable const x(iota(Shape<4>{{1, n, n, 3}}));
        auto const p = Padding::to_multiple(x.shape(), 32);
        auto const y = pad(x, p, PadMode::bounce);
        CHECK(y.shape() == Shape{1, 32, 32, 3});
        CHECK(numbers_of(unpad(y, p).value()) == numbers_of(x.value()));
    }
    CHECK(to_string(Padding::to_multiple(Shape{1, 9, 16, 3}, 8)) == "top 0, bottom 7, left 0, right 0");
    CHECK_THROWS_WITH(Padding::to_multiple(Shape{1, 9, 16, 3}, 0), "Padding::to_multiple: 0 is not positive");
    for (Index n = 1; n < 6; ++n)
        for (Index i = -20; i < 20; ++i) CHECK(tacet::detail::reflect_index(i, n) == walk_of(i, n));
}

TEST_CASE("pad names the shapes that do not fit") {
    Variable const x(zeros(Shape{2, 4, 6, 3})), empty(zeros(Shape{2, 0, 6, 3}));
    CHECK_THROWS_AS(pad(x, {4, 0, 0, 0}, PadMode::reflect), ShapeError);
    CHECK_THROWS_WITH(pad(x, {4, 0, 0, 1}, PadMode::reflect),
                      "pad: to reflect x (2, 4, 6, 3), padding must be smaller than height and width, "
                      "not top 4, bottom 0, left 0, right 1; PadMode::bounce takes any");
    CHECK_THROWS_WITH(pad(x, {0, 0, 0, 6}, PadMode::reflect), contains("not top 0, bottom 0, left 0, right 6"));
    CHECK_NOTHROW(pad(x, {3, 3, 5, 5}, PadMode::reflect));
    CHECK_THROWS_WITH(pad(x, {0, -1, 0, 0}), "pad: padding top 0, bottom -1, left 0, right 0 is negative: crop() takes pixels away");
    CHECK_THROWS_WITH(pad(empty, {1, 1, 1, 1}, PadMode::replicate), "pad: x (2, 0, 6, 3) has no pixels to repeat");
    CHECK(numbers_of(pad(Variable(zeros(Shape{1, 0, 1, 1})), {1, 1, 0, 0}, PadMode::constant, 4.f).value()) == Numbers{4, 4});
    CHECK_THROWS_AS(crop(x, 1, 1, 4, 2), ShapeError);
    CHECK_THROWS_WITH(crop(x, 1, 1, 4, 2), "crop: 4 x 2 pixels at (1, 1) are not all inside x (2, 4, 6, 3)");
    CHECK_THROWS_WITH(crop(x, 0, -1, 1, 1), "crop: 1 x 1 pixels at (0, -1) are not all inside x (2, 4, 6, 3)");
    CHECK_THROWS_WITH(unpad(x, {3, 3, 0, 0}), "crop: -2 x 6 pixels at (3, 0) are not all inside x (2, 4, 6, 3)");
}

TEST_CASE("pad: the same bits for any number of threads") {
    Shape const s{3, 61, 43, 19};
    CHECK(same_bits_for_any_threads([](auto const& x) { return pad(x, {5, 4, 3, 2}, PadMode::reflect); }, s));
    CHECK(same_bits_for_any_threads([](auto const& x) { return pad(x, {70, 4, 3, 90}, PadMode::bounce); }, s));
    CHECK(same_bits_for_any_threads([](auto const& x) { return crop(x, 5, 4, 40, 30); }, s));
}
}  // namespace pad_test
