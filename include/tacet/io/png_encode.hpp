// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/crc32.hpp>
#include <tacet/io/deflate.hpp>
#include <tacet/io/raster.hpp>
#include <array>
#include <cstdlib>
#include <limits>
#include <string>

namespace tacet::detail {

/// PNG's predictor of a byte from those to the left, above and above left (PNG 3rd edition, 9.4).
inline int paeth(int left, int above, int corner) {
    int const to_left = std::abs(above - corner), to_above = std::abs(left - corner), to_corner = std::abs(left + above - 2 * corner);
    if (to_left <= to_above && to_left <= to_corner) return left;
    return to_above <= to_corner ? above : corner;
}

/// One scanline through PNG's filter `Type` (0 none, 1 left, 2 above, 3 mean, 4 Paeth), behind its type byte; returns the sum of the
/// absolute differences. `line` and `above` begin with one pixel of zeros.
template <int Type>
std::uint64_t filter_scanline(Bytes const& line, Bytes const& above, std::size_t pixel_bytes, std::span<std::uint8_t> out) {
    std::uint64_t sum = 0;
    out[0] = Type;
    for (std::size_t i = pixel_bytes; i < line.size(); ++i) {
        int const a = line[i - pixel_bytes], b = above[i], c = above[i - pixel_bytes];
        int const prediction = Type == 0 ? 0 : Type == 1 ? a : Type == 2 ? b : Type == 3 ? (a + b) / 2 : paeth(a, b, c);
        auto const difference = static_cast<std::uint8_t>(line[i] - prediction);
        out[i + 1 - pixel_bytes] = difference;
        sum += difference < 128 ? difference : 256u - difference;
    }
    return sum;
}

/// All scanlines as the zlib stream wants them, each by the filter that leaves the smallest differences (the heuristic of 12.7).
inline Bytes png_scanlines(Raster const& raster) {
    auto const row_bytes = raster.row_bytes(), pixel_bytes = static_cast<std::size_t>(raster.channels * raster.bit_depth / 8);
    Bytes out((row_bytes + 1) * static_cast<std::size_t>(raster.height));
    parallel_ranges(raster.height, 64, [&](Index begin, Index end) {
        constexpr std::array filters{filter_scanline<0>, filter_scanline<1>, filter_scanline<2>, filter_scanline<3>, filter_scanline<4>};
        Bytes line(pixel_bytes + row_bytes), above(pixel_bytes + row_bytes), candidate(row_bytes + 1);
        auto const load = [&](Bytes& row, Index y) {
            auto const samples = std::span(row).subspan(pixel_bytes);
            std::copy_n(raster.row(y), row_bytes, samples.begin());
            if (raster.bit_depth == 16) swap_sample_bytes(samples, 16);
        };
        if (begin > 0) load(line, begin - 1);
        for (Index y = begin; y < end; ++y) {
            std::swap(line, above);
            load(line, y);
            auto const best = std::span(out).subspan(static_cast<std::size_t>(y) * (row_bytes + 1), row_bytes + 1);
            auto smallest = std::numeric_limits<std::uint64_t>::max();
            for (auto const filter : filters) {
                auto const sum = filter(line, above, pixel_bytes, candidate);
                if (sum >= smallest) continue;
                smallest = sum;
                std::copy(candidate.begin(), candidate.end(), best.begin());
            }
        }
    });
    return out;
}

inline void put_png_chunk(Bytes& out, std::string const& type, ByteSpan data) {
    put_big32(out, static_cast<std::uint32_t>(data.size()));
    auto const begin = out.size();
    put_text(out, type);
    put_bytes(out, data);
    put_big32(out, crc32(ByteSpan(out).subspan(begin)));
}

/// A raster of 8 or 16 bits as a PNG file, with its ICC profile. The same bytes on every machine.
inline Bytes encode_png(Raster const& raster) {
    Bytes out(png_signature.begin(), png_signature.end()), header;
    put_big32(header, static_cast<std::uint32_t>(raster.width)), put_big32(header, static_cast<std::uint32_t>(raster.height));
    constexpr std::array<std::uint32_t, 5> colour_types{0, 0, 4, 2, 6};  // by the number of channels
    put_byte(header, static_cast<std::uint32_t>(raster.bit_depth));
    put_byte(header, colour_types[static_cast<std::size_t>(raster.channels)]);
    put_byte(header, 0), put_byte(header, 0), put_byte(header, 0);  // deflate, adaptive filters, not interlaced
    put_png_chunk(out, "IHDR", header);
    if (!raster.icc_profile.empty()) {
        Bytes profile;
        put_text(profile, std::string("ICC profile\0\0", 13));  // a name, and method 0
        put_bytes(profile, zlib_compress(raster.icc_profile));
        put_png_chunk(out, "iCCP", profile);
    }
    auto const data = zlib_compress(png_scanlines(raster));
    constexpr std::size_t piece = std::size_t{1} << 30;  // a chunk holds less than 2 GiB
    for (std::size_t at = 0; at < data.size(); at += piece)
        put_png_chunk(out, "IDAT", ByteSpan(data).subspan(at, std::min(piece, data.size() - at)));
    put_png_chunk(out, "IEND", {});
    return out;
}

}  // namespace tacet::detail
