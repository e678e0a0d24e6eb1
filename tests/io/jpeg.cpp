// SPDX-License-Identifier: MIT
#include <tacet/io/jpeg.hpp>
#include <tacet/io/atomic_file.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>
#include <cmath>

namespace jpeg_test {
using namespace tacet;
using namespace tacet::detail;
using test::contains;
using test::error_text;
using test::wavy_raster;

namespace {

#if TACET_WITH_JPEG
constexpr bool has_libjpeg = true;
#else
constexpr bool has_libjpeg = false;
#endif

/// The picture that a JPEG of it should be near: stb_image_write makes RGB of grey.
Raster as_written(Raster const& raster) {
    if (has_libjpeg || raster.channels == 3) return raster;
    auto rgb = make_raster(static_cast<std::uint64_t>(raster.width), static_cast<std::uint64_t>(raster.height), 3, 8, {});
    for (std::size_t i = 0; i < rgb.samples.size(); ++i) rgb.samples[i] = raster.samples[i / 3];
    return rgb;
}

Raster by_stb(ByteSpan jpeg) {
    auto const file = read_jpeg_segments(jpeg);
    auto raster = make_raster(file.width, file.height, file.components == 1 ? 1 : 3, 8, {});
    stb_decode(jpeg, raster);
    return raster;
}

double psnr(Raster const& a, Raster const& b) {
    REQUIRE(a.samples.size() == b.samples.size());
    double sum = 0;
    for (std::size_t i = 0; i < a.samples.size(); ++i) sum += (a.samples[i] - b.samples[i]) * (a.samples[i] - b.samples[i]);
    return 10 * std::log10(255 * 255 * static_cast<double>(a.samples.size()) / sum);
}

/// The file with one more segment behind its start marker.
Bytes with_segment(Bytes const& jpeg, std::uint32_t marker, Bytes const& data) {
    Bytes out(jpeg.begin(), jpeg.begin() + 2);
    put_jpeg_segment(out, marker, data);
    out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
    return out;
}

/// Where a marker is: the position of its 0xff.
std::size_t find_marker(Bytes const& jpeg, std::uint8_t marker) {
    for (std::size_t at = 2; jpeg[at] == 0xff; at += 2 + big16(jpeg.data() + at + 2))
        if (jpeg[at + 1] == marker) return at;
    FAIL("no such marker");
    return 0;
}

Bytes exif_segment(std::uint32_t orientation) {
    Bytes data(jpeg_exif_label.begin(), jpeg_exif_label.end());
    put_bytes(data, test::exif_data(orientation));
    return data;
}

Bytes from_hexadecimal(std::string const& digits) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

}  // namespace

TEST_CASE("JPEG comes back close to what went in, the closer the higher the quality", "[jpeg]") {
    for (int const channels : {1, 3})
        for (auto const& [height, width] : {std::pair<Index, Index>{1, 1}, {8, 8}, {7, 9}, {17, 16}, {65, 50}}) {
            auto const raster = wavy_raster(height, width, channels);
            std::size_t bytes = 0;
            for (auto const& [quality, least] : {std::pair{10, 22.0}, {50, 30.0}, {95, 40.0}, {100, 48.0}}) {
                auto const file = encode_jpeg(raster, quality);
                auto const back = decode_jpeg(file, {});
                CHECK(back.channels == (has_libjpeg ? channels : 3));
                CHECK(back.bit_depth == 8);
                CHECK(psnr(back, as_written(raster)) > least);
                CHECK(psnr(back, by_stb(file)) > 48);
                CHECK(file.size() + 8 >= bytes);  // of a few pixels nearly the same
                bytes = file.size();
            }
        }
}

TEST_CASE("flat pictures come back exactly", "[jpeg]") {
    for (int const value : {0, 1, 77, 128, 255}) {
        auto raster = make_raster(20, 11, 1, 8, {});
        std::fill(raster.samples.begin(), raster.samples.end(), static_cast<std::uint8_t>(value));
        CHECK(decode_jpeg(encode_jpeg(raster, 100), {}).samples == as_written(raster).samples);
    }
}

#if TACET_WITH_JPEG
TEST_CASE("libjpeg writes grey as grey, and colours in full resolution at every quality", "[jpeg]") {
    for (int const quality : {1, 50, 90, 100}) {
        auto const grey = encode_jpeg(wavy_raster(9, 9, 1), quality), colour = encode_jpeg(wavy_raster(9, 9, 3), quality);
        CHECK(grey[find_marker(grey, 0xc0) + 9] == 1);
        auto const frame = find_marker(colour, 0xc0);
        CHECK(colour[frame + 9] == 3);
        for (std::size_t c = 0; c < 3; ++c) CHECK(colour[frame + 11 + 3 * c] == 0x11);
    }
    auto const file = encode_jpeg(wavy_raster(9, 9, 3), 50);  // quality 50: the tables of T.81, annex K, as they are
    auto const steps = find_marker(file, 0xdb) + 5;
    CHECK(Bytes(file.begin() + static_cast<Index>(steps), file.begin() + static_cast<Index>(steps) + 8) ==
          Bytes{16, 11, 12, 14, 12, 10, 16, 14});
}

/// Flat CMYK, by libjpeg; with Adobe's label or without.
Bytes cmyk_jpeg(std::array<std::uint8_t, 4> const& inks, bool adobe) {
    Bytes out;
    LibjpegState state(&out);
    jpeg_compress_struct jpeg{};
    jpeg.err = &state.errors, jpeg.client_data = &state;
    jpeg_create_compress(&jpeg);
    jpeg.dest = &state.destination;
    jpeg.image_width = jpeg.image_height = 16, jpeg.input_components = 4, jpeg.in_color_space = JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg.write_Adobe_marker = adobe;
    jpeg_start_compress(&jpeg, TRUE);
    Bytes line;
    for (int x = 0; x < 16; ++x) line.insert(line.end(), inks.begin(), inks.end());
    JSAMPROW row = line.data();
    for (int y = 0; y < 16; ++y) jpeg_write_scanlines(&jpeg, &row, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return out;
}

TEST_CASE("CMYK becomes RGB, inks upside down as in Adobe's files or not", "[jpeg]") {
    auto const first = [](Bytes const& file) {
        auto const raster = decode_jpeg(file, {});
        CHECK(raster.channels == 3);
        return Bytes(raster.samples.begin(), raster.samples.begin() + 3);
    };
    auto const adobe = cmyk_jpeg({255, 102, 0, 204}, true);
    CHECK(first(adobe) == Bytes{204, 82, 0});
    CHECK(psnr(decode_jpeg(adobe, {}), by_stb(adobe)) > 45);
    CHECK(first(cmyk_jpeg({0, 153, 255, 51}, false)) == Bytes{204, 82, 0});
}

TEST_CASE("coded data that end early or make no sense are errors", "[jpeg]") {
    auto const file = encode_jpeg(test::random_raster(64, 64, 1, 8), 90);
    Bytes half(file.begin(), file.begin() + static_cast<Index>(file.size()) / 2);
    half.insert(half.end(), {0xff, 0xd9});
    CHECK(error_text([&] { decode_jpeg(half, {}); }) == "damaged: Corrupt JPEG data: premature end of data segment");
    auto ones = file;  // no code is all ones
    for (std::size_t i = find_marker(file, 0xda) + 10; i + 2 < ones.size(); ++i) ones[i] = i % 2 ? 0xff : 0;
    CHECK_THAT(error_text([&] { decode_jpeg(ones, {}); }), contains("damaged: Corrupt JPEG data: "));
    auto longer = file;
    longer.insert(longer.end() - 2, 100, 7);
    CHECK_THAT(error_text([&] { decode_jpeg(longer, {}); }), contains("extraneous bytes before marker 0xd9"));
    auto padded = file;
    padded.insert(padded.end() - 2, 100, 0);
    CHECK(test::same_pixels(decode_jpeg(padded, {}), decode_jpeg(file, {})));
    auto label = file;  // JFIF of a version to come
    label[11] = 9;
    CHECK(test::same_pixels(decode_jpeg(label, {}), decode_jpeg(file, {})));
}
#endif

TEST_CASE("noise, with all symbols there are, comes back", "[jpeg]") {
    auto const raster = test::random_raster(200, 200, 3, 8);
    CHECK(psnr(decode_jpeg(encode_jpeg(raster, 100), {}), raster) > 48);
    CHECK(psnr(decode_jpeg(encode_jpeg(raster, 30), {}), raster) > 10);
    auto extreme = raster;  // black and white alone: the largest coefficients
    for (auto& sample : extreme.samples) sample = sample < 128 ? 0 : 255;
    CHECK(psnr(decode_jpeg(encode_jpeg(extreme, 100), {}), extreme) > 45);
}

TEST_CASE("qualities out of range and pictures too large for JPEG are errors", "[jpeg]") {
    auto const raster = wavy_raster(2, 2, 3);
    CHECK(error_text([&] { encode_jpeg(raster, 0); }) == "JPEG quality 0 is not between 1 and 100");
    CHECK(error_text([&] { encode_jpeg(raster, 101); }) == "JPEG quality 101 is not between 1 and 100");
    auto const wide = wavy_raster(1, 65536, 1);
    CHECK(error_text([&] { encode_jpeg(wide, 95); }) == "65536 x 1 pixels: JPEG has at most 65535 x 65535");
}

TEST_CASE("ICC profiles survive, in one segment or many; incomplete ones are dropped", "[jpeg]") {
    for (std::size_t const size : {200u, 65519u, 65520u, 200'000u}) {
        auto raster = wavy_raster(9, 9, 3);
        raster.icc_profile = test::icc_profile("RGB ", size);
        auto const back = decode_jpeg(encode_jpeg(raster, 90), {});
        CHECK(back.icc_profile == raster.icc_profile);
    }
    auto raster = wavy_raster(9, 9, 3);
    raster.icc_profile = test::icc_profile("RGB ", 200'000);
    auto file = encode_jpeg(raster, 90);
    auto const at = find_marker(file, 0xe2);
    CHECK(file[at + 16] == 1);  // piece 1 of 4
    CHECK(file[at + 17] == 4);
    auto reversed = file;  // the pieces' numbers count, not their order
    auto const piece = 2 + big16(file.data() + at + 2);
    std::copy_n(file.begin() + static_cast<Index>(at + piece), piece, reversed.begin() + static_cast<Index>(at));
    std::copy_n(file.begin() + static_cast<Index>(at), piece, reversed.begin() + static_cast<Index>(at + piece));
    CHECK(decode_jpeg(reversed, {}).icc_profile == raster.icc_profile);
    file.erase(file.begin() + static_cast<Index>(at), file.begin() + static_cast<Index>(at + piece));
    CHECK(decode_jpeg(file, {}).icc_profile.empty());
    raster.icc_profile = test::icc_profile("GRAY");  // does not describe an RGB picture
    CHECK(decode_jpeg(encode_jpeg(raster, 90), {}).icc_profile.empty());
    auto grey = wavy_raster(9, 9, 1);
    grey.icc_profile = raster.icc_profile;
    file = encode_jpeg(grey, 90);
    CHECK((decode_jpeg(file, {}).icc_profile == grey.icc_profile) == has_libjpeg);
    std::string const label(jpeg_icc_label);
    CHECK((std::search(file.begin(), file.end(), label.begin(), label.end()) == file.end()) == !has_libjpeg);
}

TEST_CASE("EXIF orientation is read, other APP1 data are not taken for it", "[jpeg]") {
    auto const file = encode_jpeg(wavy_raster(8, 16, 3), 90);
    CHECK(decode_jpeg(file, {}).orientation == 1);
    CHECK(decode_jpeg(with_segment(file, 0xe1, exif_segment(6)), {}).orientation == 6);
    auto xmp = exif_segment(6);
    xmp[0] = 'X';
    CHECK(decode_jpeg(with_segment(file, 0xe1, xmp), {}).orientation == 1);
    CHECK(decode_jpeg(with_segment(file, 0xe1, {'E', 'x', 'i', 'f', 0, 0, 'I', 'I'}), {}).orientation == 1);
}

TEST_CASE("a JPEG cut off anywhere is an error", "[jpeg]") {
    auto const file = encode_jpeg(test::random_raster(20, 20, 3, 8), 90);
    for (std::size_t n = 0; n < file.size(); ++n) {
        auto const text = error_text([&] { decode_jpeg(ByteSpan(file).first(n), {}); });
        REQUIRE_THAT(text, contains(n < 4 ? "damaged: no JPEG start marker" : "truncated: "));
    }
    CHECK(error_text([&] { decode_jpeg(ByteSpan(file).first(file.size() - 2), {}); }) == "truncated: the JPEG's end marker is missing");
    auto longer = file;
    longer.insert(longer.end(), {1, 2, 3});  // cameras append things
    CHECK(test::same_pixels(decode_jpeg(longer, {}), decode_jpeg(file, {})));
}

TEST_CASE("a JPEG with any byte changed is an error or a picture of the same size, never more", "[jpeg]") {
    auto const file = encode_jpeg(wavy_raster(16, 16, 3), 50);
    ReadLimits limits;
    limits.max_pixels = 1 << 20;
    int errors = 0;
    for (std::size_t i = 0; i < file.size(); ++i)
        for (int const change : {0x01, 0x80, 0xff}) {
            auto damaged = file;
            damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ change);
            auto const text = error_text([&] { decode_jpeg(damaged, limits); });
            errors += text != "no error";
            REQUIRE(text.find('\n') == std::string::npos);
        }
    CHECK(errors > 100);
}

TEST_CASE("headers of unsupported, contradictory or absurd JPEGs are errors", "[jpeg]") {
    auto const file = encode_jpeg(wavy_raster(8, 8, 3), 90);
    auto const frame = find_marker(file, 0xc0);
    auto const changed = [&](std::size_t offset, std::uint8_t value) {
        auto other = file;
        other[frame + offset] = value;
        return error_text([&] { decode_jpeg(other, {}); });
    };
    CHECK(changed(1, 0xc3) == "a lossless, hierarchical or arithmetically coded JPEG, which is not supported");
    CHECK(changed(1, 0xc9) == "a lossless, hierarchical or arithmetically coded JPEG, which is not supported");
    CHECK(changed(4, 12) == "a JPEG with 12 bits per sample; only 8 are supported");
    CHECK(changed(6, 0) == "an image of 8 x 0 pixels");
    CHECK(changed(9, 2) == "damaged: a JPEG with 2 components");
    CHECK_THAT(changed(9, 1), contains("damaged: "));
    CHECK(changed(1, 0xfe) == "damaged: a JPEG without a header");  // a comment

    auto huge = file;
    for (std::size_t i = 5; i < 9; ++i) huge[frame + i] = 0xff;
    CHECK(error_text([&] { decode_jpeg(huge, {}); }) == "65535 x 65535 pixels are more than the limit of 268435456");
    Bytes const header(file.begin() + static_cast<Index>(frame) + 4, file.begin() + static_cast<Index>(frame) + 19);
    CHECK(error_text([&] { decode_jpeg(with_segment(file, 0xc0, header), {}); }) == "damaged: a JPEG with two headers");
    auto beyond = file;
    beyond[4] = 0xff;
    CHECK(error_text([&] { decode_jpeg(beyond, {}); }) == "truncated: the JPEG segment at byte 4 ends beyond the file");
    beyond[4] = 0, beyond[5] = 1;
    CHECK(error_text([&] { decode_jpeg(beyond, {}); }) == "damaged: the JPEG segment at byte 4 has 1 bytes");
}

TEST_CASE("Huffman tables that stb_image would write past its own are refused", "[jpeg]") {
    auto const file = encode_jpeg(wavy_raster(8, 8, 1), 90);
    auto const error = [&](Bytes const& counts, std::size_t symbols) {
        Bytes data{0};
        put_bytes(data, counts);
        data.resize(17 + symbols);
        return error_text([&] { decode_jpeg(with_segment(file, 0xc4, data), {}); });
    };
    Bytes counts(16);
    CHECK(error(counts, 0) == "no error");
    counts[15] = counts[14] = 128;
    CHECK(error(counts, 256) == "damaged: a Huffman table of 256 symbols");
    counts.assign(16, 255);
    CHECK(error(counts, 4080) == "damaged: a Huffman table of 4080 symbols");
    counts.assign(16, 2);
    CHECK(error(counts, 31) == "damaged: a Huffman table is cut off");
    CHECK(error({1, 2}, 0) == "damaged: a Huffman table is cut off");  // not even the counts
}

TEST_CASE("a JPEG of very many scans, each a pass over the picture, is refused", "[jpeg]") {
    auto const file = encode_jpeg(wavy_raster(8, 8, 1), 90);
    auto const scan = find_marker(file, 0xda);
    Bytes many(file.begin(), file.begin() + static_cast<Index>(scan));
    for (int i = 0; i < 201; ++i) many.insert(many.end(), file.begin() + static_cast<Index>(scan), file.end() - 2);
    many.insert(many.end(), {0xff, 0xd9});
    CHECK(error_text([&] { decode_jpeg(many, {}); }) == "damaged: a JPEG of more than 200 scans");
}

TEST_CASE("what a JPEG does not say is never somebody's old memory", "[jpeg]") {
    auto const file = encode_jpeg(wavy_raster(64, 64, 3), 90);
    auto const scan = find_marker(file, 0xda);
    Bytes silent(file.begin(), file.begin() + static_cast<Index>(scan));  // all headers, no picture
    silent.insert(silent.end(), {0xff, 0xd9});
    std::vector<Bytes> results;
    for (int const fill : {0x11, 0xee}) {
        Bytes junk(1 << 16, static_cast<std::uint8_t>(fill));  // the heap's next blocks hold this
        junk = Bytes();
        try {
            results.push_back(decode_jpeg(silent, {}).samples);
        } catch (Error const&) {
            results.push_back({});
        }
    }
    CHECK(results[0] == results[1]);
}

TEST_CASE("files of libjpeg, baseline and progressive, with half the colours and restart markers, are read", "[jpeg]") {
    // 20 x 17 pixels of (255 x / 19, 255 y / 16, 255 - 255 x / 19) in quality 50, written by libjpeg-turbo 2.1.5.
    auto const baseline = decode_jpeg(from_hexadecimal(
        "ffd8ffe000104a46494600010100000100010000ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e40"
        "4457453738506d51575f626768673e4d71797064785c656763ffdb0043011112121815182f1a1a2f634238426363636363636363636363636363636363636363"
        "636363636363636363636363636363636363636363636363636363636363ffc00011080011001403012200021101031101ffc400170001010101000000000000"
        "00000000000000040506ffc4001a100100020301000000000000000000000000030402316121ffc400160101010100000000000000000000000000060403ffc4"
        "001b11000105010100000000000000000000000002040521310141ffdd00040001ffda000c03010002110311003f00c28e8f1547478dc8e8f14c7478aa49de98"
        "c7becb3fffd0931a3e6874d8d1f340d29ddf44697d5a7fffd1de8d5460924bd0f47f87ffd2ec31d0008ade94270fffd9"), {});
    auto const progressive = decode_jpeg(from_hexadecimal(
        "ffd8ffe000104a46494600010100000100010000ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e40"
        "4457453738506d51575f626768673e4d71797064785c656763ffdb0043011112121815182f1a1a2f634238426363636363636363636363636363636363636363"
        "636363636363636363636363636363636363636363636363636363636363ffc20011080011001403012200021101031101ffc400170001010101000000000000"
        "00000000000000030405ffc400160101010100000000000000000000000000050302ffdd00040001ffda000c03010002100310000001c15dd5ae3fffd08ba631"
        "1fffd1df52277fffd2ec0069ffc40017100101010100000000000000000000000000010212ffda0008010100010502987fffd0987fffd1e1ffd2987fffd3987f"
        "ffd4e1ffd58fffd68fffd77fffc40017110100030000000000000000000000000000010304ffda0008010301013f01cf7bffd08bdfffd1ceffd287ffc4001711"
        "0100030000000000000000000000000000010304ffda0008010201013f01d36bffd09b5fffd1d2ffd297ffc40014100100000000000000000000000000000000"
        "ffda0008010100063f027fffd07fffd17fffd27fffd37fffd47fffd57fffd67fffd77fffc4001510010100000000000000000000000000000001ffda00080101"
        "00013f213fffd03fffd18fffd23fffd33fffd48fffd53fffd63fffd78fffda000c03010002000300000010e3ffd0ff00ffd10fffd20bffc40017110101010100"
        "000000000000000000000000312141ffda0008010301013f1086bfffd0c2bfffd1e1ffd287ffc4001811010003010000000000000000000000000001213141ff"
        "da0008010201013f10d5ffd0b65fffd1e9ffd2d4bfffc40017100101010100000000000000000000000000613121ffda0008010100013f1083ffd083ffd1e18f"
        "ffd283ffd383ffd4e18fffd53fffd63fffd7c3ffd9"), {});
    auto expected = make_raster(20, 17, 3, 8, {});
    for (Index y = 0; y < 17; ++y)
        for (Index x = 0; x < 20; ++x) {
            Index const across = x * 255 / 19, down = y * 255 / 16;
            expected.row(y)[3 * x] = static_cast<std::uint8_t>(across), expected.row(y)[3 * x + 1] = static_cast<std::uint8_t>(down);
            expected.row(y)[3 * x + 2] = static_cast<std::uint8_t>(255 - across);
        }
    CHECK(test::same_pixels(baseline, progressive));  // the same coefficients in another order
    CHECK(psnr(baseline, expected) > 25);
}

TEST_CASE("real JPEGs are read and written", "[jpeg]") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    auto const raster = decode_jpeg(read_file(test::data_dir() + "/bsds500/train/100075.jpg"), {});
    CHECK(raster.width == 481);
    CHECK(raster.height == 321);
    CHECK(raster.channels == 3);
    CHECK(psnr(decode_jpeg(encode_jpeg(raster, 95), {}), raster) > 45);
}
}  // namespace jpeg_test
