// SPDX-License-Identifier: MIT
#include <tacet/io/tiff.hpp>
#include <tacet/io/atomic_file.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>
#include <functional>
#include <limits>

namespace tiff_test {
using namespace tacet;
using namespace tacet::detail;
using test::contains;
using test::error_text;
using test::random_raster;
using test::same_pixels;

#if TACET_WITH_TIFF

namespace {

/// A TIFF that libtiff writes as the test says.
Bytes made_by(std::function<void(TIFF*)> const& write, char const* mode = "w") {
    TiffMemory memory;
    memory.writing = true;
    auto tiff = open_tiff(memory, mode, 0);
    write(tiff.get());
    tiff.reset();
    return memory.output;
}

void set_layout(TIFF* tiff, Index width, Index height, int bits, int samples, int photometric) {
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(width));
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(height));
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, samples);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, photometric);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
}

/// One line of bytes as a page.
void put_page(TIFF* tiff, int bits, int samples, int photometric, Bytes line, Index width, std::function<void()> const& more = [] {}) {
    set_layout(tiff, width, 1, bits, samples, photometric);
    more();
    REQUIRE(TIFFWriteScanline(tiff, line.data(), 0, 0) == 1);
    REQUIRE(TIFFWriteDirectory(tiff) == 1);
}

int photometric_of(Raster const& raster) { return raster.colours() == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK; }

/// 16 x 32 pixels of a raster of 16 bits from (top, left) on, or `per_pixel` samples of each from sample `first` on.
Bytes cut_tile(Raster const& raster, std::size_t top, std::size_t left, std::size_t first, std::size_t per_pixel) {
    Bytes tile(16 * 32 * per_pixel * 2, 0xee);
    auto const channels = static_cast<std::size_t>(raster.channels);
    for (std::size_t i = 0; i < 16 && top + i < static_cast<std::size_t>(raster.height); ++i)
        for (std::size_t j = 0; j < 32 && left + j < static_cast<std::size_t>(raster.width); ++j) {
            auto const* const pixel = raster.row(static_cast<Index>(top + i)) + ((left + j) * channels + first) * 2;
            std::copy_n(pixel, per_pixel * 2, tile.data() + (32 * i + j) * per_pixel * 2);
        }
    return tile;
}

std::string error_of(Bytes const& file) {
    return error_text([&] { decode_tiff(file, {}); });
}

}  // namespace

TEST_CASE("TIFF keeps every sample of every kind", "[tiff]") {
    for (int const bit_depth : {8, 16, 32})
        for (int channels = 1; channels <= 4; ++channels)
            for (auto const& [height, width] : {std::pair<Index, Index>{1, 1}, {5, 3}, {300, 41}}) {
                auto raster = random_raster(height, width, channels, bit_depth);
                raster.premultiplied = channels == 4;
                auto const back = decode_tiff(encode_tiff(raster), {});
                CHECK(same_pixels(back, raster));
                CHECK(back.premultiplied == raster.premultiplied);
            }
}

TEST_CASE("TIFF keeps floats that are no colours", "[tiff]") {
    auto raster = random_raster(1, 4, 1, 32);
    float const values[] = {-3.5f, 1e30f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min()};
    std::memcpy(raster.samples.data(), values, sizeof values);
    CHECK(same_pixels(decode_tiff(encode_tiff(raster), {}), raster));
}

TEST_CASE("a TIFF's profile and orientation are carried", "[tiff]") {
    auto raster = random_raster(2, 3, 3, 16);
    raster.icc_profile = test::icc_profile("RGB ", 5000);
    CHECK(decode_tiff(encode_tiff(raster), {}).icc_profile == raster.icc_profile);
    raster.icc_profile = test::icc_profile("CMYK");
    CHECK(decode_tiff(encode_tiff(raster), {}).icc_profile.empty());
    auto const turned = made_by([](TIFF* tiff) {
        put_page(tiff, 8, 1, PHOTOMETRIC_MINISBLACK, {1, 2}, 2, [&] { TIFFSetField(tiff, TIFFTAG_ORIENTATION, 6); });
    });
    CHECK(decode_tiff(turned, {}).orientation == 6);
}

