// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/image_folder.hpp>
#include <tacet/io/text.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tacet {

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
