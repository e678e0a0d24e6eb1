// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/random.hpp>
#include <tacet/io/raster.hpp>
#include <support/scratch.hpp>
#include <string>

// What the tests of images share: rasters to encode.
namespace tacet::test {

/// A raster of random samples (floats in [-1, 2)).
inline detail::Raster random_raster(Index height, Index width, int channels, int bit_depth, std::uint32_t seed = 1) {
    auto raster = detail::make_raster(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), channels, bit_depth, {});
    Rng rng(seed);
    if (bit_depth < 32) {
        for (auto& byte : raster.samples) byte = static_cast<std::uint8_t>(rng.below(256));
        return raster;
    }
    for (std::size_t i = 0; i < raster.samples.size(); i += 4) {
        auto const v = static_cast<float>(rng.uniform()) * 3 - 1;
        std::memcpy(raster.samples.data() + i, &v, 4);
    }
    return raster;
}

/// A raster of 8 bits that looks a little like a picture: soft waves, another one in each channel.
inline detail::Raster wavy_raster(Index height, Index width, int channels) {
    auto raster = detail::make_raster(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), channels, 8, {});
    for (Index y = 0; y < height; ++y)
        for (Index x = 0; x < width; ++x)
            for (Index c = 0; c < channels; ++c) {
                auto const wave = (x * (5 + c) + y * 3) % 200;
                raster.row(y)[x * channels + c] = static_cast<std::uint8_t>(30 + (wave < 100 ? wave : 200 - wave) * 2 - 10 * c);
            }
    return raster;
}

inline bool same_pixels(detail::Raster const& a, detail::Raster const& b) {
    return a.height == b.height && a.width == b.width && a.channels == b.channels && a.bit_depth == b.bit_depth && a.samples == b.samples;
}

/// An ICC profile as far as anyone here looks: its size, colour space ("GRAY", "RGB ", "CMYK") and mark, then bytes of no meaning.
inline detail::Bytes icc_profile(std::string const& space, std::size_t size = 200) {
    detail::Bytes profile(size);
    for (std::size_t i = 0; i < size; ++i) profile[i] = static_cast<std::uint8_t>(i * 37 + i / 251);
    for (std::size_t i = 0; i < 4; ++i) {
        profile[i] = static_cast<std::uint8_t>(size >> (24 - 8 * i) & 0xff);
        profile[16 + i] = static_cast<std::uint8_t>(space[i]);
        profile[36 + i] = static_cast<std::uint8_t>("acsp"[i]);
    }
    return profile;
}

/// EXIF data with nothing but an orientation.
inline detail::Bytes exif_data(std::uint32_t orientation, bool little = true) {
    detail::Bytes exif;
    detail::put_text(exif, little ? "II" : "MM");
    auto const u16 = [&](std::uint32_t v) { little ? detail::put_little16(exif, v) : detail::put_big16(exif, v); };
    auto const u32 = [&](std::uint32_t v) { little ? detail::put_little32(exif, v) : detail::put_big32(exif, v); };
    u16(42), u32(8);
    u16(2);                                         // two entries
    u16(271), u16(2), u32(4), u32(0x41414141);      // the maker, a text
    u16(274), u16(3), u32(1), u16(orientation), u16(0);
    u32(0);                                         // no further directory
    return exif;
}

}  // namespace tacet::test
