// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/io/image.hpp>
#include <tacet/metrics/ssim.hpp>
#include <tacet/tensor/factory.hpp>
#include "pictures.hpp"

namespace ssim_test {
using namespace tacet;

TEST_CASE("SSIM of simple pictures, by hand", "[metrics][ssim]") {
    TestPictures const p(20, 30, 3);
    CHECK(ssim(p.a, p.a) == Approx(1).epsilon(1e-14));
    // Constant pictures have no variance: only the luminance term is left.
    double const c1 = 2.55 * 2.55, u = 100, v = 120;
    auto const constant = [](float level) { return full(Shape{12, 13, 2}, level / 255); };
    CHECK(ssim(constant(100), constant(120)) == Approx((2 * u * v + c1) / (u * u + v * v + c1)).epsilon(1e-10));
    CHECK(ssim(constant(300), constant(255)) == Approx(1));
}

TEST_CASE("SSIM agrees with scikit-image", "[metrics][ssim]") {
    TestPictures const small(11, 11, 1), colour(23, 31, 3), two(40, 17, 2), framed(40, 37, 3);
    CHECK(ssim(small.b, small.a) == Approx(0.569591310983721).epsilon(1e-11));
    CHECK(ssim(colour.b, colour.a) == Approx(0.853431551458155).epsilon(1e-11));
    CHECK(ssim(two.b, two.a) == Approx(0.884374130273454).epsilon(1e-11));
    CHECK(ssim(framed.b, framed.a, 4) == Approx(0.945833483291618).epsilon(1e-11));
    CHECK(ssim(framed.b, framed.a, 4) != ssim(framed.b, framed.a));
    CHECK(ssim(colour.a, colour.b) == Approx(ssim(colour.b, colour.a)).epsilon(1e-12));
}

TEST_CASE("SSIM refuses pictures that differ in shape or are too small", "[metrics][ssim]") {
    auto const a = zeros(Shape{12, 12, 3});
    CHECK_THROWS_WITH(ssim(a, zeros(Shape{12, 12, 1})), "cannot compare pictures of shapes (12, 12, 3) and (12, 12, 1)");
    CHECK_THROWS_WITH(ssim(a, a, 1), "SSIM needs 11 x 11 pixels, not a picture of shape (10, 10, 3)");
    CHECK_THROWS_AS(ssim(zeros(Shape{10, 40, 1}), zeros(Shape{10, 40, 1})), ShapeError);
}

TEST_CASE("PSNR and SSIM of photographs agree with scikit-image", "[metrics][ssim]") {
    std::string const folder = test::data_dir();
    if (folder.empty()) return test::skip("TACET_DATA is not set");
    auto const picture = [&](std::string const& name) { return read_image(folder + "/noise2noise/" + name + ".png").pixels; };
    auto const clean = picture("monarch");
    struct Case {
        char const* name;
        double psnr, ssim;
    };
    for (Case const& c : {Case{"monarch-gaussian-noisy", 20.33793548426, 0.3233884696675},
                          Case{"monarch-gaussian-denoised", 32.60462937784, 0.9258656887329},
                          Case{"monarch-text-noisy", 15.06883294786, 0.4639616067046}}) {
        CAPTURE(c.name);
        CHECK(psnr(picture(c.name), clean) == Approx(c.psnr).epsilon(1e-12));
        CHECK(psnr_float(picture(c.name), clean) == Approx(c.psnr).epsilon(1e-6));  // nothing to clamp or to round in a file
        CHECK(ssim(picture(c.name), clean) == Approx(c.ssim).epsilon(1e-11));
    }
}

TEST_CASE("a picture with NaN has no SSIM", "[metrics][ssim]") {
    auto const grey = full(Shape{12, 12, 1}, 0.4f);
    auto const broken = grey.clone();
    broken.data()[70] = std::nanf("");
    CHECK(std::isnan(ssim(broken, grey)));
}
}  // namespace ssim_test
