// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <support/values.hpp>
#include <tacet/ops/pixel_shuffle.hpp>
#include <tacet/tensor/factory.hpp>

namespace pixel_shuffle_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto shuffled(Index r) {
    return [r](Arrays const& in) {
        Extents const s = in[0].shape;
        Array y({s[0], s[1] * r, s[2] * r, s[3] / (r * r)});
        for_each_index(y.shape, [&](Extents const& o) { y[o] = in[0][{o[0], o[1] / r, o[2] / r, (o[3] * r + o[1] % r) * r + o[2] % r}]; });
        return y;
    };
}
auto unshuffled(Index r) {
    return [r](Arrays const& in) {
        Extents const s = in[0].shape;
        Array y({s[0], s[1] / r, s[2] / r, s[3] * r * r});
        for_each_index(s, [&](Extents const& o) { y[{o[0], o[1] / r, o[2] / r, (o[3] * r + o[1] % r) * r + o[2] % r}] = in[0][o]; });
        return y;
    };
}
Bench const image{.shapes = {{{4, 128, 128, 48}}}, .backward = 1};

Case<4> shuffle_case(Index r, std::vector<Shapes> shapes) {
    return {{.name = "pixel_shuffle", .variant = concat_text(r), .reference = shuffled(r), .shapes = std::move(shapes), .bench = image},
            [r](auto const& x) { return pixel_shuffle(x, r); }};
}
Case<4> unshuffle_case(Index r, std::vector<Shapes> shapes) {
    return {{.name = "pixel_unshuffle", .variant = concat_text(r), .reference = unshuffled(r), .shapes = std::move(shapes), .bench = image},
            [r](auto const& x) { return pixel_unshuffle(x, r); }};
}
Case<4> const shuffle_1 = shuffle_case(1, {{{1, 1, 1, 1}}, {{2, 3, 2, 5}}}),
              shuffle_2 = shuffle_case(2, {{{1, 1, 1, 4}}, {{2, 3, 2, 12}}, {{1, 2, 3, 68}}}),
              shuffle_3 = shuffle_case(3, {{{1, 1, 2, 9}}, {{2, 2, 1, 27}}}), shuffle_4 = shuffle_case(4, {{{1, 2, 1, 48}}});
Case<4> const unshuffle_1 = unshuffle_case(1, {{{1, 1, 1, 1}}, {{2, 3, 2, 5}}}),
              unshuffle_2 = unshuffle_case(2, {{{1, 2, 2, 1}}, {{2, 4, 6, 3}}, {{1, 2, 4, 17}}}),
              unshuffle_3 = unshuffle_case(3, {{{1, 3, 6, 1}}, {{2, 6, 3, 2}}}), unshuffle_4 = unshuffle_case(4, {{{1, 4, 8, 3}}}),
              unshuffle_5 = unshuffle_case(5, {{{1, 5, 15, 3}}});
}  // namespace

TEST_CASE("pixel_shuffle: values, gradients, float") { CHECK(failures_of("pixel_shuffle") == ""); }
TEST_CASE("pixel_unshuffle: values, gradients, float") { CHECK(failures_of("pixel_unshuffle") == ""); }

TEST_CASE("pixel_shuffle orders channels as PyTorch does") {
    Numbers const wide{-2, 0.75, -0.25, -1.75, -0.75, 2, 1, -0.5, 1.5, 0, -1, 1.75, -1.5, 1.25, 0.25, -1.25};
    CHECK(difference_from_torch([](auto const& x) { return pixel_shuffle(x, 2); },
                                {wide, {-2, -0.75, -0.75, -2, -0.5, 1.5, -0.5, -1, 2, 2, -1.75, 0, 0.75, 1.5, 0, -1.75}}, Shape{1, 1, 2, 8})
          == "");
    CHECK(difference_from_torch([](auto const& x) { return pixel_unshuffle(x, 2); },
                                {{-2, 1.5, -0.75, -1.5, -0.25, -1, 1, 0.25, 0.75, 0, 2, 1.25, -1.75, 1.75, -0.5, -1.25},
                                 {-2, 2, -0.5, 0.75, -0.75, -1.75, -0.5, 0, -0.75, 2, 1.5, 1.5, -2, 0, -1, -1.75}}, Shape{1, 2, 4, 2})
          == "");
}

