// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/error.hpp>
#include <tacet/core/shape.hpp>
#include <type_traits>

namespace error_test {
using namespace tacet;

TEST_CASE("messages are made of text, numbers and shapes") {
    CHECK(concat_text("x has ", 3, " rows, ", std::string("shape "), Shape{3, 4}, ' ', 'c') == "x has 3 rows, shape (3, 4) c");
    CHECK(concat_text() == "");
    CHECK(concat_text(Index(-7), " ", 18446744073709551615ull) == "-7 18446744073709551615");
}

TEST_CASE("numbers in messages can be read") {
    CHECK(concat_text(0.5) == "0.5");
    CHECK(concat_text(1e-9) == "1e-09");
    CHECK(concat_text(0.001f) == "0.001");
    CHECK(concat_text(2.0) == "2");
}

TEST_CASE("check throws Error, check_shape throws ShapeError, which is an Error") {
    static_assert(std::is_base_of_v<Error, ShapeError>);
    static_assert(std::is_base_of_v<std::runtime_error, Error>);
    CHECK_NOTHROW(check(true, "never built"));
    CHECK_NOTHROW(check_shape(true, "never built"));
    CHECK_THROWS_AS(check(false, "no"), Error);
    CHECK_THROWS_AS(check_shape(false, "no"), ShapeError);
    CHECK_THROWS_WITH(check_shape(false, "from ", Shape{1}, " to ", Shape{2}), "from (1) to (2)");
    try {
        check(false, "plain");
    } catch (ShapeError const&) {
        FAIL("check does not throw ShapeError");
    } catch (Error const&) {
    }
}
}  // namespace error_test
