// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/jpeg_metadata.hpp>
#include <tacet/io/stb.hpp>

namespace tacet::detail {

/// Decodes a baseline or progressive JPEG to 8 bits; CMYK becomes RGB. Throws Error when it is damaged or cut off.
inline Raster decode_jpeg(ByteSpan bytes, ReadLimits const& limits) {
    auto const jpeg = read_jpeg_segments(bytes);
    auto raster = make_raster(jpeg.width, jpeg.height, jpeg.components == 1 ? 1 : 3, 8, limits);
    stb_decode(bytes, raster);
    raster.icc_profile = jpeg.icc_profile, raster.orientation = jpeg.orientation;
    return raster;
}

}  // namespace tacet::detail
