// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <support/values.hpp>
#include <tacet/ops/window_partition.hpp>
#include <cmath>

namespace window_partition_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// Windows of 2 x 2 where they fit.
constexpr Index side_for(Index height) { return height % 2 ? 1 : 2; }

Array cut(Arrays const& in) {
    Array const& x = in[0];
    auto const side = side_for(x.extent(1));
    auto const columns = x.extent(2) / side, rows = x.extent(1) / side;
    Array y({x.extent(0) * rows * columns, side * side, x.extent(3)});
    for_each_index(x.shape, [&](Extents const& i) {
        y[{(i[0] * rows + i[1] / side) * columns + i[2] / side, i[1] % side * side + i[2] % side, i[3]}] = x[i];
    });
    return y;
}
/// Into images of 4 x 6, or of one window of one pixel.
Array joined(Arrays const& in) {
    Array const& x = in[0];
    std::ptrdiff_t const side = side_for(x.extent(1)), rows = side, columns = side == 1 ? 1 : 3;
    Array y({x.extent(0) / (rows * columns), rows * side, columns * side, x.extent(2)});
    for_each_index(y.shape, [&](Extents const& i) {
        y[i] = x[{(i[0] * rows + i[1] / side) * columns + i[2] / side, i[1] % side * side + i[2] % side, i[3]}];
    });
    return y;
}
Array gathered(Arrays const& in) {
    Array const& table = in[0];
    auto const root = static_cast<std::ptrdiff_t>(std::lround(std::sqrt(table.extent(0)))), m = (root + 1) / 2;
    Array y({table.extent(1), m * m, m * m});
    for_each_index(y.shape, [&](Extents const& i) {
        auto const dy = i[1] / m - i[2] / m, dx = i[1] % m - i[2] % m;
        y[i] = table[{(dy + m - 1) * root + dx + m - 1, i[0]}];
    });
    return y;
}
Bench const copies{.flops = [](Shapes const& s) { return double(count(s[0])); }, .backward = 1};
Case<4> const partition({.name = "window_partition", .reference = cut,
                         .shapes = {{{1, 1, 1, 1}}, {{1, 2, 2, 1}}, {{2, 4, 6, 3}}, {{1, 2, 8, 5}}, {{3, 6, 2, 1}}, {{1, 4, 4, 2}}},
                         .bench = {.shapes = {{1, 512, 512, 60}}, .flops = copies.flops, .backward = 1}},
                        [](auto const& x) { return window_partition(x, side_for(x.shape()[1])); });
Case<3> const merge({.name = "window_merge", .reference = joined,
                     .shapes = {{{1, 1, 1}}, {{6, 4, 1}}, {{12, 4, 3}}, {{6, 4, 5}}, {{18, 4, 1}}, {{6, 4, 2}}},
                     .bench = {.shapes = {{6, 4, 60}}, .flops = copies.flops, .backward = 1}},
                    [](auto const& x) { return x.shape()[1] == 1 ? window_merge(x, 1, 1, 1) : window_merge(x, 2, 4, 6); });
Case<weights(2)> const bias({.name = "relative_position_bias", .reference = gathered,
                    .shapes = {{{1, 1}}, {{9, 2}}, {{25, 3}}, {{9, 1}}, {{49, 2}}},
                    .bench = {.shapes = {{225, 6}}, .flops = copies.flops, .backward = 1}},
                   [](auto const& table) {
                       double const root = std::sqrt(static_cast<double>(table.shape()[0]));
                       return relative_position_bias(table, (std::lround(root) + 1) / 2);
                   });
}  // namespace

TEST_CASE("window_partition, window_merge, relative_position_bias: values, gradients, float") {
    for (char const* name : {"window_partition", "window_merge", "relative_position_bias"}) CHECK(failures_of(name) == "");
}

TEST_CASE("Swin's first row of positions") {
    auto const bias_row = relative_position_bias(Variable(iota<double>(Shape{225, 1})), 8).value();
    Index const expected[] = {112, 111, 110, 109, 108, 107, 106, 105, 97, 96};
    for (Index k = 0; k < 10; ++k) CHECK(bias_row(0, 0, k) == static_cast<double>(expected[k]));
}

TEST_CASE("Windows that do not fit are refused with the shapes") {
    Variable const x(zeros(Shape{1, 6, 4, 2}));
    CHECK(message_of([&] { window_partition(x, 4); }) ==
          "window_partition: height and width of x (1, 6, 4, 2) are not multiples of the window 4");
    CHECK_THROWS_WITH(window_merge(Variable(zeros(Shape{5, 4, 2})), 2, 4, 6), contains("do not make images of 4 x 6"));
    CHECK_THROWS_WITH(relative_position_bias(Variable(zeros(Shape{224, 6})), 8), contains("does not have (2 8 - 1)^2 rows"));
}
}  // namespace window_partition_test
