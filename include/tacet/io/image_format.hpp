// SPDX-License-Identifier: MIT
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
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

inline bool starts_with(std::span<std::uint8_t const> bytes, std::string_view label) {
    return bytes.size() >= label.size() && std::memcmp(bytes.data(), label.data(), label.size()) == 0;
}

/// What a file that is no image of ours seems to be, for the message.
inline std::string foreign_format(std::span<std::uint8_t const> bytes) {
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
    if (starts_with(bytes, "\x89PNG\r\n\x1a\n")) return ImageFormat::png;
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

}  // namespace tacet
