// SPDX-License-Identifier: MIT
#include <tacet/io/byte_reader.hpp>
#include <support/catch.hpp>
#include <array>
#include <vector>

namespace byte_reader_test {
using namespace tacet;
using tacet::test::contains;

TEST_CASE("ByteReader takes little-endian numbers, bytes and text in order", "[byte_reader]") {
    std::array<std::uint8_t, 11> const bytes{0x01, 0x02, 0xff, 0xff, 0xff, 0xff, 'a', 'b', 0x00, 0x80, 0x3f};
    ByteReader reader(bytes, "test");
    CHECK(reader.take_number<std::uint16_t>() == 0x0201);
    CHECK(reader.take_number<std::int32_t>() == -1);
    CHECK(reader.take_text(2) == "ab");
    CHECK(reader.position() == 8);
    CHECK(reader.remaining() == 3);
    reader.seek(7);
    CHECK(reader.take(4).back() == 0x3f);
    CHECK(reader.take(0).empty());
    reader.seek(11);
    CHECK(reader.remaining() == 0);
}

TEST_CASE("ByteReader refuses to leave its bytes", "[byte_reader]") {
    std::array<std::uint8_t, 4> const bytes{};
    ByteReader reader(bytes, "test", 2);
    CHECK_THROWS_WITH(reader.take(3), contains("test: 3 bytes needed at offset 2, but only 2 are left"));
    CHECK_THROWS_AS(reader.take(~std::uint64_t{0}), Error);
    CHECK_THROWS_AS(reader.take_number<std::uint64_t>(), Error);
    CHECK_THROWS_WITH(reader.seek(5), contains("test: offset 5 is beyond the end of the file (4 bytes)"));
    CHECK(reader.position() == 2);
}

TEST_CASE("checked_product stops at the range of Index", "[byte_reader]") {
    CHECK(checked_product(0, ~std::uint64_t{0}, "x") == 0);
    CHECK(checked_product(~std::uint64_t{0}, 0, "x") == 0);
    CHECK(checked_product((std::uint64_t{1} << 63) - 1, 1, "x") == (std::uint64_t{1} << 63) - 1);
    CHECK_THROWS_AS(checked_product(std::uint64_t{1} << 63, 1, "x"), Error);
    CHECK_THROWS_WITH(checked_product(std::uint64_t{1} << 32, std::uint64_t{1} << 31, "the shape"),
                      contains("the shape: 4294967296 x 2147483648 overflows"));
}

TEST_CASE("begins_with compares at a place, and never beyond the end") {
    std::vector<std::uint8_t> const bytes{'a', 'b', 0xff, 'd'};
    CHECK(detail::begins_with(bytes, "ab"));
    CHECK(detail::begins_with(bytes, "ab\xff" "d"));
    CHECK(!detail::begins_with(bytes, "ab\xff" "de"));
    CHECK(!detail::begins_with(bytes, "b"));
    CHECK(detail::begins_with(bytes, "\xff", 2));
    CHECK(!detail::begins_with(bytes, "d", 4));
    CHECK(!detail::begins_with(bytes, "d", 5));
    CHECK(!detail::begins_with({}, "a"));
}
}  // namespace byte_reader_test
