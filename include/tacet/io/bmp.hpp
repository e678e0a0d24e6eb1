// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/raster.hpp>
#include <algorithm>
#include <cstdlib>

/// Windows bitmaps, uncompressed: with a palette of 1, 4 or 8 bits, or with colours of 16, 24 or 32 bits.
namespace tacet::detail {

/// Where one colour lies in a pixel's bits.
struct BmpField {
    std::uint32_t mask = 0;

    std::uint8_t value(std::uint32_t pixel) const {
        if (mask == 0) return 0;
        std::uint64_t const most = mask >> std::countr_zero(mask), v = (pixel & mask) >> std::countr_zero(mask);
        return static_cast<std::uint8_t>((v * 255 + most / 2) / most);
    }
};

struct BmpFile {
    std::uint64_t width = 0, height = 0, row_bytes = 0, pixels_at = 0;
    bool top_down = false;
    unsigned bits = 0;
    std::array<BmpField, 4> fields;                     ///< red, green, blue, alpha; unless there is a palette
    std::vector<std::array<std::uint8_t, 3>> palette;  ///< red, green, blue

    bool has_grey_palette() const {
        return !palette.empty() && std::all_of(palette.begin(), palette.end(), [](auto const& c) { return c[0] == c[1] && c[1] == c[2]; });
    }
    int channels() const { return has_grey_palette() ? 1 : palette.empty() && fields[3].mask ? 4 : 3; }
};

inline void read_bmp_fields(BmpFile& bmp, ByteSpan bytes, std::uint32_t header_bytes, std::uint32_t compression) {
    if (compression == 0) {
        bool const five_bits = bmp.bits == 16;
        bmp.fields = {BmpField{five_bits ? 0x7c00u : 0xff0000u}, {five_bits ? 0x3e0u : 0xff00u}, {five_bits ? 0x1fu : 0xffu}, {0}};
        return;
    }
    std::size_t const count = compression == 6 || header_bytes >= 56 ? 4 : 3;
    check(bytes.size() >= 54 + 4 * count, "truncated: the bitmap's header is cut off");
    for (std::size_t i = 0; i < count; ++i) bmp.fields[i].mask = little32(bytes.data() + 54 + 4 * i);
}

inline void read_bmp_palette(BmpFile& bmp, ByteSpan bytes, std::uint32_t header_bytes) {
    std::size_t const entry_bytes = header_bytes == 12 ? 3 : 4, most = std::size_t{1} << bmp.bits, at = 14 + std::size_t{header_bytes};
    std::size_t const used = header_bytes == 12 ? 0 : little32(bytes.data() + 46), count = used ? used : most;
    check(count <= most, "damaged: a palette of ", count, " colours for ", bmp.bits, " bits");
    check(at + count * entry_bytes <= bytes.size(), "truncated: the bitmap's palette is cut off");
    for (std::size_t i = 0; i < count; ++i) {
        auto const* const entry = bytes.data() + at + i * entry_bytes;
        bmp.palette.push_back({entry[2], entry[1], entry[0]});
    }
}

/// The headers and the palette. Throws Error for what is unknown, damaged, or larger than the file.
inline BmpFile read_bmp_header(ByteSpan bytes) {
    check(bytes.size() >= 26, "truncated: the bitmap's header is cut off");
    auto const* const p = bytes.data();
    auto const header_bytes = little32(p + 14);
    bool const old = header_bytes == 12;
    check(old || (header_bytes >= 40 && header_bytes <= 124), "damaged: no bitmap has a header of ", header_bytes, " bytes");
    check(bytes.size() >= 14 + std::size_t{header_bytes}, "truncated: the bitmap's header is cut off");
    BmpFile bmp;
    bmp.pixels_at = little32(p + 10);
    auto const height = old ? std::int64_t{little16(p + 20)} : static_cast<std::int32_t>(little32(p + 22));
    auto const width = old ? std::int64_t{little16(p + 18)} : static_cast<std::int32_t>(little32(p + 18));
    check(width > 0 && height != 0, "an image of ", width, " x ", std::abs(height), " pixels");
    bmp.width = static_cast<std::uint64_t>(width), bmp.height = static_cast<std::uint64_t>(std::abs(height)), bmp.top_down = height < 0;
    bmp.bits = little16(p + (old ? 24 : 28));
    auto const compression = old ? 0 : little32(p + 30);
    check(compression == 0 || compression == 3 || compression == 6, "a bitmap compressed by method ", compression, ", not supported");
    bool const palette = bmp.bits == 1 || bmp.bits == 4 || bmp.bits == 8;
    check(palette ? compression == 0 : bmp.bits == 16 || bmp.bits == 24 || bmp.bits == 32, "a bitmap with ", bmp.bits,
          " bits per pixel, which is not supported");
    if (palette) read_bmp_palette(bmp, bytes, header_bytes);
    else read_bmp_fields(bmp, bytes, header_bytes, compression);
    bmp.row_bytes = (bmp.width * bmp.bits + 31) / 32 * 4;
    check(bmp.pixels_at <= bytes.size() && bmp.row_bytes * bmp.height <= bytes.size() - bmp.pixels_at, "truncated: ", bmp.width, " x ",
          bmp.height, " pixels do not fit the file");
    return bmp;
}

/// One line of pixels, `x` as in the file, `y` interleaved samples.
inline void decode_bmp_row(BmpFile const& bmp, std::uint8_t const* x, std::uint8_t* y, int channels) {
    for (std::uint64_t i = 0; i < bmp.width; ++i, y += channels) {
        if (bmp.palette.empty()) {
            auto const* const at = x + i * (bmp.bits / 8);
            auto const pixel = bmp.bits == 16 ? little16(at) : bmp.bits == 24 ? little16(at) | std::uint32_t{at[2]} << 16 : little32(at);
            for (int c = 0; c < channels; ++c) y[c] = bmp.fields[static_cast<std::size_t>(c)].value(pixel);
            continue;
        }
        auto const bit = i * bmp.bits;
        std::size_t const index = x[bit / 8] >> (8 - bmp.bits - bit % 8) & ((1u << bmp.bits) - 1);
        check(index < bmp.palette.size(), "damaged: a pixel of colour ", index, " in a palette of ", bmp.palette.size());
        std::copy_n(bmp.palette[index].begin(), channels, y);
    }
}

/// Decodes a bitmap to 8 bits: grey when it has a palette of greys, with alpha when its header names bits for it.
inline Raster decode_bmp(ByteSpan bytes, ReadLimits const& limits) {
    auto const bmp = read_bmp_header(bytes);
    auto raster = make_raster(bmp.width, bmp.height, bmp.channels(), 8, limits);
    for (Index y = 0; y < raster.height; ++y) {
        auto const line = static_cast<std::uint64_t>(bmp.top_down ? y : raster.height - 1 - y);
        decode_bmp_row(bmp, bytes.data() + bmp.pixels_at + line * bmp.row_bytes, raster.row(y), raster.channels);
    }
    return raster;
}

/// A raster of 8 bits as a bitmap: a palette of greys, 24 bits, or with alpha 32 bits and a version 4 header.
inline Bytes encode_bmp(Raster const& raster) {
    bool const alpha = raster.has_alpha(), grey = raster.channels == 1;
    std::uint32_t const bits = grey ? 8 : alpha ? 32 : 24, header_bytes = alpha ? 108 : 40, palette_bytes = grey ? 1024 : 0;
    auto const row_bytes = (static_cast<std::uint64_t>(raster.width) * bits + 31) / 32 * 4;
    auto const size = 14 + header_bytes + palette_bytes + row_bytes * static_cast<std::uint64_t>(raster.height);
    check(size < std::uint64_t{1} << 32, raster.width, " x ", raster.height, " pixels are too many for a BMP file");
    Bytes out{'B', 'M'};
    put_little32(out, static_cast<std::uint32_t>(size)), put_little32(out, 0), put_little32(out, 14 + header_bytes + palette_bytes);
    put_little32(out, header_bytes);
    put_little32(out, static_cast<std::uint32_t>(raster.width)), put_little32(out, static_cast<std::uint32_t>(raster.height));
    put_little16(out, 1), put_little16(out, bits), put_little32(out, alpha ? 3 : 0);
    put_little32(out, static_cast<std::uint32_t>(size - 14 - header_bytes - palette_bytes));
    put_little32(out, 2835), put_little32(out, 2835), put_little32(out, 0), put_little32(out, 0);  // 72 dpi; all colours
    if (alpha) {
        for (std::uint32_t const mask : {0xff0000u, 0xff00u, 0xffu, 0xff000000u, 0x73524742u}) put_little32(out, mask);  // and "sRGB"
        out.resize(14 + header_bytes);
    }
    for (std::uint32_t v = 0; v < palette_bytes / 4; ++v) put_little32(out, v * 0x10101);
    std::size_t const red = 0, green = raster.colours() == 3 ? 1 : 0, blue = 2 * green;
    for (Index y = raster.height; y-- > 0;) {
        for (Index x = 0; x < raster.width; ++x) {
            auto const* const pixel = raster.row(y) + x * raster.channels;
            if (grey) put_byte(out, pixel[0]);
            else put_byte(out, pixel[blue]), put_byte(out, pixel[green]), put_byte(out, pixel[red]);
            if (alpha) put_byte(out, pixel[raster.channels - 1]);
        }
        out.resize(out.size() + (4 - (out.size() - 14 - header_bytes - palette_bytes) % 4) % 4);
    }
    return out;
}

}  // namespace tacet::detail
