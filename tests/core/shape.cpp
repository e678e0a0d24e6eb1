// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/shape.hpp>
#include <type_traits>

namespace shape_test {
using namespace tacet;

TEST_CASE("shapes: deduction, size, comparison and text") {
    static_assert(std::is_same_v<decltype(Shape{2, 3, 4}), Shape<3>>);
    static_assert(Shape{2, 3, 4}.size() == 24);
    static_assert(Shape{2, 0, 4}.size() == 0);
    static_assert(Shape<0>{}.size() == 1);
    static_assert(Shape{2, 3} == Shape{2, 3});
    static_assert(Shape{2, 3} != Shape{3, 2});
    static_assert(Shape<0>{} == Shape<0>{});
    static_assert(Shape<3>{} == Shape{0, 0, 0});
    CHECK(to_string(Shape{1, 48, 48, 60}) == "(1, 48, 48, 60)");
    CHECK(to_string(Shape{7}) == "(7)");
    CHECK(to_string(Shape<0>{}) == "()");
    Shape s{1, 2};
    s[1] = 5;
    CHECK(s == Shape{1, 5});
}

TEST_CASE("row-major strides and positions") {
    static_assert(row_major(Shape{2, 3, 4}) == Shape{12, 4, 1});
    static_assert(row_major(Shape{5}) == Shape{1});
    static_assert(unravel(23, Shape{2, 3, 4}) == Shape{1, 2, 3});
    Shape const shape{3, 1, 5, 2}, stride = row_major(shape);
    for (Index n = 0; n < shape.size(); ++n) {
        auto const i = unravel(n, shape);
        Index back = 0;
        for (int d = 0; d < 4; ++d) {
            CHECK(i[d] >= 0);
            CHECK(i[d] < shape[d]);
            back += i[d] * stride[d];
        }
        CHECK(back == n);
    }
}
}  // namespace shape_test
