// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/image_format.hpp>
#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

namespace tacet {

/// The images directly in a folder, by their suffixes (hidden files aside), sorted by name. Throws Error when the folder cannot be listed
/// or holds none.
inline std::vector<std::filesystem::path> list_images(std::filesystem::path const& folder) {
    std::vector<std::filesystem::path> paths;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        auto const& path = entry->path();
        bool const hidden = path.filename().string().starts_with('.');
        std::error_code ignored;
        if (!hidden && image_format_of(path) && entry->is_regular_file(ignored)) paths.push_back(path);
    }
    check(!error, folder.string(), ": cannot list the folder: ", error.message());
    check(!paths.empty(), folder.string(), ": no images in this folder (PNG, JPEG, BMP, PNM, PFM, TIFF)");
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace tacet
