// SPDX-License-Identifier: MIT
#include <tacet/io/netpbm.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>

namespace netpbm_test {
using namespace tacet;
using namespace tacet::detail;
using test::contains;
using test::error_text;

namespace {

Bytes file(std::string const& header, Bytes const& samples = {}) {
    Bytes out;
    put_text(out, header), put_bytes(out, samples);
    return out;
}
Raster pnm(std::string const& header, Bytes const& samples = {}) { return decode_pnm(file(header, samples), {}); }
std::string pnm_error(std::string const& header, Bytes const& samples = {}) {
    return error_text([&] { pnm(header, samples); });
}
std::string pfm_error(std::string const& header, Bytes const& samples = {}) {
    return error_text([&] { decode_pfm(file(header, samples), {}); });
}
std::vector<float> floats(Raster const& raster) {
    std::vector<float> values(raster.samples.size() / 4);
    std::memcpy(values.data(), raster.samples.data(), raster.samples.size());
    return values;
}

}  // namespace

TEST_CASE("PNM and PFM keep every sample", "[netpbm]") {
    for (int const channels : {1, 3}) {
        for (int const bit_depth : {8, 16}) {
            auto const raster = test::random_raster(5, 7, channels, bit_depth);
            CHECK(test::same_pixels(decode_pnm(encode_pnm(raster), {}), raster));
        }
        auto const raster = test::random_raster(5, 7, channels, 32);
        CHECK(test::same_pixels(decode_pfm(encode_pfm(raster), {}), raster));
    }
}

TEST_CASE("small files are written byte for byte as documented", "[netpbm]") {
    auto raster = make_raster(2, 1, 1, 16, {});
    raster.samples = {0x34, 0x12, 0x78, 0x56};  // the file's most significant byte comes first
    CHECK(encode_pnm(raster) == file("P5\n2 1\n65535\n", {0x12, 0x34, 0x56, 0x78}));
    raster = make_raster(1, 1, 3, 8, {});
    raster.samples = {1, 2, 3};
    CHECK(encode_pnm(raster) == file("P6\n1 1\n255\n", {1, 2, 3}));
    raster = make_raster(1, 2, 1, 32, {});
    raster.samples = {0, 0, 0x80, 0x3f, 0, 0, 0, 0x40};  // 1 above 2
    CHECK(encode_pfm(raster) == file("Pf\n1 2\n-1.0\n", {0, 0, 0, 0x40, 0, 0, 0x80, 0x3f}));
}

TEST_CASE("all six kinds of PNM are read, with comments and any blanks", "[netpbm]") {
    CHECK(pnm("P1\n# a comment\n3 2\n1 0 1\n010").samples == Bytes{0, 255, 0, 255, 0, 255});
    CHECK(pnm("P4 9 2\n", {0xaa, 0x80, 0x55, 0x00}).samples ==
          Bytes{0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255});
    CHECK(pnm("P2\t3\r\n1 # width, height\n255 0 7\n255").samples == Bytes{0, 7, 255});
    CHECK(pnm("P3 1 1 255 1 2 3").samples == Bytes{1, 2, 3});
    CHECK(pnm("P5#x\n2 1 255\n", {'#', ' '}).samples == Bytes{'#', ' '});  // samples are not text
    auto const colours = pnm("P6 1 2 255 ", {1, 2, 3, 4, 5, 6});
    CHECK(colours.channels == 3);
    CHECK(colours.height == 2);
    CHECK(colours.samples == Bytes{1, 2, 3, 4, 5, 6});
}

TEST_CASE("other maxima are scaled to the whole range", "[netpbm]") {
    CHECK(pnm("P2 3 1 100 0 50 100").samples == Bytes{0, 128, 255});
    CHECK(pnm("P5 2 1 1\n", {0, 1}).samples == Bytes{0, 255});
    auto const ten_bits = pnm("P5 2 1 1023\n", {0x03, 0xff, 0x02, 0x00});
    CHECK(ten_bits.bit_depth == 16);
    CHECK(ten_bits.samples == Bytes{0xff, 0xff, 0x20, 0x80});  // 65535 and 512 * 65535 / 1023 = 32799.5
    CHECK(pnm("P2 1 1 65535 513").samples == Bytes{1, 2});
}

TEST_CASE("PFM is read in both byte orders, the lowest line first", "[netpbm]") {
    auto const grey = decode_pfm(file("Pf\n1 2\n-1.0\n", {0, 0, 0, 0x40, 0, 0, 0x80, 0x3f}), {});
    CHECK(floats(grey) == std::vector<float>{1, 2});
    CHECK(grey.bit_depth == 32);
    auto const big = decode_pfm(file("PF 1 1 1e2\n", {0x40, 0, 0, 0, 0xbf, 0x80, 0, 0, 0, 0, 0, 0}), {});
    CHECK(floats(big) == std::vector<float>{2, -1, 0});
}

TEST_CASE("PNM with missing or wrong samples is an error", "[netpbm]") {
    CHECK(pnm_error("P6\n100 100\n255\n", Bytes(100)) == "truncated: 100 x 100 pixels do not fit the file");
    CHECK(pnm_error("P5 2 2 255\n", Bytes(3)) == "truncated: 2 x 2 pixels do not fit the file");
    CHECK(pnm_error("P5 2 2 256\n", Bytes(7)) == "truncated: 2 x 2 pixels do not fit the file");
    CHECK(pnm_error("P5 2 2 255") == "truncated: 2 x 2 pixels do not fit the file");
    CHECK(pnm_error("P4 9 2\n", Bytes(3)) == "truncated: pixels are missing");
    CHECK(pnm_error("P1 3 1 1 0 ") == "truncated: pixels are missing");
    CHECK(pnm_error("P2 2 1 255 1      ") == "truncated: the sample is missing");
    CHECK(pnm_error("P1 2 1 12") == "damaged: a pixel that is neither 0 nor 1");
    CHECK(pnm_error("P2 2 1 9 5 10") == "damaged: a sample of 10, above the maximum of 9");
    CHECK(pnm_error("P5 1 1 9\n", {10}) == "damaged: a sample of 10, above the maximum of 9");
    CHECK(pnm_error("P2 2 1 255 1 x2") == "damaged: 'x2' is no sample");
}

TEST_CASE("absurd PNM headers are errors", "[netpbm]") {
    CHECK(pnm_error("P5") == "truncated: the width is missing");
    CHECK(pnm_error("P5 3") == "truncated: the height is missing");
    CHECK(pnm_error("P5 3 3 # 255") == "truncated: the maximum is missing");
    CHECK(pnm_error("P5 -3 3 255\n") == "damaged: '-3' is no width");
    CHECK(pnm_error("P5 3 3.5 255\n") == "damaged: '3.5' is no height");
    CHECK(pnm_error("P5 99999999999999999999 1 255\n") == "damaged: '99999999999999999999' is no width");
    CHECK(pnm_error("P5 1 1 65536\n") == "damaged: '65536' is no maximum");
    CHECK(pnm_error("P5 1 1 0\n") == "damaged: a maximum of 0");
    CHECK(pnm_error("P5 0 1 255\n") == "an image of 0 x 1 pixels");
    CHECK(pnm_error("P6 2147483647 2147483647 255\n") == "2147483647 x 2147483647 pixels are more than the limit of 268435456");
    CHECK(pnm_error("P6 10000 10000 65535\n") == "truncated: 10000 x 10000 pixels do not fit the file");  // before memory is taken
    CHECK(pnm_error("P5 \x01\n\xff 1 255\n") == "damaged: '?' is no width");
}

TEST_CASE("absurd PFM headers and missing floats are errors", "[netpbm]") {
    for (std::string const scale : {"0", "-0.0", "nan", "inf", "-inf", "1e99", "one", "1.0x"})
        CHECK(pfm_error("Pf 1 1 " + scale + "\n", Bytes(4)) == "damaged: '" + scale + "' is no PFM scale");
    CHECK(pfm_error("PF 2 2 -1\n", Bytes(47)) == "truncated: 2 x 2 pixels do not fit the file");
    CHECK(pfm_error("PF 1000000 268 -1\n") == "truncated: 1000000 x 268 pixels do not fit the file");
    CHECK(pfm_error("PF 2147483647 2147483647 -1\n") == "2147483647 x 2147483647 pixels are more than the limit of 268435456");
    CHECK(pfm_error("PF 0 2 -1\n") == "an image of 0 x 2 pixels");
    CHECK(pfm_error("PF 1 2") == "damaged: '' is no PFM scale");
    CHECK(pfm_error("PF 1 2 -1") == "truncated: pixels are missing");
}

TEST_CASE("files cut off anywhere are errors", "[netpbm]") {
    for (int const channels : {1, 3})
        for (int const bit_depth : {8, 16, 32}) {
            auto const raster = test::random_raster(3, 4, channels, bit_depth);
            auto const whole = bit_depth == 32 ? encode_pfm(raster) : encode_pnm(raster);
            for (std::size_t n = 2; n < whole.size(); ++n) {
                auto const part = ByteSpan(whole).first(n);
                auto const text = error_text([&] { bit_depth == 32 ? decode_pfm(part, {}) : decode_pnm(part, {}); });
                REQUIRE(text != "no error");
            }
        }
}
}  // namespace netpbm_test
