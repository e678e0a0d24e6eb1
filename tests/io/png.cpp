// SPDX-License-Identifier: MIT
#include <tacet/io/png.hpp>
#include <tacet/io/atomic_file.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>

namespace png_test {
using namespace tacet;
using namespace tacet::detail;
using test::contains;
using test::error_text;
using test::random_raster;
using test::same_pixels;

namespace {

/// A PNG made of parts, so that each of them can be wrong.
struct PngParts {
    std::uint32_t width, height, bit_depth, colour_type;
    Bytes scanlines;  // filter types and samples
    Bytes before{};   // whole chunks between the header and the image data
    std::uint32_t interlace = 0;

    Bytes header() const {
        Bytes data;
        put_big32(data, width), put_big32(data, height);
        put_byte(data, bit_depth), put_byte(data, colour_type), put_byte(data, 0), put_byte(data, 0), put_byte(data, interlace);
        return data;
    }
    Bytes file(Bytes const& image_data) const {
        Bytes out(png_signature.begin(), png_signature.end());
        put_png_chunk(out, "IHDR", header());
        put_bytes(out, before);
        put_png_chunk(out, "IDAT", image_data);
        put_png_chunk(out, "IEND", {});
        return out;
    }
    Bytes file() const { return file(zlib_compress(scanlines)); }
};

Raster by_stb(ByteSpan bytes) {
    auto const png = read_png_chunks(bytes);
    auto raster = make_raster(png.width, png.height, png.channels(), png.bit_depth == 16 ? 16 : 8, {});
    decode_png_by_stb(bytes, png, raster);
    raster.icc_profile = png.icc_profile;
    return raster;
}

/// Encodes with what the build prefers; stb's way must come back as the same picture.
Bytes encode_both(Raster const& raster) {
    auto const back = by_stb(encode_png_by_stb(raster));
    CHECK(same_pixels(back, raster));
    CHECK(back.icc_profile == raster.icc_profile);
    return encode_png(raster);
}

/// Decodes with stb_image and with what the build prefers, which must agree.
Raster decode_both(ByteSpan bytes) {
    auto raster = decode_png(bytes, {});
    CHECK(same_pixels(raster, by_stb(bytes)));
    return raster;
}

/// The errors of both decoders, which must be errors.
std::string error_of_both(Bytes const& bytes) {
    CHECK(error_text([&] { by_stb(bytes); }) != "no error");
    return error_text([&] { decode_png(bytes, {}); });
}

Bytes chunk(std::string const& type, ByteSpan data) {
    Bytes out;
    put_png_chunk(out, type, data);
    return out;
}

}  // namespace

TEST_CASE("PNG keeps every sample, for all kinds and awkward sizes", "[png]") {
    for (int const bit_depth : {8, 16})
        for (int channels = 1; channels <= 4; ++channels)
            for (auto const& [height, width] : {std::pair<Index, Index>{1, 1}, {1, 9}, {7, 1}, {3, 5}, {70, 33}}) {
                auto const raster = random_raster(height, width, channels, bit_depth);
                CHECK(same_pixels(decode_both(encode_both(raster)), raster));
            }
    auto const waves = test::wavy_raster(100, 120, 3);  // where filters matter
    auto const file = encode_both(waves);
    CHECK(same_pixels(decode_both(file), waves));
    CHECK(file.size() < waves.samples.size() / 6);
}

TEST_CASE("each of PNG's filters is undone by decoders", "[png]") {
    Bytes const above{10, 200, 30, 90}, line{15, 190, 255, 0};
    std::array<Bytes, 5> const filtered{Bytes{0, 15, 190, 255, 0}, Bytes{1, 15, 175, 65, 1}, Bytes{2, 5, 246, 225, 166},
                                        Bytes{3, 10, 83, 145, 84}, Bytes{4, 5, 246, 225, 1}};
    for (auto const& second : filtered) {
        PngParts png{4, 2, 8, 0, Bytes{0}};
        put_bytes(png.scanlines, above), put_bytes(png.scanlines, second);
        auto const raster = decode_both(png.file());
        CHECK(Bytes(raster.row(0), raster.row(1)) == above);
        CHECK(Bytes(raster.row(1), raster.row(1) + 4) == line);
    }
    auto raster = make_raster(4, 2, 1, 8, {});
    raster.samples = above;
    put_bytes(raster.samples, line);
    CHECK(png_scanlines(raster) == Bytes{4, 10, 190, 86, 60, 4, 5, 246, 225, 1});
}

TEST_CASE("the first bytes of a PNG are as the standard says", "[png]") {
    auto const file = encode_png(random_raster(2, 3, 4, 16));
    Bytes const start{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 3, 0, 0, 0, 2, 16, 6, 0, 0, 0};
    CHECK(std::equal(start.begin(), start.end(), file.begin()));
}

TEST_CASE("few bits, palettes and transparent colours are expanded", "[png]") {
    PngParts png{5, 1, 1, 0, {0, 0xb0}};
    CHECK(decode_both(png.file()).samples == Bytes{255, 0, 255, 255, 0});
    png.bit_depth = 2, png.scanlines = {0, 0x1b, 0xc0};
    CHECK(decode_both(png.file()).samples == Bytes{0, 85, 170, 255, 255});
    png.bit_depth = 4, png.scanlines = {0, 0x01, 0x8f, 0x70};
    CHECK(decode_both(png.file()).samples == Bytes{0, 17, 136, 255, 119});

    png.before = chunk("tRNS", Bytes{0, 8});
    auto const grey = decode_both(png.file());
    CHECK(grey.channels == 2);
    CHECK(grey.samples == Bytes{0, 255, 17, 255, 136, 0, 255, 255, 119, 255});

    png = {3, 1, 2, 3, {0, 0x18}};
    png.before = chunk("PLTE", Bytes{1, 2, 3, 40, 50, 60, 7, 8, 9});
    auto const palette = decode_both(png.file());
    CHECK(palette.channels == 3);
    CHECK(palette.samples == Bytes{1, 2, 3, 40, 50, 60, 7, 8, 9});
    put_png_chunk(png.before, "tRNS", Bytes{0, 128});
    CHECK(decode_both(png.file()).samples == Bytes{1, 2, 3, 0, 40, 50, 60, 128, 7, 8, 9, 255});

    png = {2, 1, 8, 2, {0, 1, 2, 3, 4, 5, 6}};
    png.before = chunk("tRNS", Bytes{0, 4, 0, 5, 0, 6});
    CHECK(decode_both(png.file()).samples == Bytes{1, 2, 3, 255, 4, 5, 6, 0});
}

TEST_CASE("interlaced PNGs are read, however small", "[png]") {
    for (auto const& [height, width] : {std::pair<std::uint32_t, std::uint32_t>{1, 1}, {1, 5}, {5, 1}, {3, 2}, {8, 8}, {13, 11}}) {
        auto const raster = random_raster(height, width, 1, 8);
        PngParts png{width, height, 8, 0, {}, {}, 1};
        struct Pass {
            std::uint32_t x, y, dx, dy;
        };
        for (auto const& pass : {Pass{0, 0, 8, 8}, Pass{4, 0, 8, 8}, Pass{0, 4, 4, 8}, Pass{2, 0, 4, 4}, Pass{0, 2, 2, 4}, Pass{1, 0, 2, 2},
                                 Pass{0, 1, 1, 2}})
            for (auto y = pass.y; y < height && pass.x < width; y += pass.dy) {
                png.scanlines.push_back(0);
                for (auto x = pass.x; x < width; x += pass.dx) png.scanlines.push_back(raster.row(y)[x]);
            }
        CHECK(png_scanline_bytes(read_png_chunks(png.file())) == png.scanlines.size());
        CHECK(same_pixels(decode_both(png.file()), raster));
    }
}

TEST_CASE("a PNG's profile and orientation are carried", "[png]") {
    for (auto const& [channels, space] : {std::pair{1, "GRAY"}, {4, "RGB "}}) {
        auto raster = random_raster(3, 4, channels, 8);
        raster.icc_profile = test::icc_profile(space, 100'000);
        auto const back = decode_png(encode_both(raster), {});
        CHECK(back.icc_profile == raster.icc_profile);
        CHECK(back.samples == raster.samples);
    }
    PngParts png{2, 1, 8, 0, {0, 7, 8}, chunk("eXIf", test::exif_data(6))};
    CHECK(decode_png(png.file(), {}).orientation == 6);
}

TEST_CASE("a bad profile is dropped, and a small one that unpacks to much is not unpacked", "[png]") {
    auto const with_profile = [](Bytes const& profile, std::string const& name = std::string("x\0\0", 3)) {
        Bytes data;
        put_text(data, name);
        put_bytes(data, zlib_compress(profile));
        return PngParts{1, 1, 8, 0, {0, 9}, chunk("iCCP", data)}.file();
    };
    CHECK(read_png_chunks(with_profile(test::icc_profile("GRAY"))).icc_profile == test::icc_profile("GRAY"));
    CHECK(read_png_chunks(with_profile(test::icc_profile("RGB "))).icc_profile.empty());  // for a grey picture
    CHECK(read_png_chunks(with_profile(Bytes(300))).icc_profile.empty());
    CHECK(read_png_chunks(with_profile({}, "no end")).icc_profile.empty());
    CHECK(read_png_chunks(with_profile(Bytes(40'000'000))).icc_profile.empty());
    CHECK(decode_both(with_profile(Bytes(300))).samples == Bytes{9});
}

TEST_CASE("a PNG cut off anywhere is an error", "[png]") {
    auto const file = encode_png(random_raster(5, 7, 3, 8));
    for (std::size_t n = 0; n < file.size(); ++n) {
        auto const text = error_text([&] { decode_png(ByteSpan(file).first(n), {}); });
        REQUIRE_THAT(text, contains(n < 8 ? "no PNG signature" : "truncated: "));
    }
    auto const text = error_text([&] { decode_png(ByteSpan(file).first(60), {}); });
    CHECK(text == "truncated: the chunk IDAT at byte 33 ends beyond the file");
}

TEST_CASE("a PNG with any bit flipped is an error", "[png]") {
    auto const file = encode_png(random_raster(3, 3, 3, 16));
    for (std::size_t i = 0; i < file.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            auto damaged = file;
            damaged[i] ^= static_cast<std::uint8_t>(1 << bit);
            REQUIRE(error_text([&] { decode_png(damaged, {}); }) != "no error");
        }
    auto damaged = file;
    damaged[50] ^= 1;
    CHECK(error_text([&] { decode_png(damaged, {}); }) == "damaged: the chunk IDAT at byte 33 has a wrong checksum");
}

TEST_CASE("image data that contradict their own checksum or size are errors, though the chunks' checksums are right", "[png]") {
    auto const raster = random_raster(4, 4, 1, 8);
    PngParts png{4, 4, 8, 0, png_scanlines(raster)};
    auto const stream = zlib_compress(png.scanlines);
    CHECK(same_pixels(decode_both(png.file(stream)), raster));

    auto wrong_sum = stream;
    wrong_sum.back() ^= 1;
    CHECK_THAT(error_of_both(png.file(wrong_sum)), contains("damaged: "));
    auto wrong_sample = stream;  // stored, for noise does not compress: one byte of a sample
    wrong_sample[10] ^= 1;
    CHECK_THAT(error_of_both(png.file(wrong_sample)), contains("damaged: "));
    CHECK_THAT(error_of_both(png.file(Bytes(stream.begin(), stream.end() - 9))), contains("damaged: "));
    CHECK_THAT(error_of_both(png.file({})), contains("damaged: "));
    CHECK_THAT(error_of_both(png.file(Bytes(100, 0x5a))), contains("damaged: "));
    png.height = 5;
    CHECK_THAT(error_of_both(png.file(stream)), contains("damaged: "));
    png.height = 4;
    png.scanlines[5] = 7;  // no such filter
    CHECK_THAT(error_of_both(png.file()), contains("damaged: "));
}

TEST_CASE("a PNG of zero or absurd size is refused before memory is taken", "[png]") {
    PngParts png{0x7fffffff, 0x7fffffff, 16, 6, {0, 1}};
    CHECK(error_text([&] { decode_png(png.file(), {}); }) == "2147483647 x 2147483647 pixels are more than the limit of 268435456");
    png.width = 0;
    CHECK(error_text([&] { decode_png(png.file(), {}); }) == "an image of 0 x 2147483647 pixels");
    png.width = 0xffffffff;
    CHECK_THAT(error_text([&] { decode_png(png.file(), {}); }), contains("more than the limit"));
    png.width = png.height = 32768, png.bit_depth = 1, png.colour_type = 0;
    png.scanlines = Bytes(std::size_t{32768} * 4097);  // 130 kB as a file, 12 GiB as float RGB
    CHECK(error_text([&] { decode_png(png.file(), {}); }) == "32768 x 32768 pixels are more than the limit of 268435456");
}

TEST_CASE("a PNG whose data cannot hold its pixels is refused before memory is taken", "[png]") {
    PngParts const png{16000, 16000, 16, 6, {0, 1}};
    auto const file = png.file(Bytes{0x78, 0x9c, 0x03, 0x00});
    CHECK(error_text([&] { decode_png(file, {}); }) == "damaged: 4 bytes of image data for 16000 x 16000 pixels");
    PngParts const zeros{3000, 1000, 8, 0, Bytes(1000 * 3001)};  // the most that compression does
    CHECK(decode_both(zeros.file()).samples == Bytes(3'000'000));
}

TEST_CASE("headers that no PNG has are errors", "[png]") {
    auto const header_error = [](std::uint32_t bit_depth, std::uint32_t colour_type, std::uint32_t interlace = 0) {
        PngParts const png{1, 1, bit_depth, colour_type, {0, 1}, {}, interlace};
        return error_of_both(png.file());
    };
    CHECK(header_error(3, 0) == "damaged: no PNG has colour type 0 with 3 bits");
    CHECK(header_error(4, 2) == "damaged: no PNG has colour type 2 with 4 bits");
    CHECK(header_error(16, 3) == "damaged: no PNG has colour type 3 with 16 bits");
    CHECK(header_error(8, 5) == "damaged: no PNG has colour type 5 with 8 bits");
    CHECK(header_error(8, 0, 2) == "damaged: unknown compression, filter or interlace method");
}

TEST_CASE("chunks that are missing, doubled or out of place are errors", "[png]") {
    PngParts png{1, 1, 8, 0, {0, 1}};
    Bytes file(png_signature.begin(), png_signature.end());
    put_png_chunk(file, "IHDR", png.header());
    auto no_data = file;
    put_png_chunk(no_data, "IEND", {});
    CHECK(error_of_both(no_data) == "damaged: a PNG without image data");
    Bytes headless(png_signature.begin(), png_signature.end());
    put_png_chunk(headless, "IDAT", zlib_compress(png.scanlines));
    CHECK(error_of_both(headless) == "damaged: the PNG header is not the first chunk");
    png.before = chunk("IHDR", png.header());
    CHECK(error_of_both(png.file()) == "damaged: the PNG header is not the first chunk");
    png.before = chunk("tRNS", Bytes{1, 2, 3});
    CHECK(error_of_both(png.file()) == "damaged: the chunk tRNS has 3 bytes");
    png.before = Bytes{0, 0, 0, 1, 'a', '1', 'b', 'c', 0, 0, 0, 0, 0};
    CHECK(error_of_both(png.file()) == "damaged: no PNG chunk at byte 33");
    png.before = chunk("ABCD", Bytes{});  // a capital first letter: decoders that do not know the chunk must give up
    CHECK_THAT(error_of_both(png.file()), contains("damaged: "));
    png = {1, 1, 8, 3, {0, 1}};
    CHECK_THAT(error_of_both(png.file()), contains("damaged: "));  // no palette
}

TEST_CASE("real PNGs decode alike with both decoders and survive being written", "[png]") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    for (auto const* name : {"/cbsd68/101085.png", "/set12/01.png", "/mpi/kate.png"}) {
        auto const raster = decode_both(read_file(test::data_dir() + name));
        CHECK(same_pixels(decode_both(encode_both(raster)), raster));
    }
}
}  // namespace png_test
