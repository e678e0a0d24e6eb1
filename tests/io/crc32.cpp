// SPDX-License-Identifier: MIT
#include <tacet/io/crc32.hpp>
#include <support/catch.hpp>
#include <string_view>
#include <vector>

namespace crc32_test {
using namespace tacet;

namespace {

std::span<std::uint8_t const> bytes_of(std::string_view text) { return {reinterpret_cast<std::uint8_t const*>(text.data()), text.size()}; }

/// The definition, a bit at a time.
std::uint32_t slow_crc32(std::span<std::uint8_t const> bytes) {
    std::uint32_t crc = 0xffffffff;
    for (auto const byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

}  // namespace

TEST_CASE("CRC-32 of known texts", "[crc32]") {
    CHECK(crc32({}) == 0);
    CHECK(crc32(bytes_of("a")) == 0xe8b7be43);
    CHECK(crc32(bytes_of("123456789")) == 0xcbf43926);
    CHECK(crc32(bytes_of("IEND")) == 0xae426082);  // the last four bytes of every PNG
}

TEST_CASE("CRC-32 agrees with its definition at every length and place, and goes on from a part", "[crc32]") {
    std::vector<std::uint8_t> bytes(100);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 89 + 7);
    std::span<std::uint8_t const> const all(bytes);
    for (std::size_t begin = 0; begin < 9; ++begin)
        for (std::size_t n = 0; begin + n <= bytes.size(); ++n) {
            REQUIRE(crc32(all.subspan(begin, n)) == slow_crc32(all.subspan(begin, n)));
            REQUIRE(crc32(all.subspan(n), crc32(all.first(n))) == slow_crc32(all));
        }
}

TEST_CASE("Adler-32 of known texts, and without overflow in long runs", "[crc32]") {
    CHECK(adler32({}) == 1);
    CHECK(adler32(bytes_of("Wikipedia")) == 0x11e60398);
    std::vector<std::uint8_t> const bytes(100000, 0xff);
    std::uint32_t a = 1, b = 0;
    for (auto const byte : bytes) a = (a + byte) % 65521, b = (b + a) % 65521;
    CHECK(adler32(bytes) == (b << 16 | a));
}
}  // namespace crc32_test
