// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/shape.hpp>
#include <tacet/tensor/factory.hpp>

namespace shape_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// y of the given shape with y[i] = x[source(i)].
template <class F> Array gather(Extents const& shape, Array const& x, F const& source) {
    Array y(shape);
    for_each_index(shape, [&](Extents const& i) { y[i] = x[source(i)]; });
    return y;
}
Array to_channels_first(Arrays const& in) {
    auto const& s = in[0].shape;
    return gather({s[0], s[3], s[1], s[2]}, in[0], [](Extents const& i) { return Extents{i[0], i[2], i[3], i[1]}; });
}
Array reversed(Arrays const& in) {
    auto const& s = in[0].shape;
    return gather({s[3], s[2], s[1], s[0]}, in[0], [](Extents const& i) { return Extents{i[3], i[2], i[1], i[0]}; });
}
Array rows_and_columns(Arrays const& in) {  // without the first row and the last column
    auto s = in[0].shape;
    --s[1], --s[2];
    return gather(s, in[0], [](Extents i) { return ++i[1], i; });
}
Array flipped(Arrays const& in) {
    auto const& s = in[0].shape;
    return gather(s, in[0], [&](Extents i) { return i[1] = s[1] - 1 - i[1], i[3] = s[3] - 1 - i[3], i; });
}
Array rolled(Arrays const& in) {
    auto const& s = in[0].shape;
    return gather(s, in[0], [&](Extents i) { return i[1] = (i[1] + 1) % s[1], i[2] = ((i[2] - 5) % s[2] + s[2]) % s[2], i; });
}
std::vector<Shapes> const images{{{1, 1, 1, 1}}, {{2, 3, 5, 3}}, {{1, 7, 2, 1}}, {{3, 1, 9, 4}}, {{1, 17, 19, 2}}, {{2, 2, 1, 33}}};
std::vector<Shapes> const two_by_two{{{1, 2, 2, 1}}, {{2, 3, 5, 3}}, {{1, 7, 2, 1}}, {{3, 2, 9, 4}}, {{1, 17, 19, 2}}, {{1, 1, 1, 1}}};
Bench const image{.shapes = {{8, 128, 128, 16}}, .backward = 1};

Case<4> const reshaped({.name = "reshape",
                        .reference = [](Arrays const& in) {
                            Array y = in[0];
                            y.shape = {y.shape[0] * y.shape[1], y.shape[2] * y.shape[3]};
                            return y;
                        },
                        .shapes = images, .bench = image},
                       [](auto const& x) {
                           auto const& s = x.shape();
                           return reshape(x, Shape{s[0] * s[1], s[2] * s[3]});
                       });
Case<4> const first({.name = "permute", .variant = "channels first", .reference = to_channels_first, .shapes = images, .bench = image},
                    [](auto const& x) { return permute<0, 3, 1, 2>(x); });
Case<4> const turned({.name = "permute", .variant = "reversed", .reference = reversed, .shapes = images, .bench = image},
                     [](auto const& x) { return permute<-1, 2, 1, 0>(x); });
Case<4> const cut({.name = "slice", .reference = rows_and_columns, .shapes = {two_by_two.begin(), two_by_two.end() - 1}, .bench = image},
                  [](auto const& x) {
                      auto const& s = x.shape();
                      return slice(x, Shape{0, 1, 0, 0}, Shape{s[0], s[1], s[2] - 1, s[3]});
                  });
Case<4> const last({.name = "slice", .variant = "of one axis", .reference = [](Arrays const& in) {
                        auto s = in[0].shape;
                        s[3] = 1;
                        return gather(s, in[0], [&](Extents i) { return i[3] = in[0].extent(3) - 1, i; });
                    },
                    .shapes = images, .bench = image},
                   [](auto const& x) { return slice<-1>(x, x.shape()[3] - 1, x.shape()[3]); });
Case<4> const mirrored({.name = "flip", .reference = flipped, .shapes = images, .bench = image},
                       [](auto const& x) { return flip<1, -1>(x); });