TEST_CASE("compressions, byte orders and strips of libtiff are read", "[tiff]") {
    auto const raster = random_raster(50, 30, 3, 16);
    for (auto const* mode : {"wl", "wb", "w8"})
        for (int const compression : {COMPRESSION_NONE, COMPRESSION_PACKBITS, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE})
            for (int const rows : {1, 7, 50}) {
                auto const file = made_by(
                    [&](TIFF* tiff) {
                        set_layout(tiff, 30, 50, 16, 3, PHOTOMETRIC_RGB);
                        TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression), TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows);
                        auto copy = raster;  // libtiff swaps bytes in place
                        for (std::uint32_t y = 0; y < 50; ++y) REQUIRE(TIFFWriteScanline(tiff, copy.row(y), y, 0) == 1);
                    },
                    mode);
                CHECK(same_pixels(decode_tiff(file, {}), raster));
            }
}

TEST_CASE("separate planes are interleaved", "[tiff]") {
    for (int const bit_depth : {8, 32}) {
        auto const raster = random_raster(9, 7, 4, bit_depth);
        auto const bytes = static_cast<std::size_t>(bit_depth / 8);
        auto const file = made_by([&](TIFF* tiff) {
            set_layout(tiff, 7, 9, bit_depth, 4, PHOTOMETRIC_RGB);
            TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_SEPARATE);
            if (bit_depth == 32) TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_IEEEFP);
            for (std::uint16_t plane = 0; plane < 4; ++plane)
                for (std::uint32_t y = 0; y < 9; ++y) {
                    Bytes line(7 * bytes);
                    auto const* const row = raster.row(y) + plane * bytes;
                    for (std::size_t x = 0; x < 7; ++x) std::copy_n(row + 4 * x * bytes, bytes, line.data() + x * bytes);
                    REQUIRE(TIFFWriteScanline(tiff, line.data(), y, plane) == 1);
                }
        });
        CHECK(same_pixels(decode_tiff(file, {}), raster));
    }
}

TEST_CASE("tiles are put together, those beyond the edge cut", "[tiff]") {
    for (int const channels : {1, 3})
        for (bool const separate : {false, true}) {
            auto const raster = random_raster(40, 50, channels, 16);
            auto const planes = static_cast<std::size_t>(separate ? channels : 1), per_pixel = static_cast<std::size_t>(channels) / planes;
            auto const file = made_by([&](TIFF* tiff) {
                set_layout(tiff, 50, 40, 16, channels, photometric_of(raster));
                TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
                TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 32), TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
                for (std::size_t plane = 0; plane < planes; ++plane)
                    for (std::size_t y = 0; y < 40; y += 16)
                        for (std::size_t x = 0; x < 50; x += 32) {
                            auto tile = cut_tile(raster, y, x, plane, per_pixel);
                            REQUIRE(TIFFWriteTile(tiff, tile.data(), static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0,
                                                  static_cast<std::uint16_t>(plane)) > 0);
                        }
            });
            CHECK(same_pixels(decode_tiff(file, {}), raster));
        }
}

TEST_CASE("white at zero is turned to black at zero", "[tiff]") {
    auto const bytes = made_by([](TIFF* tiff) { put_page(tiff, 8, 1, PHOTOMETRIC_MINISWHITE, {0, 1, 255}, 3); });
    CHECK(decode_tiff(bytes, {}).samples == Bytes{255, 254, 0});
    auto const words = made_by([](TIFF* tiff) { put_page(tiff, 16, 2, PHOTOMETRIC_MINISWHITE, {1, 2, 3, 4}, 1); });
    CHECK(decode_tiff(words, {}).samples == Bytes{254, 253, 3, 4});  // alpha stays
}

TEST_CASE("few bits and palettes become 8 bits", "[tiff]") {
    auto const bits = made_by([](TIFF* tiff) { put_page(tiff, 1, 1, PHOTOMETRIC_MINISBLACK, {0xa0}, 3); });
    auto const grey = decode_tiff(bits, {});
    CHECK(grey.channels == 1);
    CHECK(grey.samples == Bytes{255, 0, 255});
    auto const palette = made_by([](TIFF* tiff) {
        put_page(tiff, 8, 1, PHOTOMETRIC_PALETTE, {1, 0}, 2, [&] {
            std::vector<std::uint16_t> red(256), green(256), blue(256);
            red[1] = 0x1100, green[1] = 0x2200, blue[1] = 0x3300, blue[0] = 0xff00;
            TIFFSetField(tiff, TIFFTAG_COLORMAP, red.data(), green.data(), blue.data());
            TIFFSetField(tiff, TIFFTAG_ORIENTATION, 3);
        });
    });
    auto const colours = decode_tiff(palette, {});
    CHECK(colours.channels == 3);
    CHECK(colours.samples == Bytes{0x11, 0x22, 0x33, 0, 0, 0xff});  // not yet turned
    CHECK(colours.orientation == 3);
}

