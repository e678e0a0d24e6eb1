// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/values.hpp>
#include <tacet/data/jpeg_noise.hpp>
#include <tacet/io/image.hpp>
#include <tacet/metrics/psnr.hpp>

namespace jpeg_noise_test {
using namespace tacet;

namespace {
Tensor<float, 3> with_jpeg(Tensor<float, 3> const& image, std::string const& text, std::uint64_t seed = 0) {
    return add_noise(image, parse_noise(text, noise_menu_with_jpeg()), Rng(seed, Purpose::noise));
}
/// Waves and edges, C channels.
Tensor<float, 3> waves(Index height, Index width, Index channels) {
    Tensor<float, 3> image(Shape{height, width, channels});
    for (Index y = 0; y < height; ++y)
        for (Index x = 0; x < width; ++x)
            for (Index c = 0; c < channels; ++c)
                image(y, x, c) = 0.5f + 0.3f * std::sin(0.2f * static_cast<float>(x + 3 * c) + 0.1f * static_cast<float>(y)) +
                                 (x > width / 2 ? 0.15f : 0.f);
    return image;
}
}  // namespace

TEST_CASE("the menu with jpeg has all other kinds, and specifications of it carry their kind along", "[data][noise]") {
    auto const menu = noise_menu_with_jpeg();
    REQUIRE(menu.size() == noise_menu().size() + 1);
    for (std::size_t k = 0; k + 1 < menu.size(); ++k) CHECK(menu[k].name == noise_menu()[k].name);
    auto const spec = parse_noise("jpeg:10-40", menu);
    CHECK(spec.own == &menu.back());
    CHECK(to_string(spec) == "jpeg:10-40");
    CHECK(parse_noise("gaussian:25", menu) == parse_noise("gaussian:25"));
    CHECK_THAT(noise_help(menu), test::contains("\njpeg:QUALITY - "));
    CHECK_THROWS_WITH(parse_noise("jpg:30", menu), test::contains("did you mean jpeg? known are gaussian:SIGMA, "));
    CHECK_THROWS_WITH(parse_noise("jpeg:0", menu), "noise \"jpeg\": levels lie between 1 and 100, not 0 to 0");
    CHECK_THROWS_WITH(parse_noise("jpeg:101", menu), "noise \"jpeg\": levels lie between 1 and 100, not 101 to 101");
}

TEST_CASE("jpeg leaves what a baseline file with halved colours holds, grey and colour, of odd sizes", "[data][noise]") {
    for (Index channels : {1, 3}) {
        auto const image = waves(45, 67, channels);
        double before = 0;
        for (char const* text : {"jpeg:5", "jpeg:20", "jpeg:50", "jpeg:90"}) {
            CAPTURE(channels, text);
            auto const result = with_jpeg(image, text);
            REQUIRE(result.shape() == image.shape());
            double const quality = psnr(result, image);
            CHECK(quality > before + 0.5);
            before = quality;
            for (Index i = 0; i < result.size(); ++i) REQUIRE(result.data()[i] == level_of(result.data()[i]) / 255);
        }
        CHECK(before > 30);
    }
    CHECK(test::same_bits(with_jpeg(waves(9, 9, 3), "jpeg:30", 1), with_jpeg(waves(9, 9, 3), "jpeg:30", 2)));  // nothing is drawn
    CHECK(test::same_bits(with_jpeg(waves(9, 9, 3), "jpeg:30.4"), with_jpeg(waves(9, 9, 3), "jpeg:30")));
    CHECK_THROWS_WITH(with_jpeg(waves(9, 9, 2), "jpeg:30"), "jpeg noise: a picture of shape (9, 9, 2) has neither 1 nor 3 channels");
}

TEST_CASE("jpeg halves colours: a column of red beside blue ones is blurred, a column of light among dark ones is not", "[data][noise]") {
    Tensor<float, 3> colours = zeros(Shape{16, 16, 3}), greys = zeros(Shape{16, 16, 3});
    for (Index y = 0; y < 16; ++y)
        for (Index x = 0; x < 16; ++x) {
            colours(y, x, x % 2 ? 0 : 2) = 0.8f;
            for (Index c = 0; c < 3; ++c) greys(y, x, c) = x % 2 ? 0.8f : 0.1f;
        }
    auto const soft = with_jpeg(colours, "jpeg:90"), sharp = with_jpeg(greys, "jpeg:90");
    CHECK(std::abs(soft(8, 9, 0) - soft(8, 8, 0)) < 0.4f);   // 0.8 before
    CHECK(std::abs(sharp(8, 9, 0) - sharp(8, 8, 0)) > 0.6f);  // 0.7 before
}

#if TACET_WITH_JPEG
TEST_CASE("the sampling of a JPEG file stands in its header", "[data][noise]") {
    detail::Raster raster;
    raster.height = raster.width = 16, raster.channels = 3;
    raster.samples.assign(768, 90);
    auto const sampling_of = [&](detail::ChromaSampling sampling) {
        auto const file = detail::encode_jpeg(raster, 95, sampling);
        std::size_t k = 2;  // behind the marker of the start: segments up to that of a baseline frame
        while (file[k + 1] != 0xc0) k += 2 + (std::size_t(file[k + 2]) << 8) + file[k + 3];
        return std::vector<int>{file[k + 11], file[k + 14], file[k + 17]};
    };
    CHECK(sampling_of(detail::ChromaSampling::halved) == std::vector<int>{0x22, 0x11, 0x11});
    CHECK(sampling_of(detail::ChromaSampling::full) == std::vector<int>{0x11, 0x11, 0x11});
}
#endif
}  // namespace jpeg_noise_test
