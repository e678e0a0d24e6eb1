// SPDX-License-Identifier: MIT
#include <tacet/io/bmp.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>

namespace bmp_test {
using namespace tacet;
using namespace tacet::detail;
using test::contains;
using test::error_text;

namespace {

/// A bitmap of version 3 with these bytes behind its 54 bytes of headers (palette or masks, then pixels).
Bytes bitmap(std::int32_t width, std::int32_t height, std::uint32_t bits, std::uint32_t compression, Bytes const& palette,
             Bytes const& pixels, std::uint32_t colours = 0) {
    Bytes out{'B', 'M'};
    auto const at = static_cast<std::uint32_t>(54 + palette.size());
    put_little32(out, at + static_cast<std::uint32_t>(pixels.size())), put_little32(out, 0), put_little32(out, at), put_little32(out, 40);
    put_little32(out, static_cast<std::uint32_t>(width)), put_little32(out, static_cast<std::uint32_t>(height));
    put_little16(out, 1), put_little16(out, bits), put_little32(out, compression), put_little32(out, 0);
    put_little32(out, 0), put_little32(out, 0), put_little32(out, colours), put_little32(out, 0);
    put_bytes(out, palette), put_bytes(out, pixels);
    return out;
}

}  // namespace

TEST_CASE("BMP keeps every sample, whatever the width", "[bmp]") {
    for (int channels = 1; channels <= 4; ++channels)
        for (Index width = 1; width <= 9; ++width) {
            auto const raster = test::random_raster(3, width, channels, 8);
            auto const back = decode_bmp(encode_bmp(raster), {});
            if (channels != 2) {
                CHECK(test::same_pixels(back, raster));
                continue;
            }
            REQUIRE(back.channels == 4);  // there are no bitmaps of grey and alpha
            for (std::size_t i = 0; i < static_cast<std::size_t>(3 * width); ++i) {
                for (std::size_t c = 0; c < 3; ++c) CHECK(back.samples[4 * i + c] == raster.samples[2 * i]);
                CHECK(back.samples[4 * i + 3] == raster.samples[2 * i + 1]);
            }
        }
}

TEST_CASE("a small bitmap is written byte for byte as documented", "[bmp]") {
    auto raster = make_raster(1, 2, 3, 8, {});
    raster.samples = {1, 2, 3, 4, 5, 6};  // the lower pixel comes first, blue first, each line fills four bytes
    Bytes const file{'B', 'M', 62, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0,
                     8,   0,   0,  0, 0x13, 0x0b, 0, 0, 0x13, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 5, 4, 0, 3, 2, 1, 0};
    CHECK(encode_bmp(raster) == file);
}

TEST_CASE("palettes of 1, 4 and 8 bits are looked up; greys stay grey", "[bmp]") {
    Bytes const two{0, 0, 0, 0, 10, 20, 30, 0};
    auto raster = decode_bmp(bitmap(5, 1, 1, 0, two, {0xa8, 0, 0, 0}), {});
    CHECK(raster.channels == 3);
    CHECK(raster.samples == Bytes{30, 20, 10, 0, 0, 0, 30, 20, 10, 0, 0, 0, 30, 20, 10});
    Bytes const greys{7, 7, 7, 0, 200, 200, 200, 0, 100, 100, 100, 0};
    raster = decode_bmp(bitmap(3, 1, 4, 0, greys, {0x12, 0x00, 0, 0}, 3), {});
    CHECK(raster.channels == 1);
    CHECK(raster.samples == Bytes{200, 100, 7});
    raster = decode_bmp(bitmap(2, -2, 8, 0, greys, {0, 1, 0, 0, 2, 0, 0, 0}, 3), {});  // negative: the upper line first
    CHECK(raster.samples == Bytes{7, 200, 100, 7});
    auto const missing = bitmap(2, 1, 8, 0, greys, {0, 3, 0, 0}, 3), many = bitmap(2, 1, 1, 0, greys, {0, 0, 0, 0}, 3);
    CHECK(error_text([&] { decode_bmp(missing, {}); }) == "damaged: a pixel of colour 3 in a palette of 3");
    CHECK(error_text([&] { decode_bmp(many, {}); }) == "damaged: a palette of 3 colours for 1 bits");
}

TEST_CASE("16 and 32 bits are scaled by their masks", "[bmp]") {
    CHECK(decode_bmp(bitmap(2, 1, 16, 0, {}, {0x1f, 0x7c, 0x10, 0x00}), {}).samples == Bytes{255, 0, 255, 0, 0, 132});  // 5 bits each
    Bytes const masks{0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0};                                                     // 5, 6 and 5 bits
    CHECK(decode_bmp(bitmap(2, 1, 16, 3, masks, {0xe0, 0xff, 0x20, 0x00}), {}).samples == Bytes{255, 255, 0, 0, 4, 0});
    auto const raster = decode_bmp(bitmap(1, 1, 32, 0, {}, {1, 2, 3, 99}), {});  // the fourth byte means nothing
    CHECK(raster.channels == 3);
    CHECK(raster.samples == Bytes{3, 2, 1});
}

TEST_CASE("the oldest header of 12 bytes is read", "[bmp]") {
    Bytes out{'B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, 26, 0, 0, 0, 12, 0, 0, 0, 1, 0, 1, 0, 1, 0, 24, 0, 5, 6, 7, 0};
    CHECK(decode_bmp(out, {}).samples == Bytes{7, 6, 5});
}

TEST_CASE("a BMP cut off anywhere is an error", "[bmp]") {
    for (int const channels : {1, 3, 4}) {
        auto const file = encode_bmp(test::random_raster(3, 3, channels, 8));
        for (std::size_t n = 0; n < file.size(); ++n)
            REQUIRE_THAT(error_text([&] { decode_bmp(ByteSpan(file).first(n), {}); }), contains("truncated: "));
    }
}

TEST_CASE("damaged and unsupported bitmaps are errors", "[bmp]") {
    auto const error = [](std::int32_t width, std::int32_t height, std::uint32_t bits, std::uint32_t compression) {
        return error_text([&] { decode_bmp(bitmap(width, height, bits, compression, Bytes(1024), Bytes(64)), {}); });
    };
    CHECK(error(2, 2, 8, 1) == "a bitmap compressed by method 1, not supported");
    CHECK(error(2, 2, 7, 0) == "a bitmap with 7 bits per pixel, which is not supported");
    CHECK(error(0, 2, 8, 0) == "an image of 0 x 2 pixels");
    CHECK(error(-1, 2, 8, 0) == "an image of -1 x 2 pixels");
    CHECK(error(2, 0, 8, 0) == "an image of 2 x 0 pixels");
    CHECK(error(0x7fffffff, std::numeric_limits<std::int32_t>::min(), 32, 0) ==
          "truncated: 2147483647 x 2147483648 pixels do not fit the file");
    auto file = bitmap(1, 1, 24, 0, {}, Bytes(4));
    file[14] = 41, file[15] = 1;
    CHECK(error_text([&] { decode_bmp(file, {}); }) == "damaged: no bitmap has a header of 297 bytes");
    file = bitmap(1, 1, 24, 0, {}, Bytes(4));
    file[13] = 0xff;  // pixels far beyond the end
    CHECK(error_text([&] { decode_bmp(file, {}); }) == "truncated: 1 x 1 pixels do not fit the file");
}

TEST_CASE("a BMP with any byte changed is an error or a picture", "[bmp]") {
    for (int const channels : {1, 4}) {
        auto const file = encode_bmp(test::random_raster(3, 3, channels, 8));
        for (std::size_t i = 0; i < file.size(); ++i)
            for (int const change : {0x01, 0x80, 0xff}) {
                auto damaged = file;
                damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ change);
                REQUIRE(error_text([&] { decode_bmp(damaged, {}); }).find('\n') == std::string::npos);
            }
    }
}
}  // namespace bmp_test
