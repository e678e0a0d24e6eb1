// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/nn/parameter.hpp>
#include <tacet/ops/concat.hpp>
#include <tacet/tensor/factory.hpp>

namespace concat_test {
using namespace tacet;
using namespace tacet::test;

namespace {
auto joined(int axis) {
    return [axis](Arrays const& in) {
        auto const d = static_cast<std::size_t>(axis);
        Extents shape = in[0].shape;
        shape[d] = 0;
        for (auto const& a : in) shape[d] += a.shape[d];
        Array y(shape);
        Index offset = 0;
        for (auto const& a : in) {
            for_each_index(a.shape, [&](Extents i) {
                double const v = a[i];
                i[d] += offset;
                y[i] = v;
            });
            offset += a.shape[d];
        }
        return y;
    };
}
Case<4, 4> const two({.name = "concat", .variant = "two", .reference = joined(3),
                      .shapes = {{{1, 1, 1, 1}, {1, 1, 1, 1}}, {{2, 3, 2, 5}, {2, 3, 2, 1}}, {{1, 4, 5, 3}, {1, 4, 5, 16}},
                                 {{1, 2, 1, 0}, {1, 2, 1, 3}}},
                      .bench = {.shapes = {{4, 64, 64, 96}, {4, 64, 64, 48}}, .backward = 1}},
                     [](auto const& a, auto const& b) { return concat(a, b); });
Case<4, 4, 4> const three({.name = "concat", .variant = "three", .reference = joined(3),
                           .shapes = {{{2, 3, 2, 5}, {2, 3, 2, 1}, {2, 3, 2, 3}}},
                           .bench = {.shapes = {{4, 64, 64, 32}, {4, 64, 64, 48}, {4, 64, 64, 16}}, .backward = 1}},
                          [](auto const& a, auto const& b, auto const& c) { return concat(a, b, c); });
Case<4> const one({.name = "concat", .variant = "one", .reference = joined(3), .shapes = {{{2, 3, 2, 5}}},
                   .bench = {.shapes = {{4, 64, 64, 32}}}},
                  [](auto const& a) { return concat(a); });
Case<2, 2> along_case(int axis, std::vector<Shapes> shapes) {
    return {{.name = "concat_along", .variant = concat_text("axis ", axis), .reference = joined(axis), .shapes = std::move(shapes),
             .bench = {.shapes = {{512, 512}, {512, 512}}, .backward = 1}},
            [axis](auto const& a, auto const& b) { return concat_along(axis, a, b); }};
}
Case<2, 2> const rows = along_case(0, {{{1, 1}, {1, 1}}, {{3, 5}, {2, 5}}, {{1, 7}, {9, 7}}}),
                 columns = along_case(1, {{{3, 5}, {3, 2}}, {{1, 1}, {1, 9}}});
Case<4, 4> const heights({.name = "concat_along", .variant = "height", .reference = joined(1), .shapes = {{{2, 3, 2, 5}, {2, 4, 2, 5}}},
                          .bench = {.shapes = {{4, 64, 64, 32}, {4, 64, 64, 32}}, .backward = 1}},
                         [](auto const& a, auto const& b) { return concat_along(1, a, b); });
}  // namespace

TEST_CASE("concat: values, gradients, float") { CHECK(failures_of("concat") == ""); }
TEST_CASE("concat_along: values, gradients, float") { CHECK(failures_of("concat_along") == ""); }

TEST_CASE("concat joins channels in the order of its arguments, and adds up what is used twice") {
    Variable const a(from_values(std::vector<float>{1, 2}).reshape(Shape{2, 1}), true);
    Variable const b(from_values(std::vector<float>{3, 4, 5, 6}).reshape(Shape{2, 2}));
    auto const y = concat(a, b, a);
    CHECK(numbers_of(y.value()) == Numbers{1, 3, 4, 1, 2, 5, 6, 2});
    backward(y, from_values(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}).reshape(Shape{2, 4}));
    CHECK(numbers_of(a.grad()) == Numbers{5, 13});
    CHECK_FALSE(b.has_grad());
    Parameter<float, 2> const p(ones(Shape{2, 1}));
    CHECK(numbers_of(concat(b, p).value()) == Numbers{3, 4, 1, 5, 6, 1});
}

TEST_CASE("concat names the shapes that do not fit") {
    Variable const a(zeros(Shape{2, 5, 6, 3})), b(zeros(Shape{2, 5, 7, 3}));
    CHECK_THROWS_AS(concat(a, b), ShapeError);
    CHECK_THROWS_WITH(concat(a, b), "concat: (2, 5, 6, 3) and (2, 5, 7, 3) differ in more than dimension 3");
    CHECK_THROWS_WITH(concat_along(1, a, a, b), "concat: (2, 5, 6, 3) and (2, 5, 7, 3) differ in more than dimension 1");
    CHECK_THROWS_WITH(concat_along(4, a, a), "concat: a tensor of rank 4 has no dimension 4");
    CHECK_THROWS_WITH(concat_along(-1, a, a), "concat: a tensor of rank 4 has no dimension -1");
    CHECK(concat_along(2, a, b).shape() == Shape{2, 5, 13, 3});
    CHECK(concat_along(1, Variable(zeros(Shape{0, 2})), Variable(zeros(Shape{0, 3}))).shape() == Shape{0, 5});
}

TEST_CASE("concat: the same bits for any number of threads") {
    auto const f = [](auto const& a, auto const& b) { return concat(a, b); };
    CHECK(same_bits_for_any_threads(f, Shape{3, 61, 43, 19}, Shape{3, 61, 43, 8}));
}
}  // namespace concat_test
