// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/text.hpp>
#include <tacet/core/error.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tacet {

/// Whether a file's name ends as image files do, in upper or lower case. What a file holds is decided by its content when it is read.
inline bool has_image_suffix(std::filesystem::path const& path) {
    static constexpr std::array<std::string_view, 10> suffixes{".png", ".jpg", ".jpeg", ".bmp", ".pgm",
                                                                 ".ppm", ".pnm", ".pfm", ".tif", ".tiff"};
    std::string suffix = path.extension().string();
    for (char& c : suffix)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
}

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

/// Two files of the same stem.
struct FilePair {
    std::filesystem::path first, second;
};

namespace detail {

/// Files by stem. Throws Error for two of the same stem.
inline std::map<std::string, std::filesystem::path> by_stem(std::vector<std::filesystem::path> const& files) {
    std::map<std::string, std::filesystem::path> stems;
    for (auto const& file : files) {
        auto const [it, fresh] = stems.emplace(file.stem().string(), file);
        check(fresh, quote_text(it->second.string()), " and ", quote_text(file.string()), " have the same stem");
    }
    return stems;
}

/// "a.png, b.png and 7 more".
inline std::string name_some(std::vector<std::filesystem::path> const& files) {
    constexpr std::size_t most = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(files.size(), most); ++i) {
        if (i) text += ", ";
        text += files[i].filename().string();
    }
    return files.size() > most ? concat_text(text, " and ", files.size() - most, " more") : text;
}

}  // namespace detail

/// The files of two lists matched by stem (the name without its last suffix), in the order of the stems. Throws Error naming the files
/// that have no partner, or that share a stem with another of their list.
inline std::vector<FilePair> match_by_stem(std::vector<std::filesystem::path> const& first,
                                           std::vector<std::filesystem::path> const& second) {
    auto const a = detail::by_stem(first), b = detail::by_stem(second);
    std::vector<FilePair> pairs;
    std::vector<std::filesystem::path> alone;
    for (auto const& [stem, file] : a) {
        auto const partner = b.find(stem);
        if (partner == b.end()) alone.push_back(file);
        else pairs.push_back(FilePair{file, partner->second});
    }
    for (auto const& [stem, file] : b)
        if (!a.contains(stem)) alone.push_back(file);
    check(alone.empty(), "without a partner of the same stem: ", detail::name_some(alone));
    return pairs;
}

/// The images of two folders matched by stem; an error names both folders.
inline std::vector<FilePair> match_folders(std::filesystem::path const& first, std::filesystem::path const& second) {
    auto const a = list_images(first), b = list_images(second);
    try {
        return match_by_stem(a, b);
    } catch (Error const& e) {
        throw Error(concat_text(quote_text(first.string()), " and ", quote_text(second.string()), ": ", e.what()));
    }
}

}  // namespace tacet
