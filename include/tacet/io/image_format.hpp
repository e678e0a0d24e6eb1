// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/bmp.hpp>
#include <tacet/io/jpeg.hpp>
#include <tacet/io/jpeg_encode.hpp>
#include <tacet/io/netpbm.hpp>
#include <tacet/io/png.hpp>
#include <tacet/io/png_encode.hpp>
#include <tacet/io/tiff.hpp>
#include <filesystem>
#include <optional>
#include <string_view>

namespace tacet {

/// The image formats that are read and written; TIFF only in programs built with libtiff.
enum class ImageFormat { png, jpeg, bmp, pnm, pfm, tiff };

inline std::string to_string(ImageFormat format) {
    constexpr std::array names{"PNG", "JPEG", "BMP", "PNM", "PFM", "TIFF"};
    return names[static_cast<std::size_t>(format)];
}

namespace detail {

struct ImageSuffix {
    std::string_view suffix;
    ImageFormat format;
};
inline constexpr ImageSuffix image_suffixes[] = {
    {".png", ImageFormat::png}, {".jpg", ImageFormat::jpeg}, {".jpeg", ImageFormat::jpeg}, {".bmp", ImageFormat::bmp},
    {".pgm", ImageFormat::pnm}, {".ppm", ImageFormat::pnm},  {".pnm", ImageFormat::pnm},   {".pfm", ImageFormat::pfm},
    {".tif", ImageFormat::tiff}, {".tiff", ImageFormat::tiff}};

/// What a file that is no image of ours seems to be, for the message.
inline std::string foreign_format(ByteSpan bytes) {
    if (bytes.empty()) return "an empty file";
    if (starts_with(bytes, "GIF8")) return "a GIF image";
    if (starts_with(bytes, "RIFF") && bytes.size() >= 12 && starts_with(bytes.subspan(8), "WEBP")) return "a WebP image";
    if (bytes.size() >= 12 && starts_with(bytes.subspan(4), "ftyp")) return "a HEIF or AVIF image, or a video";
    if (starts_with(bytes, "8BPS")) return "a Photoshop document";
    if (starts_with(bytes, "v/1\x01")) return "an OpenEXR image";
    return "no known kind of image";
}

}  // namespace detail

/// The format that a file's first bytes show, whatever its name; nothing when they show none that is known.
inline std::optional<ImageFormat> detect_image_format(std::span<std::uint8_t const> bytes) {
    using detail::starts_with;
    if (starts_with(bytes, {reinterpret_cast<char const*>(detail::png_signature.data()), 8})) return ImageFormat::png;
    if (starts_with(bytes, "\xff\xd8\xff")) return ImageFormat::jpeg;
    if (starts_with(bytes, "BM")) return ImageFormat::bmp;
    for (std::string_view const magic : {std::string_view("II*\0", 4), {"MM\0*", 4}, {"II+\0", 4}, {"MM\0+", 4}})
        if (starts_with(bytes, magic)) return ImageFormat::tiff;
    if (bytes.size() < 3 || bytes[0] != 'P' || !(bytes[2] == '#' || bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r'))) return {};
    if (bytes[1] == 'F' || bytes[1] == 'f') return ImageFormat::pfm;
    if (bytes[1] >= '1' && bytes[1] <= '6') return ImageFormat::pnm;
    return {};
}

/// The format that a path's suffix names, in upper or lower case; nothing when it names none.
inline std::optional<ImageFormat> image_format_of(std::filesystem::path const& path) {
    std::string suffix = path.extension().string();
    for (char& c : suffix)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (auto const& known : detail::image_suffixes)
        if (suffix == known.suffix) return known.format;
    return {};
}

namespace detail {

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

/// Encodes a raster whose bit depth is one the format has. Throws Error when the format has no place for its alpha channel.
inline Bytes encode_raster(Raster const& raster, ImageFormat format, int jpeg_quality) {
    bool const holds_alpha = format == ImageFormat::png || format == ImageFormat::tiff || format == ImageFormat::bmp;
    check(holds_alpha || !raster.has_alpha(), to_string(format), " has no alpha channel, but the picture has; write PNG or TIFF");
    check(!raster.premultiplied || format == ImageFormat::tiff, to_string(format),
          " has no premultiplied alpha, but the picture has; write TIFF");
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

}  // namespace detail
}  // namespace tacet
