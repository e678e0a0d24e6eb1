// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/shape.hpp>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tacet {

static_assert(std::endian::native == std::endian::little, "tacet reads and writes samples as a little-endian machine holds them");

/// What reading an image may cost. Checked, in 64 bits, before anything is decoded.
struct ReadLimits {
    std::uint64_t max_pixels = std::uint64_t{1} << 28;
    std::uint64_t max_file_bytes = std::uint64_t{1} << 32;
    std::uint64_t max_decoded_bytes = std::uint64_t{1} << 32;  ///< of the samples as floats, alpha included
};

namespace detail {

using Bytes = std::vector<std::uint8_t>;
using ByteSpan = std::span<std::uint8_t const>;

/// Pixels as files hold them: interleaved samples in the machine's byte order; what every format's reader makes and writer takes.
struct Raster {
    Index height = 0, width = 0;
    int channels = 0;            ///< 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
    int bit_depth = 8;           ///< 8, 16 (unsigned), or 32 (float)
    bool premultiplied = false;  ///< the colours were multiplied by alpha (TIFF only)
    Bytes samples;               ///< height * width * channels samples
    Bytes icc_profile;           ///< empty when there is none
    int orientation = 1;         ///< EXIF's tag 274: 1 is upright

    bool has_alpha() const { return channels % 2 == 0; }
    int colours() const { return has_alpha() ? channels - 1 : channels; }
    std::size_t row_bytes() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels * bit_depth / 8); }
    std::uint8_t const* row(Index y) const { return samples.data() + static_cast<std::size_t>(y) * row_bytes(); }
    std::uint8_t* row(Index y) { return samples.data() + static_cast<std::size_t>(y) * row_bytes(); }
};

/// Throws Error when an image of these extents is empty or beyond the limits.
inline void check_extents(std::uint64_t width, std::uint64_t height, int channels, ReadLimits const& limits) {
    check(width > 0 && height > 0, "an image of ", width, " x ", height, " pixels");
    constexpr std::uint64_t longest = (1u << 31) - 1;
    check(width <= longest && height <= longest && width * height <= limits.max_pixels, width, " x ", height,
          " pixels are more than the limit of ", limits.max_pixels);
    check(width * height <= limits.max_decoded_bytes / sizeof(float) / static_cast<unsigned>(channels), width, " x ", height, " pixels of ",
          channels, " channels take more memory than the limit of ", limits.max_decoded_bytes, " bytes");
}

/// A raster with room for its samples, zeroed. Throws Error as check_extents does.
inline Raster make_raster(std::uint64_t width, std::uint64_t height, int channels, int bit_depth, ReadLimits const& limits) {
    check_extents(width, height, channels, limits);
    Raster raster;
    raster.width = static_cast<Index>(width), raster.height = static_cast<Index>(height);
    raster.channels = channels, raster.bit_depth = bit_depth;
    raster.samples.resize(raster.row_bytes() * static_cast<std::size_t>(height));
    return raster;
}

inline std::uint32_t big16(std::uint8_t const* p) { return static_cast<std::uint32_t>(p[0] << 8 | p[1]); }
inline std::uint32_t big32(std::uint8_t const* p) { return big16(p) << 16 | big16(p + 2); }
inline std::uint32_t little16(std::uint8_t const* p) { return static_cast<std::uint32_t>(p[1] << 8 | p[0]); }
inline std::uint32_t little32(std::uint8_t const* p) { return little16(p + 2) << 16 | little16(p); }

