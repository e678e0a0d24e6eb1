// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/scratch.hpp>
#include <tacet/data/folder.hpp>
#include <cstdio>

namespace folder_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {

/// A folder of empty files.
struct FolderOfFiles : ScratchFolder {
    void add(std::string const& name) const {
        fs::create_directories((path / name).parent_path());
        std::FILE* const file = std::fopen((path / name).c_str(), "w");
        REQUIRE(file);
        std::fclose(file);
    }
    std::string quoted(std::string const& name = "") const { return quote_text(name.empty() ? path.string() : (path / name).string()); }
};

}  // namespace

TEST_CASE("a folder's images are listed by name, other files are left out", "[data][folder]") {
    FolderOfFiles const folder;
    for (auto const* name : {"b.PNG", "a.jpeg", "10.tif", "9.bmp", "notes.txt", ".hidden.png", "deep/inside.png", "c.ppm", "noext"})
        folder.add(name);
    fs::create_directories(folder.path / "a folder.png");
    std::vector<std::string> names;
    for (auto const& file : list_images(folder.path)) names.push_back(file.filename().string());
    CHECK(names == std::vector<std::string>{"10.tif", "9.bmp", "a.jpeg", "b.PNG", "c.ppm"});
}

TEST_CASE("a folder without images is an error that names it", "[data][folder]") {
    FolderOfFiles const folder;
    folder.add("notes.txt");
    CHECK(error_text([&] { list_images(folder.path); }) ==
          folder.quoted() + " holds no images (files ending in .png, .jpg, .tif, .bmp, .pnm, .pfm and the like)");
    CHECK(error_text([&] { list_images(folder.path / "none"); }) == folder.quoted("none") + " does not exist");
    CHECK(error_text([&] { list_images(folder.path / "notes.txt"); }) == folder.quoted("notes.txt") + " is not a folder");
}

TEST_CASE("pairs are matched by stem", "[data][folder]") {
    FolderOfFiles const folder;
    for (auto const* name : {"a/2.png", "a/x.1.png", "b/x.1.jpg", "b/2.png"}) folder.add(name);
    auto const pairs = match_folders(folder.path / "a", folder.path / "b");
    REQUIRE(pairs.size() == 2);
    CHECK(pairs[0].first == folder.path / "a/2.png");
    CHECK(pairs[0].second == folder.path / "b/2.png");
    CHECK(pairs[1].first == folder.path / "a/x.1.png");
    CHECK(pairs[1].second == folder.path / "b/x.1.jpg");
}

TEST_CASE("unmatched files are named", "[data][folder]") {
    FolderOfFiles const folder;
    for (auto const* name : {"a/1.png", "a/2.png", "b/2.png", "b/3.png"}) folder.add(name);
    std::string const folders = folder.quoted("a") + " and " + folder.quoted("b");
    CHECK(error_text([&] { match_folders(folder.path / "a", folder.path / "b"); }) ==
          folders + ": without a partner of the same stem: 1.png, 3.png");
    CHECK(error_text([] { match_by_stem({"1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png"}, {}); }) ==
          "without a partner of the same stem: 1.png, 2.png, 3.png, 4.png, 5.png and 2 more");
    CHECK(error_text([] { match_by_stem({"x/1.png", "x/1.jpg"}, {"y/1.png"}); }) == "\"x/1.png\" and \"x/1.jpg\" have the same stem");
}
}  // namespace folder_test