TEST_CASE("kinds of TIFF that would lose something are refused", "[tiff]") {
    auto const with_format = [](int bits, int format, std::size_t bytes) {
        return made_by([&](TIFF* tiff) {
            put_page(tiff, bits, 1, PHOTOMETRIC_MINISBLACK, Bytes(bytes), 1, [&] { TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, format); });
        });
    };
    CHECK_THAT(error_of(with_format(32, SAMPLEFORMAT_UINT, 4)), contains("not supported"));
    CHECK_THAT(error_of(with_format(64, SAMPLEFORMAT_IEEEFP, 8)), contains("not supported"));
    CHECK_THAT(error_of(with_format(16, SAMPLEFORMAT_IEEEFP, 2)), contains("not supported"));
    CHECK_THAT(error_of(with_format(16, SAMPLEFORMAT_INT, 2)), contains("not supported"));
    auto const five = made_by([](TIFF* tiff) { put_page(tiff, 16, 7, PHOTOMETRIC_SEPARATED, Bytes(14), 1); });
    CHECK(error_of(five) != "no error");
}

TEST_CASE("several pages are refused, thumbnails are not pages", "[tiff]") {
    auto const pages = [](std::uint32_t kind) {
        return made_by([&](TIFF* tiff) {
            put_page(tiff, 8, 1, PHOTOMETRIC_MINISBLACK, {1, 2, 3}, 3);
            put_page(tiff, 8, 1, PHOTOMETRIC_MINISBLACK, {9}, 1, [&] { TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, kind); });
        });
    };
    CHECK(error_of(pages(0)) == "a TIFF of several pages; only single pages are supported: split it first");
    CHECK(error_of(pages(FILETYPE_PAGE)) == "a TIFF of several pages; only single pages are supported: split it first");
    CHECK(decode_tiff(pages(FILETYPE_REDUCEDIMAGE), {}).samples == Bytes{1, 2, 3});
}

TEST_CASE("a TIFF of absurd size is refused before memory is taken", "[tiff]") {
    auto const file = made_by([](TIFF* tiff) { put_page(tiff, 8, 1, PHOTOMETRIC_MINISBLACK, {1, 2, 3}, 3); });
    auto huge = file;
    auto const directory = little32(file.data() + 4);
    for (std::size_t at = directory + 2; at < directory + 2 + 12 * 2; at += 12)  // the first two tags: width and height
        huge[at + 2] = 4, huge[at + 10] = 0x10;
    CHECK(error_of(huge) == "1048579 x 1048577 pixels are more than the limit of 268435456");
    auto empty = file;
    empty[directory + 2 + 8] = 0;
    CHECK(error_of(empty) != "no error");  // libtiff or we
}

TEST_CASE("a TIFF cut off anywhere is an error", "[tiff]") {
    for (int const bit_depth : {8, 32}) {
        auto const file = encode_tiff(random_raster(9, 9, 3, bit_depth));
        for (std::size_t n = 0; n < file.size(); ++n) {
            Bytes const part(file.begin(), file.begin() + static_cast<Index>(n));
            auto const text = error_of(part);
            REQUIRE_THAT(text, contains("damaged: "));
            REQUIRE(text.find('\n') == std::string::npos);
        }
    }
}

TEST_CASE("a TIFF with any byte changed is an error or a picture within the limits", "[tiff]") {
    ReadLimits limits;
    limits.max_pixels = 1 << 20;
    limits.max_decoded_bytes = 1 << 24;
    auto const file = encode_tiff(random_raster(5, 5, 3, 16));
    for (std::size_t i = 0; i < file.size(); ++i)
        for (int const change : {0x01, 0x80, 0xff}) {
            auto damaged = file;
            damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ change);
            auto const text = error_text([&] { decode_tiff(damaged, limits); });
            REQUIRE(text.find('\n') == std::string::npos);
        }
}

TEST_CASE("real TIFFs, compressed by PackBits, are read", "[tiff]") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    auto const raster = decode_tiff(read_file(test::data_dir() + "/mcmaster/1.tif"), {});
    CHECK(raster.width == 500);
    CHECK(raster.height == 500);
    CHECK(raster.channels == 3);
    CHECK(raster.bit_depth == 8);
    CHECK(same_pixels(decode_tiff(encode_tiff(raster), {}), raster));
}

#else

TEST_CASE("without libtiff the error says what to do", "[tiff]") {
    auto const text = "TIFF needs libtiff, which this program was built without (Debian, Ubuntu: apt install libtiff-dev)";
    CHECK(error_text([] { decode_tiff({}, {}); }) == text);
    CHECK(error_text([] { encode_tiff({}); }) == text);
}

#endif
}  // namespace tiff_test
