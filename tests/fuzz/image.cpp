// SPDX-License-Identifier: MIT
// What decode_image accepts is an image within the limits, and comes back unchanged when it is written in a lossless format.
#include "fuzz.hpp"
#include <tacet/io/image.hpp>
#include <support/image_bytes.hpp>

using namespace tacet;

namespace {

bool same_floats(Tensor<float, 3> const& a, Tensor<float, 3> const& b) {
    return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    ReadLimits limits;
    limits.max_pixels = 1 << 16;
    try {
        Image const image = decode_image({data, size}, "image", limits);
        test::require(image.height() > 0 && image.width() > 0 && image.height() * image.width() <= 1 << 16, "images keep to the limits");
        test::require(image.channels() == 1 || image.channels() == 3, "images are grey or RGB");
        if (image.premultiplied || (image.is_float() && image.alpha)) return 0;  // TIFF's alone
        auto const written = encode_image(image, image.is_float() ? ImageFormat::pfm : ImageFormat::png);
        Image const again = decode_image(written, "image", limits);
        test::require(same_floats(again.pixels, image.pixels) && again.bit_depth == image.bit_depth, "writing keeps every sample");
        test::require(again.alpha.has_value() == image.alpha.has_value(), "writing keeps alpha");
        if (image.alpha) test::require(same_floats(*again.alpha, *image.alpha), "writing keeps every sample of alpha");
        test::require(image.is_float() || again.icc_profile == image.icc_profile, "writing keeps the profile");
    } catch (Error const& error) {
        std::string const text = error.what();
        test::require(text.starts_with("image: ") && text.find('\n') == text.npos, "an error is one line that names the file");
    }
    return 0;
}

std::vector<std::vector<std::uint8_t>> test::fuzz_seeds() {
    using namespace detail;
    std::vector<Bytes> seeds;
    for (int channels = 1; channels <= 4; ++channels) {
        auto raster = wavy_raster(9, 11, channels);
        raster.icc_profile = icc_profile(channels <= 2 ? "GRAY" : "RGB ");
        seeds.push_back(encode_png(raster));
        seeds.push_back(encode_png(random_raster(3, 5, channels, 16)));
        seeds.push_back(encode_bmp(raster));
        if (channels % 2 == 0) continue;
        seeds.push_back(encode_jpeg(raster, 60));
        seeds.push_back(encode_pnm(raster));
        seeds.push_back(encode_pfm(random_raster(3, 5, channels, 32)));
    }
#if TACET_WITH_TIFF
    for (int const bit_depth : {8, 16, 32})
        for (int channels = 1; channels <= 4; ++channels) seeds.push_back(encode_tiff(random_raster(6, 5, channels, bit_depth)));
#endif
    for (std::string const text : {"P1 3 2 101010", "P2 2 2 100 1 2 3 100", "P3 1 1 999 1 2 3", "P4 9 1\n\xaa\x80"})
        seeds.emplace_back(text.begin(), text.end());
    return seeds;
}
