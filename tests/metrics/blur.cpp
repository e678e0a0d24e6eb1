// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/random.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/tensor/factory.hpp>
#include "pictures.hpp"

namespace blur_test {
using namespace tacet;

TEST_CASE("the blur agrees with scipy", "[metrics][blur]") {
    auto const x = TestPictures(9, 13, 2).a;
    struct Case {
        double sigma;
        double at[4];
    };
    for (Case const& c : {Case{0.4, {1.39763996e-08, 0.0865913539, 0.28014143, 0.011923143}},
                          Case{1.0, {0.000388360355, 0.0893704903, 0.25973385, 0.0138237186}},
                          Case{2.7, {0.0107127318, 0.0986829683, 0.201895218, 0.0262338115}}}) {
        CAPTURE(c.sigma);
        auto const y = gaussian_blur(x, c.sigma);
        CHECK(static_cast<double>(y(0, 0, 0)) == Approx(c.at[0]).epsilon(1e-6));
        CHECK(static_cast<double>(y(4, 6, 1)) == Approx(c.at[1]).epsilon(1e-6));
        CHECK(static_cast<double>(y(8, 12, 1)) == Approx(c.at[2]).epsilon(1e-6));
        CHECK(static_cast<double>(y(3, 0, 0)) == Approx(c.at[3]).epsilon(1e-6));
    }
}

TEST_CASE("a blur keeps constants and the mean, and sigma 0 changes nothing", "[metrics][blur]") {
    auto const flat = gaussian_blur(full(Shape{3, 2, 1}, 0.7f), 5);  // taps reach far beyond the picture on both sides
    for (Index i = 0; i < flat.size(); ++i) CHECK(flat.data()[i] == Approx(0.7f).epsilon(1e-6));
    auto const x = TestPictures(16, 20, 3).a;
    auto const same = gaussian_blur(x, 0), soft = gaussian_blur(x, 2);
    double before = 0, after = 0;
    for (Index i = 0; i < x.size(); ++i) {
        REQUIRE(same.data()[i] == x.data()[i]);
        before += static_cast<double>(x.data()[i]), after += static_cast<double>(soft.data()[i]);
    }
    CHECK(after == Approx(before).epsilon(1e-6));
    CHECK_THROWS_WITH(gaussian_blur(x, -1), "gaussian_blur: sigma -1 is not between 0 and 1000");
    CHECK_THROWS_AS(gaussian_blur(x, std::nan("")), Error);
}

TEST_CASE("the best blur is at least as good as any on a fine grid", "[metrics][blur]") {
    Tensor<float, 3> clean(Shape{48, 40, 3});
    for (Index y = 0; y < 48; ++y)
        for (Index x = 0; x < 40; ++x)
            for (Index c = 0; c < 3; ++c) {
                float const phase = 0.3f * static_cast<float>(x + c) + 0.2f * static_cast<float>(y);
                clean(y, x, c) = 0.5f + 0.4f * std::sin(phase);
            }
    Rng rng(1);
    for (float sigma : {5.f, 25.f, 80.f}) {
        CAPTURE(sigma);
        Tensor<float, 3> noisy(clean.shape());
        rng.fill_normal(noisy.data(), noisy.size());
        for (Index i = 0; i < noisy.size(); ++i) noisy.data()[i] = clean.data()[i] + sigma / 255 * noisy.data()[i];
        auto const best = best_gaussian_blur(noisy, clean);
        double grid = 0;
        for (double s = 0; s < 8; s += 0.05) grid = std::max(grid, psnr(gaussian_blur(noisy, s), clean));
        CHECK(best.psnr > grid - 0.005);
        CHECK(best.psnr == psnr(gaussian_blur(noisy, best.sigma), clean));
        CHECK(best.psnr > psnr(noisy, clean) + 1);
    }
    auto const untouched = best_gaussian_blur(clean, clean);
    CHECK(untouched.sigma == 0);
    CHECK(untouched.psnr == std::numeric_limits<double>::infinity());
}
}  // namespace blur_test
