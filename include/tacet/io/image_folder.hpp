// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/image_format.hpp>
#include <tacet/io/text.hpp>
#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace tacet {

/// Whether a file's name ends as image files do, in upper or lower case. What a file holds is decided by its content when it is read.
inline bool has_image_suffix(std::filesystem::path const& path) { return image_format_of(path).has_value(); }

/// The image files directly inside a folder, by suffix, in the byte order of their names. Throws Error when there are none.
inline std::vector<std::filesystem::path> list_images(std::filesystem::path const& folder) {
    std::string const name = quote_text(folder.string());
    std::error_code error;
    bool const exists = std::filesystem::exists(folder, error);
    check(exists, name, " does not exist");
    check(std::filesystem::is_directory(folder, error), name, " is not a folder");
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        bool const hidden = it->path().filename().string().starts_with('.');
        if (!hidden && has_image_suffix(it->path()) && !it->is_directory(error)) files.push_back(it->path());
    }
    check(!error, "cannot list ", name, ": ", error.message());
    check(!files.empty(), name, " holds no images (files ending in .png, .jpg, .tif, .bmp, .pnm, .pfm and the like)");
    std::sort(files.begin(), files.end(), [](auto const& a, auto const& b) { return a.filename().string() < b.filename().string(); });
    return files;
}

}  // namespace tacet
