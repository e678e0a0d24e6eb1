// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/scratch.hpp>
#include <tacet/io/file_jobs.hpp>

namespace file_jobs_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
void touch(fs::path const& path) {
    fs::create_directories(path.parent_path());
    write_file_atomically(path, {}, true);
}
}  // namespace

TEST_CASE("One input and an output with an image suffix are one file; everything else means a folder") {
    ScratchFolder dir;
    touch(dir / "a.png");
    touch(dir / "b.jpg");
    auto const one = plan_file_jobs({dir / "a.png"}, dir / "x.pfm", false);
    REQUIRE(one.size() == 1);
    CHECK(one[0].output == dir / "x.pfm");
    CHECK(!fs::exists(dir / "x.pfm"));
    auto const folder = plan_file_jobs({dir / "a.png"}, dir / "made/deep", false);
    CHECK(folder.at(0).output == dir / "made/deep/a.png");
    CHECK(!fs::exists(dir / "made"));  // when there is a result
    make_folder(folder[0].folder);
    CHECK(fs::is_directory(dir / "made/deep"));
    make_folder(folder[0].folder);
    make_folder(one[0].folder);  // one file: nothing to make
    CHECK_THROWS_WITH(make_folder(dir / "a.png"), tacet::test::contains("a.png: cannot make the folder"));
    CHECK(dir.count() == 3);
    // Several inputs: a folder, whatever its name.
    auto const two = plan_file_jobs({dir / "a.png", dir / "b.jpg"}, dir / "named.png", false);
    CHECK(two.at(1).output == dir / "named.png/b.jpg");
    auto const listed = plan_file_jobs({dir.path}, dir / "out", false);
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].output == dir / "out/a.png");
}

TEST_CASE("A plan that would destroy something is refused before anything is made") {
    ScratchFolder dir;
    touch(dir / "in/a.png");
    touch(dir / "other/a.png");
    auto const plan = [&](std::vector<fs::path> const& in, fs::path const& out, bool overwrite) {
        return error_text([&] { plan_file_jobs(in, out, overwrite); });
    };
    CHECK_THAT(plan({dir / "in/a.png"}, dir / "in", true), contains("is an input"));
    CHECK_THAT(plan({dir / "in/a.png"}, dir / "other", false), contains("--overwrite"));
    CHECK(plan({dir / "in/a.png"}, dir / "other", true) == "no error");
    CHECK_THAT(plan({dir / "in/a.png", dir / "other/a.png"}, dir / "out", false), contains("written twice"));
    CHECK(!fs::exists(dir / "out"));
    CHECK(plan({dir / "in/a.png"}, dir / "in/a.png/x/y", false) == (dir / "in/a.png").string() + ": is not a folder");
    CHECK(plan({dir / "in/a.png"}, "a-relative-folder/x", false) == "no error");
    CHECK(!fs::exists("a-relative-folder"));
    CHECK_THAT(plan({dir / "in/a.png"}, dir / "x.pgn", false), contains("x.pgn: .pgn is no image format known here"));
    CHECK(plan({dir / "in/a.png"}, dir / "x.pgn/", false) == "no error");
    CHECK_THAT(plan({}, dir / "out", false), contains("no input images"));
}

TEST_CASE("Jobs that throw are counted; the others are done") {
    std::vector<FileJob> const jobs{{"a", "x"}, {"b", "y"}, {"c", "z"}};
    std::string done;
    int const status = run_file_jobs(jobs, "test", [&](FileJob const& job) {
        if (job.input == "a") throw Error("a is bad");
        if (job.input == "b") throw std::bad_alloc();
        done += job.input.string();
    });
    CHECK(status == 1);
    CHECK(done == "c");
    CHECK(run_file_jobs(jobs, "test", [](FileJob const&) {}) == 0);
}
}  // namespace file_jobs_test
