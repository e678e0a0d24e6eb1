// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/metrics/levels.hpp>
#include <limits>

namespace levels_test {
using namespace tacet;

TEST_CASE("levels are clamped and rounded, ties to even", "[metrics][levels]") {
    for (int k = 0; k < 256; ++k) CHECK(level_of(static_cast<float>(k) / 255) == static_cast<float>(k));
    CHECK(level_of(0.5f) == 128);           // 127.5
    CHECK(level_of(0.5f / 255) == 0);
    CHECK(level_of(2.5f / 255) == 2);
    CHECK(level_of(0.50001f / 255) == 1);
    CHECK(level_of(-3) == 0);
    CHECK(level_of(1.7f) == 255);
    CHECK(level_of(std::numeric_limits<float>::infinity()) == 255);
    CHECK(level_of(std::numeric_limits<float>::quiet_NaN()) == 0);
}

TEST_CASE("quantise_8bit makes a new image of levels", "[metrics][levels]") {
    Tensor<float, 2> x(Shape{1, 3});
    x(0, 0) = -1, x(0, 1) = 0.3f, x(0, 2) = 2;
    auto const y = quantise_8bit(x);
    CHECK(y(0, 0) == 0);
    CHECK(y(0, 1) == 76.f / 255);           // 255 * 0.3f is 76.500003, as a float 76.5: to even
    CHECK(y(0, 2) == 1);
    CHECK(x(0, 0) == -1);
}
}  // namespace levels_test