TEST_CASE("pixel_unshuffle undoes pixel_shuffle") {
    for (Index r : {1, 2, 3, 4, 5}) {
        Variable const x(iota(Shape<4>{{2, 3, 2, 3 * r * r}}));
        CHECK(numbers_of(pixel_unshuffle(pixel_shuffle(x, r), r).value()) == numbers_of(x.value()));
    }
}

TEST_CASE("pixel_shuffle names what cannot be divided") {
    Variable const x(zeros(Shape{2, 5, 6, 6}));
    CHECK_THROWS_AS(pixel_shuffle(x, 2), ShapeError);
    CHECK_THROWS_WITH(pixel_shuffle(x, 2), "pixel_shuffle: the channels of x (2, 5, 6, 6) cannot be divided by 4");
    CHECK_THROWS_WITH(pixel_shuffle(x, 0), "pixel_shuffle: factor 0 is not positive");
    CHECK_THROWS_AS(pixel_unshuffle(x, 2), ShapeError);
    CHECK_THROWS_WITH(pixel_unshuffle(x, 2), "pixel_unshuffle: the height and width of x (2, 5, 6, 6) cannot be divided by 2");
    CHECK_THROWS_WITH(pixel_unshuffle(x, -2), "pixel_unshuffle: factor -2 is not positive");
    CHECK(pixel_unshuffle(Variable(zeros(Shape{0, 4, 6, 6})), 2).shape() == Shape{0, 2, 3, 24});
}

TEST_CASE("pixel_shuffle: the same bits for any number of threads") {
    CHECK(same_bits_for_any_threads([](auto const& x) { return pixel_shuffle(x, 2); }, Shape{3, 37, 43, 20}));
    CHECK(same_bits_for_any_threads([](auto const& x) { return pixel_unshuffle(x, 3); }, Shape{3, 63, 42, 5}));
}

namespace {
/// An image (1, h, w, c r r) of distinct numbers, shuffled, must have each in its place, and be the same again when unshuffled.
template <class T> bool every_element_in_place(Index h, Index w, Index c, Index r) {
    Tensor<T, 4> deep(Shape{Index(1), h, w, c * r * r});
    for (Index k = 0; k < deep.size(); ++k) deep.data()[k] = static_cast<T>(k);
    auto const wide = pixel_shuffle(Variable<T, 4>(deep), r).value();
    Index wrong = 0;
    for (Index i = 0; i < h * r; ++i)
        for (Index j = 0; j < w * r; ++j)
            for (Index k = 0; k < c; ++k) wrong += wide(0, i, j, k) != deep(0, i / r, j / r, (k * r + i % r) * r + j % r);
    return wrong == 0 && same_bits(pixel_unshuffle(Variable<T, 4>(wide), r).value(), deep);
}
}  // namespace

TEST_CASE("pixel_shuffle and pixel_unshuffle of rows of any length: every element in its place, for every factor and channel count") {
    for (Index r : {1, 2, 3, 4, 5, 6})
        for (Index c : {1, 2, 3})
            for (Index w : {1, 7, 16, 33}) {
                CAPTURE(r, c, w);
                CHECK(every_element_in_place<float>(2, w, c, r));
                CHECK(every_element_in_place<double>(2, w, c, r));
            }
}

TEST_CASE("pixel_shuffle and pixel_unshuffle of images larger than the caches: every element in its place, for every factor") {
    for (Index r : {2, 3, 4, 5, 6})
        for (Index c : {1, 3, 9}) {
            Index const h = 720 / r, w = (c == 1 ? 6144 : c == 3 ? 2040 : 724) / r;  // 17 MB: written past the caches
            CAPTURE(r, c);
            REQUIRE(tacet::detail::Rows<Cpu>::streams(h * w * r * r * c * 4));
            CHECK(every_element_in_place<float>(h, w, c, r));
        }
}
}  // namespace pixel_shuffle_test
