// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/bmp.hpp>
#include <tacet/io/image_format.hpp>
#include <tacet/io/jpeg.hpp>
#include <tacet/io/netpbm.hpp>
#include <tacet/io/png.hpp>
#include <tacet/io/tiff.hpp>

namespace tacet::detail {

/// Decodes a file of any format, upright. Throws Error, without the file's name, for every kind of bad input.
inline Raster decode_raster(ByteSpan bytes, ReadLimits const& limits) {
    check(bytes.size() <= limits.max_file_bytes, bytes.size(), " bytes are more than the limit of ", limits.max_file_bytes);
    auto const format = detect_image_format(bytes);
    if (!format) throw Error(foreign_format(bytes) + "; only PNG, JPEG, BMP, PNM, PFM and TIFF are read");
    switch (*format) {
        case ImageFormat::png: return upright(decode_png(bytes, limits));
        case ImageFormat::jpeg: return upright(decode_jpeg(bytes, limits));
        case ImageFormat::bmp: return decode_bmp(bytes, limits);
        case ImageFormat::pnm: return decode_pnm(bytes, limits);
        case ImageFormat::pfm: return decode_pfm(bytes, limits);
        case ImageFormat::tiff: return upright(decode_tiff(bytes, limits));
    }
    throw Error("unknown image format");
}

/// The bit depth in which `format` keeps the most of samples of `bit_depth` bits.
inline int stored_bit_depth(ImageFormat format, int bit_depth) {
    switch (format) {
        case ImageFormat::jpeg:
        case ImageFormat::bmp: return 8;
        case ImageFormat::pfm: return 32;
        case ImageFormat::tiff: return bit_depth;
        case ImageFormat::png:
        case ImageFormat::pnm: break;
    }
    return bit_depth == 8 ? 8 : 16;
}

/// Throws Error when the format has no place for such alpha.
inline void check_alpha_fits(ImageFormat format, bool alpha, bool premultiplied) {
    bool const holds_alpha = format == ImageFormat::png || format == ImageFormat::tiff || format == ImageFormat::bmp;
    check(holds_alpha || !alpha, to_string(format), " has no alpha channel, but the picture has; write PNG or TIFF");
    check(!premultiplied || format == ImageFormat::tiff, to_string(format), " has no premultiplied alpha, but the picture has; write TIFF");
}

/// Encodes a raster whose bit depth is one the format has. Throws Error when the format has no place for its alpha channel.
inline Bytes encode_raster(Raster const& raster, ImageFormat format, int jpeg_quality) {
    check_alpha_fits(format, raster.has_alpha(), raster.premultiplied);
    switch (format) {
        case ImageFormat::png: return encode_png(raster);
        case ImageFormat::jpeg: return encode_jpeg(raster, jpeg_quality);
        case ImageFormat::bmp: return encode_bmp(raster);
        case ImageFormat::pnm: return encode_pnm(raster);
        case ImageFormat::pfm: return encode_pfm(raster);
        case ImageFormat::tiff: return encode_tiff(raster);
    }
    throw Error("unknown image format");
}

}  // namespace tacet::detail