Case<4> const moved({.name = "roll", .reference = rolled, .shapes = images, .bench = image},
                    [](auto const& x) { return roll<1, 2>(x, -1, 5); });
}  // namespace

TEST_CASE("reshape: values, gradients, float") { CHECK(failures_of("reshape") == ""); }
TEST_CASE("permute: values, gradients, float") { CHECK(failures_of("permute") == ""); }
TEST_CASE("slice: values, gradients, float") { CHECK(failures_of("slice") == ""); }
TEST_CASE("flip: values, gradients, float") { CHECK(failures_of("flip") == ""); }
TEST_CASE("roll: values, gradients, float") { CHECK(failures_of("roll") == ""); }

TEST_CASE("tensors and expressions are rearranged without a tape, in the ranks expected") {
    auto const x = iota(Shape{2, 3});
    auto const y = permute<1, 0>(x * 2);
    static_assert(std::is_same_v<decltype(y), Tensor<float, 2> const>);
    CHECK(y.shape() == Shape{3, 2});
    CHECK(y(2, 1) == 10);
    CHECK(slice<1>(x, 1, 3)(1, 0) == 4);
    CHECK(flip<0>(x)(0, 0) == 3);
    CHECK(roll<1>(x, 1)(0, 0) == 2);
    CHECK(roll<1>(x, -4)(0, 0) == 1);
    CHECK(reshape(x, Shape{6}).data() == x.data());
    CHECK(reshape(full(Shape<0>{}, 2.f), Shape{1, 1})(0, 0) == 2);
}

TEST_CASE("empty tensors can be rearranged") {
    Tensor<float, 2> const none(Shape{0, 3});
    CHECK(permute<1, 0>(none).shape() == Shape{3, 0});
    CHECK(flip<0, 1>(none).shape() == Shape{0, 3});
    CHECK(roll<0>(none, 2).shape() == Shape{0, 3});
    CHECK(slice<1>(none, 1, 2).shape() == Shape{0, 1});
    CHECK(slice<0>(iota(Shape{2, 3}), 1, 1).shape() == Shape{0, 3});
    CHECK(reshape(none, Shape{5, 0}).shape() == Shape{5, 0});
}

TEST_CASE("what does not fit is refused, with both shapes") {
    auto const x = iota(Shape{2, 3});
    CHECK_THROWS_AS(reshape(x, Shape{7}), ShapeError);
    CHECK_THROWS_WITH(reshape(x, Shape{7}), contains("(2, 3) has 6 elements, (7) has 7"));
    CHECK_THROWS_AS(slice<0>(x, 1, 3), ShapeError);
    CHECK_THROWS_WITH(slice<0>(x, 1, 3), contains("slice: [(1, 0), (3, 3)) is not inside (2, 3)"));
    CHECK_THROWS_AS(slice<1>(x, -1, 2), ShapeError);
    CHECK_THROWS_AS(slice<1>(x, 2, 1), ShapeError);
}

TEST_CASE("strided copies of many layouts agree with element by element") {
    Rng rng(7);
    for (int round = 0; round < 200; ++round) {
        Shape<4> shape;
        for (int d = 0; d < 4; ++d) shape[d] = 1 + rng.below(d == 3 ? 40 : 5);
        auto const x = iota<int>(shape);
        std::array<int, 4> axes{0, 1, 2, 3};
        for (int d = 3; d > 0; --d) std::swap(axes[std::size_t(d)], axes[std::size_t(rng.below(d + 1))]);
        auto const y = tacet::detail::permute_tensor(x, axes);
        Index wrong = 0;
        for (Index k = 0; k < y.size(); ++k) {
            auto const i = unravel(k, y.shape());
            Shape<4> from;
            for (int d = 0; d < 4; ++d) from[axes[std::size_t(d)]] = i[d];
            wrong += y.data()[k] != x.view().at(from);
        }
        REQUIRE(wrong == 0);
    }
}
}  // namespace shape_test
