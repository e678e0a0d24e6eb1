// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/io/image.hpp>
#include <tacet/metrics/image_metrics.hpp>
#include <tacet/tensor/factory.hpp>
#include "pictures.hpp"

namespace luma_test {
using namespace tacet;

namespace {
Tensor<float, 3> colour(float r, float g, float b) {
    Tensor<float, 3> x(Shape{12, 12, 3});
    float const levels[] = {r, g, b};
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = levels[i % 3] / 255;
    return x;
}
}  // namespace

TEST_CASE("Y of single colours, by hand", "[metrics][luma]") {
    auto const black = colour(0, 0, 0);
    CHECK(psnr_y(colour(255, 255, 255), black) == Approx(20 * std::log10(255 / 219.)).epsilon(1e-13));
    CHECK(psnr_y(colour(255, 0, 0), black) == Approx(20 * std::log10(255 / 65.481)).epsilon(1e-13));
    CHECK(psnr_y(colour(0, 255, 0), black) == Approx(20 * std::log10(255 / 128.553)).epsilon(1e-13));
    CHECK(psnr_y(colour(0, 0, 255), black) == Approx(20 * std::log10(255 / 24.966)).epsilon(1e-13));
    CHECK(psnr_y(colour(0, 0, 1), black) == Approx(20 * std::log10(255 * 255 / 24.966)).epsilon(1e-11));  // Y is not rounded
    CHECK(psnr_y(colour(0, 0, 0.4f), black) == std::numeric_limits<double>::infinity());                  // but levels are
    double const c1 = 2.55 * 2.55, u = 16, v = 16 + 65.481;
    CHECK(ssim_y(colour(255, 0, 0), black) == Approx((2 * u * v + c1) / (u * u + v * v + c1)).epsilon(1e-10));
}

TEST_CASE("PSNR and SSIM of Y agree with scikit-image", "[metrics][luma]") {
    TestPictures const grey(11, 11, 1), colours(23, 31, 3), framed(40, 37, 3);
    CHECK(psnr_y(grey.b, grey.a) == Approx(28.835459236681).epsilon(1e-13));
    CHECK(ssim_y(grey.b, grey.a) == Approx(0.599933610622487).epsilon(1e-11));
    CHECK(psnr_y(colours.b, colours.a) == Approx(30.2899048560622).epsilon(1e-13));
    CHECK(ssim_y(colours.b, colours.a) == Approx(0.898290214419029).epsilon(1e-11));
    CHECK(psnr_y(framed.b, framed.a, 4) == Approx(30.271721567172).epsilon(1e-13));
    CHECK(ssim_y(framed.b, framed.a, 4) == Approx(0.951536970564717).epsilon(1e-11));
}

TEST_CASE("Y is refused for other channels, for shapes that differ, and has no figure for NaN", "[metrics][luma]") {
    auto const two = zeros(Shape{12, 12, 2}), three = zeros(Shape{12, 12, 3});
    CHECK_THROWS_WITH(psnr_y(two, two), "Y is made of 1 or 3 channels, not of a picture of shape (12, 12, 2)");
    CHECK_THROWS_AS(ssim_y(two, two), ShapeError);
    CHECK_THROWS_WITH(psnr_y(three, zeros(Shape{12, 12, 1})), "cannot compare pictures of shapes (12, 12, 3) and (12, 12, 1)");
    CHECK_THROWS_WITH(ssim_y(three, three, 1), "SSIM needs 11 x 11 pixels, not a picture of shape (10, 10, 3)");
    auto const broken = three.clone();
    broken.data()[70] = std::nanf("");
    CHECK(std::isnan(psnr_y(broken, three)));
    CHECK(std::isnan(ssim_y(broken, three)));
}

TEST_CASE("The table of measures calls each by its name", "[metrics][luma]") {
    auto const a = colour(10, 90, 200), b = colour(20, 80, 230);
    std::vector<double> const expected{psnr(a, b, 0), ssim(a, b, 0), psnr_y(a, b), ssim_y(a, b)};
    std::vector<std::string> labels;
    for (auto const& metric : image_metrics) {
        CHECK(metric.of(a, b, 0) == expected[labels.size()]);
        labels.push_back(std::string(metric.key) + ": " + metric.label());
    }
    CHECK(labels == std::vector<std::string>{"psnr: PSNR (dB)", "ssim: SSIM", "psnr_y: PSNR of Y (dB)", "ssim_y: SSIM of Y"});
}

TEST_CASE("The noisy pictures published with masked image training have the published figures", "[metrics][luma]") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    double sums[4] = {};
    for (int k = 1; k <= 18; ++k) {
        auto const clean = read_image(test::data_dir() + "/mcmaster/" + std::to_string(k) + ".tif").pixels;
        auto const noisy = read_image(test::data_dir() + "/mcmaster_poisson_2/" + std::to_string(k) + ".png").pixels;
        sums[0] += psnr(noisy, clean, 1), sums[1] += ssim(noisy, clean, 1);
        sums[2] += psnr_y(noisy, clean, 1), sums[3] += ssim_y(noisy, clean, 1);
    }
    CHECK(sums[0] / 18 == Approx(23.10).margin(0.005));  // McMaster, scaled Poisson noise of alpha 2, border 1
    CHECK(sums[1] / 18 == Approx(0.5379).margin(0.00005));
    CHECK(sums[2] / 18 == Approx(27.66).margin(0.005));
    CHECK(sums[3] / 18 == Approx(0.6589).margin(0.00005));
}
}  // namespace luma_test
