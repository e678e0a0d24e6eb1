// SPDX-License-Identifier: MIT
#include <tacet/io/raster.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>

namespace raster_test {
using namespace tacet;
using namespace tacet::detail;
using test::error_text;
using test::exif_data;

TEST_CASE("extents are checked in 64 bits, before memory is taken", "[raster]") {
    CHECK(error_text([] { check_extents(0, 5, 3, {}); }) == "an image of 0 x 5 pixels");
    CHECK(error_text([] { check_extents(5, 0, 3, {}); }) == "an image of 5 x 0 pixels");
    CHECK(error_text([] { check_extents(1 << 14, 1 << 14, 4, {}); }) == "no error");
    CHECK(error_text([] { check_extents((1 << 14) + 1, 1 << 14, 1, {}); }) == "16385 x 16384 pixels are more than the limit of 268435456");
    std::uint64_t const huge = 0xffffffff, wrapping = std::uint64_t{1} << 32;  // wrapping * wrapping is 0 in 64 bits
    CHECK(error_text([&] { check_extents(huge, huge, 1, {}); }) == "4294967295 x 4294967295 pixels are more than the limit of 268435456");
    CHECK(error_text([&] { check_extents(wrapping, wrapping, 1, {}); }).find("more than the limit") != std::string::npos);
    ReadLimits limits;
    limits.max_decoded_bytes = 1200;
    CHECK(error_text([&] { check_extents(10, 10, 3, limits); }) == "no error");
    CHECK(error_text([&] { check_extents(10, 10, 4, limits); }) ==
          "10 x 10 pixels of 4 channels take more memory than the limit of 1200 bytes");
}

TEST_CASE("a new raster is black", "[raster]") {
    auto const raster = make_raster(3, 2, 4, 16, {});
    CHECK(raster.samples == Bytes(48));
    CHECK(raster.row_bytes() == 24);
    CHECK(raster.has_alpha());
    CHECK(raster.colours() == 3);
}

TEST_CASE("EXIF orientations are found in both byte orders", "[raster]") {
    for (std::uint32_t orientation = 1; orientation <= 8; ++orientation)
        for (bool const little : {true, false}) CHECK(exif_orientation(exif_data(orientation, little)) == static_cast<int>(orientation));
}

TEST_CASE("damaged EXIF data mean upright", "[raster]") {
    CHECK(exif_orientation({}) == 1);
    CHECK(exif_orientation(exif_data(0)) == 1);
    CHECK(exif_orientation(exif_data(9)) == 1);
    auto const exif = exif_data(6);
    for (std::size_t n = 0; n < exif.size(); ++n) {  // the entry ends before the last four bytes
        auto const orientation = exif_orientation(ByteSpan(exif).first(n));
        CHECK(orientation == (n + 4 >= exif.size() ? 6 : 1));
    }
    auto far = exif;
    far[7] = 0xff;  // a directory beyond the end
    CHECK(exif_orientation(far) == 1);
    auto text = exif;
    text[24] = 2;  // not a number
    CHECK(exif_orientation(text) == 1);
    auto other = exif;
    other[0] = 'X';
    CHECK(exif_orientation(other) == 1);
}

TEST_CASE("the eight orientations are turned upright", "[raster]") {
    // Stored:  1 2 3    with the meaning of EXIF 2.3, 4.6.4 A: where row 0 and column 0 are to be seen.
    //          4 5 6
    std::vector<Bytes> const expected{{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
                                      {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
    for (int orientation = 1; orientation <= 8; ++orientation) {
        auto raster = make_raster(3, 2, 1, 8, {});
        raster.samples = {1, 2, 3, 4, 5, 6};
        raster.orientation = orientation;
        auto const turned = upright(raster);
        CHECK(turned.samples == expected[static_cast<std::size_t>(orientation - 1)]);
        CHECK(turned.width == (orientation < 5 ? 3 : 2));
        CHECK(turned.height == (orientation < 5 ? 2 : 3));
        CHECK(turned.orientation == 1);
    }
}

TEST_CASE("pixels of every size are turned whole", "[raster]") {
    for (int const bit_depth : {8, 16, 32})
        for (int channels = 1; channels <= 4; ++channels) {
            auto raster = test::random_raster(4, 7, channels, bit_depth);
            raster.orientation = 8;
            auto const turned = upright(raster);  // (i, j) comes from row j, column W - 1 - i
            Index const pixel = channels * bit_depth / 8;
            for (Index i = 0; i < 7; ++i)
                for (Index j = 0; j < 4; ++j)
                    REQUIRE(std::equal(turned.row(i) + j * pixel, turned.row(i) + (j + 1) * pixel, raster.row(j) + (6 - i) * pixel));
        }
}

TEST_CASE("ICC profiles are known by size, mark and colour space", "[raster]") {
    CHECK(icc_fits(test::icc_profile("RGB "), 3));
    CHECK_FALSE(icc_fits(test::icc_profile("RGB "), 1));
    CHECK(icc_fits(test::icc_profile("GRAY"), 1));
    CHECK_FALSE(icc_fits(test::icc_profile("CMYK"), 3));
    CHECK_FALSE(icc_fits({}, 3));
    auto damaged = test::icc_profile("RGB ");
    damaged.pop_back();
    CHECK_FALSE(icc_fits(damaged, 3));
    damaged = test::icc_profile("RGB ");
    damaged[36] = 'x';
    CHECK_FALSE(icc_fits(damaged, 3));
}

TEST_CASE("sample bytes are swapped by depth", "[raster]") {
    Bytes bytes{1, 2, 3, 4, 5, 6, 7, 8};
    swap_sample_bytes(bytes, 8);
    CHECK(bytes == Bytes{1, 2, 3, 4, 5, 6, 7, 8});
    swap_sample_bytes(bytes, 16);
    CHECK(bytes == Bytes{2, 1, 4, 3, 6, 5, 8, 7});
    swap_sample_bytes(bytes, 32);
    CHECK(bytes == Bytes{3, 4, 1, 2, 7, 8, 5, 6});
}
}  // namespace raster_test
