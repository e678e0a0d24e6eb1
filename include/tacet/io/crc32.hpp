// SPDX-License-Identifier: MIT
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tacet {
namespace detail {

/// Tables for eight bytes at a time: crc_tables[k][b] is the CRC of byte b followed by k zero bytes.
inline constexpr auto crc_tables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> table{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t c = b;
        for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ (c & 1 ? 0xedb88320u : 0u);
        table[0][b] = c;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t b = 0; b < 256; ++b) table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xff];
    return table;
}();

}  // namespace detail

/// CRC-32 as in PNG, zip and Ethernet (reflected polynomial 0xedb88320). Pass the previous result as `crc` to go on with more bytes.
inline std::uint32_t crc32(std::span<std::uint8_t const> bytes, std::uint32_t crc = 0) {
    auto const& t = detail::crc_tables;
    auto const* p = bytes.data();
    auto n = bytes.size();
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8)
        crc = t[7][(crc ^ p[0]) & 0xff] ^ t[6][((crc >> 8) ^ p[1]) & 0xff] ^ t[5][((crc >> 16) ^ p[2]) & 0xff] ^ t[4][(crc >> 24) ^ p[3]] ^
              t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]];
    for (; n > 0; --n, ++p) crc = (crc >> 8) ^ t[0][(crc ^ *p) & 0xff];
    return ~crc;
}

/// Adler-32, the checksum that ends a zlib stream (RFC 1950).
inline std::uint32_t adler32(std::span<std::uint8_t const> bytes) {
    constexpr std::size_t block = 5552;  // the most bytes after which the sums still fit 32 bits
    std::uint32_t a = 1, b = 0;
    while (!bytes.empty()) {
        auto const head = bytes.first(bytes.size() < block ? bytes.size() : block);
        for (auto const byte : head) b += a += byte;
        a %= 65521, b %= 65521;
        bytes = bytes.subspan(head.size());
    }
    return b << 16 | a;
}

}  // namespace tacet
