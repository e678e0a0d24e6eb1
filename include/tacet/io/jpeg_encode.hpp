// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/io/huffman.hpp>
#include <tacet/io/jpeg_metadata.hpp>
#include <bit>
#include <cmath>

/// A baseline JPEG encoder (ITU-T T.81): grey or YCbCr without subsampling, Huffman codes made for the picture.
namespace tacet::detail {

using JpegBlock = std::array<std::int16_t, 64>;  // quantised coefficients in zigzag order

/// Position (8 * row + column) of the i-th coefficient on the zigzag path through the block.
inline constexpr auto jpeg_zigzag = [] {
    std::array<std::size_t, 64> path{};
    for (std::size_t i = 0, diagonal = 0; diagonal < 15; ++diagonal)
        for (std::size_t k = 0; k <= diagonal; ++k) {
            std::size_t const row = diagonal % 2 ? k : diagonal - k, column = diagonal - row;
            if (row < 8 && column < 8) path[i++] = 8 * row + column;
        }
    return path;
}();

/// Quantisation steps in zigzag order: the tables K.1 (luminance) and K.2 of T.81, scaled for quality 1 to 100 as usual (50: as they are).
inline std::array<int, 64> jpeg_steps(bool luminance, int quality) {
    constexpr std::array<int, 64> light{16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,   //
                                        14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,   //
                                        18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,   //
                                        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};
    constexpr std::array<std::array<int, 4>, 4> colour{{{17, 18, 24, 47}, {18, 21, 26, 66}, {24, 26, 56, 99}, {47, 66, 99, 99}}};
    int const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    std::array<int, 64> steps{};
    for (std::size_t i = 0; i < 64; ++i) {
        std::size_t const at = jpeg_zigzag[i], row = at / 8, column = at % 8;
        int const base = luminance ? light[at] : row < 4 && column < 4 ? colour[row][column] : 99;
        steps[i] = std::clamp((base * scale + 50) / 100, 1, 255);
    }
    return steps;
}

/// The cosine transform (T.81, A.3.3) of 8 x 8 samples around 0, divided by the steps and rounded.
inline JpegBlock jpeg_transform(std::array<float, 64> const& x, std::array<int, 64> const& steps) {
    static std::array<float, 64> const basis = [] {
        std::array<float, 64> b{};
        for (int u = 0; u < 8; ++u)
            for (int i = 0; i < 8; ++i)
                b[static_cast<std::size_t>(8 * u + i)] =
                    static_cast<float>(std::cos((2 * i + 1) * u * std::acos(-1.0) / 16) * (u ? 0.5 : std::sqrt(0.125)));
        return b;
    }();
    std::array<float, 64> rows{}, y{};
    for (std::size_t r = 0; r < 8; ++r)
        for (std::size_t i = 0; i < 8; ++i)
            for (std::size_t u = 0; u < 8; ++u) rows[8 * r + u] += x[8 * r + i] * basis[8 * u + i];
    for (std::size_t v = 0; v < 8; ++v)
        for (std::size_t r = 0; r < 8; ++r)
            for (std::size_t u = 0; u < 8; ++u) y[8 * v + u] += rows[8 * r + u] * basis[8 * v + r];
    JpegBlock block;
    for (std::size_t i = 0; i < 64; ++i) {
        float const level = y[jpeg_zigzag[i]] / static_cast<float>(steps[i]);
        block[i] = static_cast<std::int16_t>(std::clamp(std::lround(level), -1024l + (i > 0), 1023l));
    }
    return block;
}

/// The block (by, bx) of one component (0 Y, 1 Cb, 2 Cr as in JFIF), around 0. Beyond the edge the last pixel goes on.
inline std::array<float, 64> jpeg_samples(Raster const& raster, int component, Index by, Index bx) {
    constexpr float weights[3][3] = {{0.299f, 0.587f, 0.114f}, {-0.168736f, -0.331264f, 0.5f}, {0.5f, -0.418688f, -0.081312f}};
    std::array<float, 64> samples{};
    for (Index i = 0; i < 64; ++i) {
        Index const y = std::min(8 * by + i / 8, raster.height - 1), x = std::min(8 * bx + i % 8, raster.width - 1);
        auto const* const pixel = raster.row(y) + x * raster.channels;
        float value = pixel[0];
        if (raster.channels == 3) {
            auto const& w = weights[component];
            value = w[0] * static_cast<float>(pixel[0]) + w[1] * static_cast<float>(pixel[1]) + w[2] * static_cast<float>(pixel[2]);
        }
        samples[static_cast<std::size_t>(i)] = component == 0 ? value - 128 : value;
    }
    return samples;
}

/// Calls put(table, symbol, bits, count) for each symbol of a block (T.81, F.1.2): table 0 for the difference of the DC, 1 for the rest.
/// A symbol's low four bits count the extra bits that follow it, its high four the zeros before it.
void visit_jpeg_symbols(JpegBlock const& block, int previous_dc, auto&& put) {
    auto const put_value = [&](int table, unsigned zeros, int value) {
        auto const size = static_cast<unsigned>(std::bit_width(static_cast<unsigned>(std::abs(value))));
        auto const bits = static_cast<unsigned>(value < 0 ? value - 1 : value) & ((1u << size) - 1);
        put(table, zeros << 4 | size, bits, static_cast<int>(size));
    };
    put_value(0, 0, block[0] - previous_dc);
    unsigned zeros = 0;
    for (std::size_t i = 1; i < 64; ++i) {
        if (block[i] == 0) { ++zeros; continue; }
        for (; zeros > 15; zeros -= 16) put(1, 0xf0u, 0u, 0);  // sixteen zeros
        put_value(1, zeros, block[i]);
        zeros = 0;
    }
    if (zeros) put(1, 0u, 0u, 0);  // the end of the block
}

/// Bits of the code of each symbol (0 to 255), at most 16. No code may be all ones (T.81, annex C): a symbol that never occurs takes that.
inline std::vector<std::uint8_t> jpeg_code_lengths(std::vector<std::uint32_t> counts) {
    for (auto& count : counts) count *= 2;
    counts.push_back(1);
    auto lengths = huffman_lengths(counts, 16);
    std::swap(lengths.back(), *std::max_element(lengths.begin(), lengths.end()));
    return lengths;
}

inline void put_jpeg_huffman_table(Bytes& out, std::uint32_t id, std::vector<std::uint8_t> const& lengths) {
    Bytes data, symbols;
    put_byte(data, id);
    for (int length = 1; length <= 16; ++length) {
        auto const before = symbols.size();
        for (std::size_t s = 0; s < 256; ++s)
            if (lengths[s] == length) put_byte(symbols, static_cast<std::uint32_t>(s));
        put_byte(data, static_cast<std::uint32_t>(symbols.size() - before));
    }
    put_bytes(data, symbols);
    put_jpeg_segment(out, 0xc4, data);
}

/// Everything before the coded data but the Huffman tables: JFIF label, profile, quantisation steps, frame header.
inline Bytes jpeg_header(Raster const& raster, std::array<std::array<int, 64>, 2> const& steps) {
    Bytes out{0xff, 0xd8};
    put_jpeg_segment(out, 0xe0, Bytes{'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0});
    put_jpeg_icc_profile(out, raster.icc_profile);
    auto const components = static_cast<std::uint32_t>(raster.channels);
    for (std::uint32_t table = 0; table < std::min(components, 2u); ++table) {
        Bytes data{static_cast<std::uint8_t>(table)};
        for (int const step : steps[table]) put_byte(data, static_cast<std::uint32_t>(step));
        put_jpeg_segment(out, 0xdb, data);
    }
    Bytes frame{8};
    put_big16(frame, static_cast<std::uint32_t>(raster.height)), put_big16(frame, static_cast<std::uint32_t>(raster.width));
    put_byte(frame, components);
    for (std::uint32_t c = 0; c < components; ++c) put_byte(frame, c + 1), put_byte(frame, 0x11), put_byte(frame, c > 0);
    put_jpeg_segment(out, 0xc0, frame);
    return out;
}

/// All blocks of a picture, the components of a place side by side.
inline std::vector<JpegBlock> jpeg_blocks(Raster const& raster, std::array<std::array<int, 64>, 2> const& steps) {
    Index const rows = (raster.height + 7) / 8, columns = (raster.width + 7) / 8, components = raster.channels;
    std::vector<JpegBlock> blocks(static_cast<std::size_t>(rows * columns * components));
    parallel_for(rows, [&](Index by) {
        for (Index bx = 0; bx < columns; ++bx)
            for (int c = 0; c < raster.channels; ++c)
                blocks[static_cast<std::size_t>((by * columns + bx) * components + c)] =
                    jpeg_transform(jpeg_samples(raster, c, by, bx), steps[c > 0]);
    });
    return blocks;
}

/// Calls put(table, symbol, bits, count) for the whole picture; tables 0 and 1 are luminance's, 2 and 3 the colours'.
void visit_jpeg_picture(std::vector<JpegBlock> const& blocks, std::size_t components, auto&& put) {
    std::array<int, 3> dc{};
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        std::size_t const c = i % components;
        visit_jpeg_symbols(blocks[i], dc[c], [&](int table, unsigned symbol, unsigned bits, int count) {
            put(static_cast<std::size_t>(table) + (c > 0 ? 2 : 0), symbol, bits, count);
        });
        dc[c] = blocks[i][0];
    }
}

/// The Huffman codes of a picture: for luminance's and the colours' blocks, each for the DC and for the rest.
struct JpegCodes {
    std::array<std::vector<std::uint8_t>, 4> lengths;
    std::array<std::vector<std::uint32_t>, 4> codes;

    JpegCodes(std::vector<JpegBlock> const& blocks, std::size_t components) {
        std::array<std::vector<std::uint32_t>, 4> counts;
        counts.fill(std::vector<std::uint32_t>(256));
        visit_jpeg_picture(blocks, components, [&](std::size_t table, unsigned symbol, unsigned, int) { ++counts[table][symbol]; });
        for (std::size_t t = 0; t < 4; ++t) lengths[t] = jpeg_code_lengths(counts[t]), codes[t] = canonical_codes(lengths[t]);
    }
};

/// The one scan: its header, then all symbols; a zero follows each coded byte 0xff, so that none looks like a marker.
inline void put_jpeg_scan(Bytes& out, std::vector<JpegBlock> const& blocks, std::size_t components, JpegCodes const& huffman) {
    Bytes header{static_cast<std::uint8_t>(components)};
    for (std::uint32_t c = 0; c < components; ++c) put_byte(header, c + 1), put_byte(header, c > 0 ? 0x11 : 0);
    put_byte(header, 0), put_byte(header, 63), put_byte(header, 0);
    put_jpeg_segment(out, 0xda, header);

    std::uint64_t pending = 0;  // bits not yet written, the oldest highest
    int filled = 0;
    auto const put_bits = [&](unsigned bits, int count) {
        pending = pending << count | bits, filled += count;
        for (; filled >= 8; filled -= 8) {
            auto const byte = static_cast<std::uint32_t>(pending >> (filled - 8) & 0xff);
            put_byte(out, byte);
            if (byte == 0xff) put_byte(out, 0);
        }
    };
    visit_jpeg_picture(blocks, components, [&](std::size_t table, unsigned symbol, unsigned bits, int count) {
        put_bits(huffman.codes[table][symbol], huffman.lengths[table][symbol]);
        put_bits(bits, count);
    });
    put_bits(0x7f, 7);  // ones up to the end of the byte
}

/// A raster of 8 bits and 1 or 3 channels as a JPEG file of the given quality (1 to 100), with its ICC profile.
inline Bytes encode_jpeg(Raster const& raster, int quality) {
    check(quality >= 1 && quality <= 100, "JPEG quality ", quality, " is not between 1 and 100");
    check(std::max(raster.width, raster.height) <= 65535, raster.width, " x ", raster.height, " pixels: JPEG has at most 65535 x 65535");
    std::array const steps{jpeg_steps(true, quality), jpeg_steps(false, quality)};
    auto const blocks = jpeg_blocks(raster, steps);
    auto const components = static_cast<std::size_t>(raster.channels);
    JpegCodes const huffman(blocks, components);
    Bytes out = jpeg_header(raster, steps);
    for (std::size_t t = 0; t < (components == 1 ? 2 : 4); ++t)
        put_jpeg_huffman_table(out, static_cast<std::uint32_t>(t % 2 << 4 | t / 2), huffman.lengths[t]);
    put_jpeg_scan(out, blocks, components, huffman);
    put_byte(out, 0xff), put_byte(out, 0xd9);
    return out;
}

}  // namespace tacet::detail