inline void put_byte(Bytes& out, std::uint32_t v) { out.push_back(static_cast<std::uint8_t>(v & 0xff)); }
inline void put_big16(Bytes& out, std::uint32_t v) { put_byte(out, v >> 8), put_byte(out, v); }
inline void put_big32(Bytes& out, std::uint32_t v) { put_big16(out, v >> 16), put_big16(out, v); }
inline void put_little16(Bytes& out, std::uint32_t v) { put_byte(out, v), put_byte(out, v >> 8); }
inline void put_little32(Bytes& out, std::uint32_t v) { put_little16(out, v), put_little16(out, v >> 16); }
inline void put_bytes(Bytes& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
inline void put_text(Bytes& out, std::string const& text) { out.insert(out.end(), text.begin(), text.end()); }

/// What every PNG begins with.
inline constexpr std::array<std::uint8_t, 8> png_signature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/// Reverses the bytes of each sample: from big-endian files, and to them.
inline void swap_sample_bytes(std::span<std::uint8_t> samples, int bit_depth) {
    if (bit_depth == 16)
        for (std::size_t i = 0; i + 2 <= samples.size(); i += 2) std::swap(samples[i], samples[i + 1]);
    if (bit_depth == 32)
        for (std::size_t i = 0; i + 4 <= samples.size(); i += 4) {
            std::swap(samples[i], samples[i + 3]);
            std::swap(samples[i + 1], samples[i + 2]);
        }
}

/// Whether an ICC profile is whole and describes images with this many colours (ICC.1:2010, 7.2: bytes 0-3 its size, 16-19 its colour
/// space, 36-39 "acsp"). A profile of a scan's CMYK says nothing about the RGB made from it.
inline bool icc_fits(ByteSpan profile, int colours) {
    if (profile.size() < 128 || big32(profile.data()) != profile.size() || std::memcmp(profile.data() + 36, "acsp", 4) != 0) return false;
    return std::memcmp(profile.data() + 16, colours == 1 ? "GRAY" : "RGB ", 4) == 0;
}

/// The orientation (1 to 8) in a block of EXIF data, which is laid out as a TIFF file; 1 when absent or unreadable.
inline int exif_orientation(ByteSpan exif) {
    if (exif.size() < 8) return 1;
    bool const little = exif[0] == 'I' && exif[1] == 'I' && exif[2] == 42, big = exif[0] == 'M' && exif[1] == 'M' && exif[3] == 42;
    if (!little && !big) return 1;
    auto const u16 = [&](std::size_t i) { return little ? little16(exif.data() + i) : big16(exif.data() + i); };
    auto const u32 = [&](std::size_t i) { return little ? little32(exif.data() + i) : big32(exif.data() + i); };
    std::size_t const directory = u32(4);
    if (directory > exif.size() - 2) return 1;
    std::size_t const entries = u16(directory);
    for (std::size_t i = 0, at = directory + 2; i < entries && at + 12 <= exif.size(); ++i, at += 12) {
        constexpr std::uint32_t orientation_tag = 274, short_type = 3;
        if (u16(at) != orientation_tag || u16(at + 2) != short_type) continue;
        auto const value = u16(at + 8);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

/// Moves pixels of N bytes to where the EXIF orientation shows them. Source pixel of (y, x): rows and columns swap from 5 on.
template <std::size_t N> void turn_pixels(Raster const& x, Raster& y) {
    Index const last_row = x.height - 1, last_column = x.width - 1;
    for (Index i = 0; i < y.height; ++i)
        for (Index j = 0; j < y.width; ++j) {
            auto [r, c] = x.orientation >= 5 ? std::pair(j, i) : std::pair(i, j);
            if (x.orientation == 3 || x.orientation == 4 || x.orientation == 6 || x.orientation == 7) r = last_row - r;
            if (x.orientation == 2 || x.orientation == 3 || x.orientation == 7 || x.orientation == 8) c = last_column - c;
            std::memcpy(y.row(i) + static_cast<std::size_t>(j) * N, x.row(r) + static_cast<std::size_t>(c) * N, N);
        }
}

/// The same picture with orientation 1: rotated and mirrored as EXIF asks for.
inline Raster upright(Raster raster) {
    if (raster.orientation <= 1) return raster;
    Raster y = raster;
    if (raster.orientation >= 5) std::swap(y.height, y.width);
    switch (raster.channels * raster.bit_depth / 8) {
        case 1: turn_pixels<1>(raster, y); break;
        case 2: turn_pixels<2>(raster, y); break;
        case 3: turn_pixels<3>(raster, y); break;
        case 4: turn_pixels<4>(raster, y); break;
        case 6: turn_pixels<6>(raster, y); break;
        case 8: turn_pixels<8>(raster, y); break;
        case 12: turn_pixels<12>(raster, y); break;
        default: turn_pixels<16>(raster, y); break;
    }
    y.orientation = 1;
    return y;
}

}  // namespace detail
}  // namespace tacet
