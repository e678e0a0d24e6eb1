// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/crc32.hpp>
#include <tacet/io/raster.hpp>
#include <tacet/io/stb.hpp>
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

/// PNG's container (PNG 3rd edition, sections 5 and 11): what a file announces, checked before anything is decoded.
namespace tacet::detail {

/// A deflate stream of n bytes unpacks to at most this many times n: a match of 258 bytes takes at least two bits.
inline constexpr std::size_t largest_deflate_ratio = 1032;

struct PngFile {
    std::uint32_t width = 0, height = 0;
    int bit_depth = 0, colour_type = 0;
    bool interlaced = false, transparency = false;  ///< transparency: a tRNS chunk, which decoders turn into alpha
    std::vector<ByteSpan> image_data;               ///< the pieces of the one zlib stream
    Bytes icc_profile;
    int orientation = 1;

    int file_channels() const { return colour_type == 2 ? 3 : colour_type == 4 ? 2 : colour_type == 6 ? 4 : 1; }
    int channels() const { return (colour_type == 3 ? 3 : file_channels()) + (transparency ? 1 : 0); }
};

inline void read_png_header(PngFile& png, ByteSpan data) {
    check(data.size() == 13, "damaged: the PNG header has ", data.size(), " bytes");
    png.width = big32(data.data()), png.height = big32(data.data() + 4);
    png.bit_depth = data[8], png.colour_type = data[9], png.interlaced = data[12] == 1;
    int const depth = png.bit_depth, colour = png.colour_type;
    bool const small = depth == 1 || depth == 2 || depth == 4, large = depth == 8 || depth == 16;
    bool const grey = colour == 0 && (small || large), palette = colour == 3 && (small || depth == 8);
    bool const known = grey || palette || ((colour == 2 || colour == 4 || colour == 6) && large);
    check(known, "damaged: no PNG has colour type ", colour, " with ", depth, " bits");
    check(data[10] == 0 && data[11] == 0 && data[12] <= 1, "damaged: unknown compression, filter or interlace method");
}

/// The profile of an iCCP chunk (name, 0, method 0, zlib stream); empty when unreadable, for a bad profile is no bad picture.
inline Bytes png_icc_profile(ByteSpan data) {
    auto const end_of_name = std::find(data.begin(), data.end(), 0);
    if (std::distance(end_of_name, data.end()) < 3) return {};
    auto const stream = data.subspan(static_cast<std::size_t>(end_of_name - data.begin()) + 2);
    auto const most = std::min<std::size_t>(1 << 24, stream.size() * largest_deflate_ratio);
    for (std::size_t room = 1 << 14;; room *= 32) {  // the size shows only inside
        Bytes profile(std::min(room, most));
        auto const size = zlib_decompress(stream, profile);
        if (size < 0 && room < most) continue;
        profile.resize(static_cast<std::size_t>(std::max<std::ptrdiff_t>(size, 0)));
        return profile;
    }
}

inline void read_png_chunk(PngFile& png, std::string const& type, ByteSpan data) {
    if (type == "IDAT") png.image_data.push_back(data);
    if (type == "iCCP") png.icc_profile = png_icc_profile(data);
    if (type == "eXIf") png.orientation = exif_orientation(data);
    if (type == "tRNS" && png.colour_type <= 3) {
        bool const fits = png.colour_type == 0 ? data.size() == 2 : png.colour_type == 2 ? data.size() == 6 : data.size() <= 256;
        check(fits && !data.empty(), "damaged: the chunk tRNS has ", data.size(), " bytes");
        png.transparency = true;
    }
}

/// Reads a file's chunks and verifies all their checksums. Throws Error when one is wrong, missing or cut off.
inline PngFile read_png_chunks(ByteSpan bytes) {
    check(bytes.size() >= 8 && std::equal(png_signature.begin(), png_signature.end(), bytes.begin()), "damaged: no PNG signature");
    PngFile png;
    for (std::size_t at = 8;;) {
        check(bytes.size() - at >= 12, "truncated: the end of the PNG is missing");
        std::size_t const size = big32(bytes.data() + at);
        std::string type(reinterpret_cast<char const*>(bytes.data()) + at + 4, 4);
        auto const letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
        check(std::all_of(type.begin(), type.end(), letter), "damaged: no PNG chunk at byte ", at);
        check(size <= bytes.size() - at - 12, "truncated: the chunk ", type, " at byte ", at, " ends beyond the file");
        check(crc32(bytes.subspan(at + 4, size + 4)) == big32(bytes.data() + at + 8 + size), "damaged: the chunk ", type, " at byte ", at,
              " has a wrong checksum");
        auto const data = bytes.subspan(at + 8, size);
        check((type == "IHDR") == (at == 8), "damaged: the PNG header is not the first chunk");
        if (at == 8) read_png_header(png, data);
        if (type == "IEND") break;
        read_png_chunk(png, type, data);
        at += size + 12;
    }
    check(!png.image_data.empty(), "damaged: a PNG without image data");
    if (!icc_fits(png.icc_profile, png.colour_type % 4 == 0 ? 1 : 3)) png.icc_profile.clear();
    return png;
}

/// Bytes of the filtered scanlines: what the zlib stream must hold (8.2: seven passes of their own when interlaced).
inline std::uint64_t png_scanline_bytes(PngFile const& png) {
    auto const bytes = [&](std::uint64_t width, std::uint64_t height) {
        auto const bits = static_cast<std::uint64_t>(png.file_channels() * png.bit_depth);
        return width && height ? height * (1 + (width * bits + 7) / 8) : 0;
    };
    if (!png.interlaced) return bytes(png.width, png.height);
    struct Pass {
        std::uint32_t x, y, dx, dy;
    };
    std::uint64_t sum = 0;
    constexpr Pass passes[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    for (auto const& [x, y, dx, dy] : passes)
        sum += bytes((std::uint64_t{png.width} + dx - 1 - x) / dx, (std::uint64_t{png.height} + dy - 1 - y) / dy);
    return sum;
}

/// Throws Error when the image data cannot hold the pixels announced, however well compressed: a small file must not take much memory.
inline void check_png_scanlines_fit(PngFile const& png) {
    std::uint64_t compressed = 0;
    for (auto const& piece : png.image_data) compressed += piece.size();
    bool const fits = png_scanline_bytes(png) <= compressed * largest_deflate_ratio;
    check(fits, "damaged: ", compressed, " bytes of image data for ", png.width, " x ", png.height, " pixels");
}

/// For decoders that do not look: throws Error unless the image data decompress to exactly the pixels announced, with the right checksum.
inline void verify_png_image_data(PngFile const& png) {
    Bytes stream;
    for (auto const& piece : png.image_data) put_bytes(stream, piece);
    Bytes scanlines(png_scanline_bytes(png));
    auto const size = zlib_decompress(stream, scanlines);
    check(size == std::ssize(scanlines) && stream.size() >= 6 && adler32(scanlines) == big32(stream.data() + stream.size() - 4),
          "damaged: the image data do not decompress to what their checksum says");
}

inline void put_png_chunk(Bytes& out, std::string const& type, ByteSpan data) {
    put_big32(out, static_cast<std::uint32_t>(data.size()));
    auto const begin = out.size();
    put_text(out, type);
    put_bytes(out, data);
    put_big32(out, crc32(ByteSpan(out).subspan(begin)));
}

/// What an iCCP chunk holds: a name, 0, method 0, the profile as a zlib stream.
inline Bytes png_icc_chunk(ByteSpan profile) {
    constexpr std::string_view name("ICC profile\0\0", 13);
    Bytes data(name.begin(), name.end());
    put_bytes(data, zlib_compress(profile));
    return data;
}

/// PNG's colour type of this many channels.
inline int png_colour_type(int channels) { return channels == 1 ? 0 : channels == 2 ? 4 : channels == 3 ? 2 : 6; }

}  // namespace tacet::detail
