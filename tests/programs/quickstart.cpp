// SPDX-License-Identifier: MIT
#include <support/program.hpp>

namespace quickstart_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

TEST_CASE("quickstart: help, version, unknown options") { check_frame("quickstart", "--nois", "--noise"); }

TEST_CASE("quickstart: with noise, the last line on stdout names the results and the figures") {
    ScratchFolder dir;
    write_picture(dir / "photo.png", picture(40, 52));
    auto const p = run_program("quickstart", {dir / "photo.png", "--noise", "gaussian:25", "--out", dir / "out", "--steps", "2"});
    INFO(p.err);
    REQUIRE(p.status == 0);
    auto const lines = json_lines(p.out);
    REQUIRE(lines.size() == 1);
    for (char const* key : {"output", "montage", "report"}) CHECK(fs::exists(lines[0].at(key).string()));
    CHECK(lines[0].at("input").string() == (dir / "photo.png").string());
    for (char const* key : {"seconds", "psnr_noisy", "psnr_denoised", "psnr_blur"}) CHECK(lines[0].at(key).number() > 0);
    CHECK(read_image(lines[0].at("output").string()).pixels.shape() == Shape{Index(40), Index(52), Index(3)});
    CHECK(run_program("quickstart", {dir / "photo.png", "--out", dir / "out", "--steps", "1"}).status == 0);  // our own folder: replaced
}

TEST_CASE("quickstart: without a picture it makes one, always the same, on which a blur is far from enough") {
    ScratchFolder dir;
    auto const run = [&](char const* folder, char const* seed) {
        auto const p = run_program("quickstart", {"--out", dir / folder, "--steps", "1", "--seed", seed});
        INFO(p.err);
        REQUIRE(p.status == 0);
        return json_lines(p.out).at(0);
    };
    auto const line = run("a", "0");
    run("b", "1");
    CHECK(read_file(dir / "a/generated.png") == read_file(dir / "b/generated.png"));
    CHECK(read_image(line.at("input").string()).pixels.shape() == Shape{Index(384), Index(512), Index(3)});
    CHECK(line.at("psnr_noisy").number() == Approx(20.75).margin(0.1));
    CHECK(line.at("psnr_blur").number() == Approx(25.8).margin(0.2));  // a trained network is above 28; busy pictures leave it that room
    CHECK_THAT(text_of(dir / "a/report.html"), contains("best blur"));
}

TEST_CASE("quickstart: without noise nothing is added and no figures are given; files of others stay") {
    ScratchFolder dir;
    write_picture(dir / "grey.png", picture(33, 20, 1));
    auto const p = run_program("quickstart", {dir / "grey.png", "--out", dir / "out", "--steps", "1"});
    INFO(p.err);
    REQUIRE(p.status == 0);
    auto const line = json_lines(p.out).at(0);
    CHECK(!line.find("psnr_noisy"));
    CHECK(read_image(line.at("output").string()).channels() == 1);
    write_text(dir / "report.html", "mine");
    check_refused(run_program("quickstart", {dir / "grey.png", "--out", dir.path, "--steps", "1"}), "--overwrite");
    CHECK(text_of(dir / "report.html") == "mine");
}

TEST_CASE("quickstart: what is refused is refused before a folder is made and before a file is written") {
    ScratchFolder dir;
    auto const refuse = [&](Words words, std::string const& part) {
        words.insert(words.end(), {"--out", dir / "new", "--steps", "1"});
        check_refused(run_program("quickstart", words), part);
        CHECK(!fs::exists(dir / "new"));
    };
    refuse({dir / "none.png"}, "none.png");
    refuse({"--noise", "foo"}, "foo");
    fs::create_directory(dir / "mine");
    write_text(dir / "mine/report.html", "mine");
    check_refused(run_program("quickstart", {"--out", dir / "mine", "--steps", "1"}), "report.html exists");
    CHECK(!fs::exists(dir / "mine/generated.png"));
    CHECK(!fs::exists(dir / "mine/.tacet-quickstart"));
    fs::remove(dir / "mine/report.html");
    write_text(dir / "mine/generated.png", "mine");
    check_refused(run_program("quickstart", {"--out", dir / "mine", "--steps", "1"}), "generated.png exists");
    CHECK(std::distance(fs::directory_iterator(dir / "mine"), fs::directory_iterator()) == 1);
}
}  // namespace quickstart_test
