// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

// What the tests of files share: folders and files that go away, and the text of an error.
namespace tacet::test {

/// A new folder under the system's folder for temporaries, removed with its content in the end.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tacet-test-XXXXXX").string();
        if (!::mkdtemp(pattern.data())) throw Error("cannot make " + pattern);
        path = pattern;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    ScratchFolder(ScratchFolder const&) = delete;
    ScratchFolder& operator=(ScratchFolder const&) = delete;

    std::filesystem::path operator/(std::string const& name) const { return path / name; }
    /// How many entries it has.
    std::ptrdiff_t count() const {
        return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator());
    }

    std::filesystem::path path;
};

/// A new file of this text, removed in the end; without text there is none yet.
class ScratchFile {
    ScratchFolder folder_;

public:
    explicit ScratchFile(std::string const& text = {}) {
        if (!text.empty()) std::ofstream(path, std::ios::binary) << text;
    }
    std::string text() const {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::filesystem::path const path = folder_ / "file";
};

/// The message of the Error that f throws; "no error" when it throws none.
inline std::string error_text(auto&& f) {
    try {
        f();
    } catch (Error const& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace tacet::test
