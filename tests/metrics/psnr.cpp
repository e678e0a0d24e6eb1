// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/tensor/factory.hpp>
#include "pictures.hpp"

namespace psnr_test {
using namespace tacet;

TEST_CASE("PSNR of constant offsets, by hand", "[metrics][psnr]") {
    auto const grey = full(Shape{4, 5, 3}, 100.f / 255);
    CHECK(psnr(grey, grey) == std::numeric_limits<double>::infinity());
    CHECK(psnr(full(Shape{4, 5, 3}, 101.f / 255), grey) == Approx(20 * std::log10(255.)).epsilon(1e-14));
    CHECK(psnr(full(Shape{4, 5, 3}, 110.f / 255), grey) == Approx(20 * std::log10(25.5)).epsilon(1e-14));
    CHECK(psnr_float(full(Shape{2, 2}, 0.75f), full(Shape{2, 2}, 0.25f)) == Approx(20 * std::log10(2.)).epsilon(1e-14));
    CHECK(mean_squared_error(full(Shape{2, 2}, 0.75f), full(Shape{2, 2}, 0.25f)) == 0.25);
}

TEST_CASE("8-bit PSNR clamps and rounds, float PSNR does neither", "[metrics][psnr]") {
    auto const white = full(Shape{2, 2, 1}, 1.f), beyond = full(Shape{2, 2, 1}, 1.5f), near = full(Shape{2, 2, 1}, 254.6f / 255);
    CHECK(psnr(beyond, white) == std::numeric_limits<double>::infinity());
    CHECK(psnr(near, white) == std::numeric_limits<double>::infinity());
    CHECK(psnr_float(beyond, white) == Approx(20 * std::log10(2.)));
    CHECK(psnr_float(near, white) == Approx(20 * std::log10(255 / 0.4)).epsilon(1e-4));
}

TEST_CASE("PSNR agrees with scikit-image", "[metrics][psnr]") {
    TestPictures const small(11, 11, 1), colour(23, 31, 3), two(40, 17, 2), framed(40, 37, 3);
    CHECK(psnr(small.b, small.a) == Approx(27.5135379248042).epsilon(1e-13));
    CHECK(psnr(colour.b, colour.a) == Approx(26.795698187788).epsilon(1e-13));
    CHECK(psnr(two.b, two.a) == Approx(26.8780007103269).epsilon(1e-13));
    CHECK(psnr(framed.b, framed.a, 4) == Approx(26.798260100548).epsilon(1e-13));
    CHECK(psnr(framed.b, framed.a, 0) == psnr(framed.b, framed.a));
}

TEST_CASE("pictures that cannot be compared are refused with their shapes", "[metrics][psnr]") {
    auto const a = zeros(Shape{4, 5, 3}), b = zeros(Shape{5, 4, 3});
    CHECK_THROWS_WITH(psnr(a, b), "cannot compare pictures of shapes (4, 5, 3) and (5, 4, 3)");
    CHECK_THROWS_AS(psnr_float(a, b), ShapeError);
    CHECK_THROWS_WITH(psnr(a, a, 2), "a border of 2 pixels does not fit in a picture of shape (4, 5, 3)");
    CHECK_THROWS_AS(without_border(a, -1), ShapeError);
    CHECK_THROWS_AS(psnr(zeros(Shape{0, 4, 3}), zeros(Shape{0, 4, 3})), ShapeError);
}

TEST_CASE("a border is cut off all sides", "[metrics][psnr]") {
    auto const x = iota<float>(Shape{5, 7, 2});
    auto const y = without_border(x, 2);
    CHECK(y.shape() == Shape{1, 3, 2});
    for (Index i = 0; i < 6; ++i) CHECK(y.data()[i] == x.data()[2 * 14 + 2 * 2 + i]);
    CHECK(without_border(x, 0).data() == x.data());
}

TEST_CASE("a picture with NaN has no PSNR", "[metrics][psnr]") {
    auto const grey = full(Shape{4, 5, 3}, 0.4f);
    auto const broken = grey.clone();
    broken.data()[7] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(psnr(broken, grey)));
    CHECK(std::isnan(psnr(grey, broken, 0)));
    CHECK(std::isnan(psnr_float(broken, grey)));
}
}  // namespace psnr_test
