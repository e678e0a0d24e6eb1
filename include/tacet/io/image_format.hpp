// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/byte_reader.hpp>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
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
inline std::string foreign_format(std::span<std::uint8_t const> bytes) {
    if (bytes.empty()) return "an empty file";
    if (begins_with(bytes, "GIF8")) return "a GIF image";
    if (begins_with(bytes, "RIFF") && bytes.size() >= 12 && begins_with(bytes, "WEBP", 8)) return "a WebP image";
    if (bytes.size() >= 12 && begins_with(bytes, "ftyp", 4)) return "a HEIF or AVIF image, or a video";
    if (begins_with(bytes, "8BPS")) return "a Photoshop document";
    if (begins_with(bytes, "v/1\x01")) return "an OpenEXR image";
    return "no known kind of image";
}

}  // namespace detail

/// The format that a file's first bytes show, whatever its name; nothing when they show none that is known.
inline std::optional<ImageFormat> detect_image_format(std::span<std::uint8_t const> bytes) {
    using detail::begins_with;
    if (begins_with(bytes, "\x89PNG\r\n\x1a\n")) return ImageFormat::png;
    if (begins_with(bytes, "\xff\xd8\xff")) return ImageFormat::jpeg;
    if (begins_with(bytes, "BM")) return ImageFormat::bmp;
    for (std::string_view const magic : {std::string_view("II*\0", 4), {"MM\0*", 4}, {"II+\0", 4}, {"MM\0+", 4}})
        if (begins_with(bytes, magic)) return ImageFormat::tiff;
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

}  // namespace tacet
