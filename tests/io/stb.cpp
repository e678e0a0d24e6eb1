// SPDX-License-Identifier: MIT
// A program may use stb_image itself, even in the same unit: its copy and ours do not meet.
#include <stb_image.h>
#include <tacet/io/stb.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>

using namespace tacet;
using namespace tacet::detail;
using test::error_text;

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

TEST_CASE("what stb_image does not know is an Error in its words", "[stb]") {
    auto raster = make_raster(2, 2, 3, 8, {});
    Bytes const gif{'G', 'I', 'F', '8', '9', 'a', 2, 0, 2, 0, 0, 0, 0};
    CHECK(error_text([&] { stb_decode(gif, raster); }) == "damaged: unknown image type");
    CHECK(error_text([&] { stb_decode({}, raster); }) == "damaged: unknown image type");
}
