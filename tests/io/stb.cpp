// SPDX-License-Identifier: MIT
// A program may use stb_image itself, even in the same unit: its copy and ours do not meet.
#include <stb_image.h>
#include <tacet/io/stb.hpp>
#include <tacet/io/crc32.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>

namespace stb_test {
using namespace tacet;
using namespace tacet::detail;
using test::error_text;

namespace {

/// Whether these bytes come back from their zlib stream, and its checksum and header are right.
bool comes_back(Bytes const& bytes) {
    auto const stream = zlib_compress(bytes);
    Bytes back(bytes.size() + 1);
    if (zlib_decompress(stream, back) != std::ssize(bytes)) return false;
    back.pop_back();
    return back == bytes && big32(stream.data() + stream.size() - 4) == adler32(bytes) && big16(stream.data()) % 31 == 0;
}

Bytes random_bytes(std::size_t n, Index values) {
    Rng rng(3);
    Bytes bytes(n);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(values));
    return bytes;
}

}  // namespace

TEST_CASE("zlib streams made elsewhere are decompressed", "[stb]") {
    // zlib.compress(b"tacet tacet tacet") and zlib.compress(b"") of Python 3.11.
    Bytes const stream{0x78, 0x9c, 0x2b, 0x49, 0x4c, 0x4e, 0x2d, 0x51, 0x28, 0x41, 0x90, 0x00, 0x3a, 0x10, 0x06, 0x74};
    Bytes out(17);
    REQUIRE(zlib_decompress(stream, out) == 17);
    CHECK(std::string(out.begin(), out.end()) == "tacet tacet tacet");
    Bytes const empty{0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01};
    CHECK(zlib_decompress(empty, out) == 0);
}

TEST_CASE("streams that are damaged or do not fit are refused, not cut", "[stb]") {
    Bytes const stream{0x78, 0x9c, 0x2b, 0x49, 0x4c, 0x4e, 0x2d, 0x51, 0x28, 0x41, 0x90, 0x00, 0x3a, 0x10, 0x06, 0x74};
    Bytes small(16), out(17);
    CHECK(zlib_decompress(stream, small) == -1);
    CHECK(zlib_decompress({}, out) == -1);
    CHECK(zlib_decompress(Bytes{0x78, 0x9c}, out) != 17);
    CHECK(zlib_decompress(Bytes{0x78, 0x9c, 0x07, 0xff}, out) == -1);  // a block of an unknown type
    CHECK(zlib_decompress(Bytes(20, 0x55), out) == -1);
}

TEST_CASE("what is compressed comes back", "[stb]") {
    for (std::size_t const n : {0u, 1u, 2u, 3u, 4u, 5u, 100u, 32766u, 32767u, 32768u, 100000u}) {
        CHECK(comes_back(Bytes(n)));
        CHECK(comes_back(random_bytes(n, 256)));
        CHECK(comes_back(random_bytes(n, 5)));
    }
    for (std::size_t const distance : {1u, 2u, 3u, 5u, 100u, 5000u, 24577u, 32767u, 32768u, 32769u, 40000u}) {
        auto bytes = random_bytes(distance, 256);
        bytes.resize(2 * distance);
        std::copy_n(bytes.begin(), distance, bytes.begin() + static_cast<Index>(distance));
        CHECK(comes_back(bytes));
    }
}

TEST_CASE("compression compresses, and never adds much", "[stb]") {
    CHECK(zlib_compress(Bytes(3'000'000)).size() < 30'000);
    auto const noise = random_bytes(1'000'000, 256);
    CHECK(zlib_compress(noise).size() < noise.size() + 300);
}

TEST_CASE("more than stb_image_write can count is refused", "[stb]") {
    std::uint8_t const byte = 0;  // the only one that would be looked at is none
    auto const text = error_text([&] { zlib_compress(ByteSpan(&byte, (std::size_t{1} << 30) + 1)); });
    CHECK(text == "1073741825 bytes are more than stb_image_write compresses");
}

TEST_CASE("stb_image_write's JPEG is close to the picture; grey becomes RGB", "[stb]") {
    for (int const channels : {1, 3}) {
        auto const raster = test::wavy_raster(33, 50, channels);
        auto back = make_raster(50, 33, 3, 8, {});
        stb_decode(stb_encode_jpeg(raster, 95), back);
        int largest = 0;
        for (Index y = 0; y < 33; ++y)
            for (Index x = 0; x < 50; ++x)
                for (Index c = 0; c < 3; ++c)
                    largest = std::max(largest, std::abs(back.row(y)[3 * x + c] - raster.row(y)[channels * x + (channels == 3 ? c : 0)]));
        CHECK(largest < 20);
        CHECK(largest > 0);
    }
}

TEST_CASE("what stb_image does not know is an Error in its words", "[stb]") {
    auto raster = make_raster(2, 2, 3, 8, {});
    Bytes const gif{'G', 'I', 'F', '8', '9', 'a', 2, 0, 2, 0, 0, 0, 0};
    CHECK(error_text([&] { stb_decode(gif, raster); }) == "damaged: unknown image type");
    CHECK(error_text([&] { stb_decode({}, raster); }) == "damaged: unknown image type");
}
}  // namespace stb_test
