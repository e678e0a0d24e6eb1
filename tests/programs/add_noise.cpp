// SPDX-License-Identifier: MIT
#include <support/program.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/metrics/levels.hpp>

namespace add_noise_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
Tensor<float, 3> expected(Tensor<float, 3> const& clean, char const* noise, std::uint64_t seed, std::uint32_t number = 0) {
    return add_noise(clean, parse_noise(noise), Rng(Stream{.seed = seed, .purpose = Purpose::noise, .image = number}));
}
bool same(Tensor<float, 3> const& a, Tensor<float, 3> const& b) {
    return a.shape() == b.shape() && std::equal(a.data(), a.data() + a.size(), b.data());
}
}  // namespace

TEST_CASE("add_noise: help, version, unknown options") { check_frame("add_noise", "--nose", "--noise"); }

TEST_CASE("add_noise: the library's values, clipped and rounded to even in 8 and 16 bits, as they are in PFM") {
    ScratchFolder dir;
    auto image = picture(20, 33);
    write_picture(dir / "in.png", image);
    image = read_image(dir / "in.png");
    auto const wanted = expected(image.pixels, "gaussian:50", 7);
    for (char const* name : {"out.png", "out.pfm"}) {
        auto const p = run_program("add_noise", {dir / "in.png", "--output", dir / name, "--noise", "gaussian:50", "--seed", "7"});
        INFO(p.err);
        REQUIRE(p.status == 0);
        CHECK(p.out == "");
    }
    auto const out = read_image(dir / "out.png");
    REQUIRE(out.bit_depth == 8);
    Index wrong = 0, clipped = 0;
    for (Index k = 0; k < wanted.size(); ++k) {
        auto const level = std::nearbyint(std::clamp(static_cast<double>(wanted.data()[k]), 0.0, 1.0) * 255);
        wrong += std::abs(static_cast<double>(out.pixels.data()[k]) * 255 - level) > 1e-3;
        clipped += wanted.data()[k] < 0 || wanted.data()[k] > 1;
    }
    CHECK(wrong == 0);
    CHECK(clipped > 0);
    CHECK(same(read_image(dir / "out.pfm").pixels, wanted));

    image.bit_depth = 16;
    write_picture(dir / "deep.png", image);
    REQUIRE(run_program("add_noise", {dir / "deep.png", "--output", dir / "deep-out.png"}).status == 0);
    CHECK(read_image(dir / "deep-out.png").bit_depth == 16);
}

TEST_CASE("add_noise: the same seed gives the same bytes, another seed others; each image of a batch has its own noise") {
    ScratchFolder dir;
    write_picture(dir / "in/a.png", picture(16, 16, 1));
    write_picture(dir / "in/b.png", picture(16, 16, 1));
    auto const run = [&](std::string const& output, char const* seed) {
        auto const p = run_program("add_noise", {dir / "in", "--output", dir / output, "--noise", "poisson:30", "--seed", seed});
        INFO(p.err);
        REQUIRE(p.status == 0);
    };
    run("one", "1"), run("again", "1"), run("two", "2");
    CHECK(read_file(dir / "one/a.png") == read_file(dir / "again/a.png"));
    CHECK(read_file(dir / "one/b.png") == read_file(dir / "again/b.png"));
    CHECK(read_file(dir / "one/a.png") != read_file(dir / "two/a.png"));
    CHECK(read_file(dir / "one/a.png") != read_file(dir / "one/b.png"));
    CHECK(read_image(dir / "one/a.png").channels() == 1);
}

TEST_CASE("add_noise: every kind of noise, by name, and a wrong one refused with those that there are") {
    ScratchFolder dir;
    write_picture(dir / "in.png", picture(24, 30));
    auto const clean = read_image(dir / "in.png").pixels;
    for (char const* noise : {"gaussian:15", "poisson:30", "scaled_poisson:2", "speckle:0.03", "salt_pepper:0.1", "correlated_gaussian:40",
                              "mixture:1-5"}) {
        CAPTURE(noise);
        Words const words{dir / "in.png", "--output", dir / "out.pfm", "--noise", noise, "--seed", "3", "--overwrite"};
        REQUIRE(run_program("add_noise", words).status == 0);
        CHECK(same(read_image(dir / "out.pfm").pixels, expected(clean, noise, 3)));
    }
    REQUIRE(run_program("add_noise", {dir / "in.png", "--output", dir / "out.png", "--noise", "jpeg:20"}).status == 0);
    CHECK(!same(read_image(dir / "out.png").pixels, clean));
    auto const refused = [&](char const* noise, char const* why) {
        check_refused(run_program("add_noise", {dir / "in.png", "--output", dir / "x.png", "--noise", noise}), why);
    };
    refused("jpeg:0", "levels lie between 1 and 100");
    refused("rain:1", "mixture:LEVEL and jpeg:QUALITY");
    CHECK(!fs::exists(dir / "x.png"));
    CHECK_THAT(run_program("add_noise", {"--help"}).out, contains("salt_pepper:DENSITY - "));
}

TEST_CASE("add_noise: where results go, and what is refused") {
    ScratchFolder dir;
    write_picture(dir / "in/a.png", picture(12, 12));
    write_picture(dir / "in/b.ppm", picture(12, 12));
    auto const a = (dir / "in/a.png").string(), b = (dir / "in/b.ppm").string();
    auto const before = read_file(a);
    REQUIRE(run_program("add_noise", {a, b, "--output", dir / "new/deep"}).status == 0);
    CHECK(fs::exists(dir / "new/deep/a.png"));
    CHECK(fs::exists(dir / "new/deep/b.ppm"));
    REQUIRE(run_program("add_noise", {a, "--output", dir / "single"}).status == 0);  // no image suffix: a folder
    CHECK(fs::exists(dir / "single/a.png"));

    check_refused(run_program("add_noise", {a, "--output", dir / "single"}), "--overwrite");
    CHECK(run_program("add_noise", {a, "--output", dir / "single", "--overwrite"}).status == 0);
    check_refused(run_program("add_noise", {a, "--output", a, "--overwrite"}), "is an input");
    check_refused(run_program("add_noise", {a, "--output", dir / "in/../in/a.png", "--overwrite"}), "is an input");
    check_refused(run_program("add_noise", {a, b, "--output", dir / "in", "--overwrite"}), "is an input");
    fs::create_symlink(a, dir / "link.png");
    check_refused(run_program("add_noise", {a, "--output", dir / "link.png", "--overwrite"}), "is an input");
    check_refused(run_program("add_noise", {dir / "link.png", "--output", a, "--overwrite"}), "is an input");
    CHECK(read_file(a) == before);

    fs::create_directories(dir / "empty");
    check_refused(run_program("add_noise", {dir / "empty", "--output", dir / "x"}), "no images");
    check_refused(run_program("add_noise", {a, "--output", dir / "x.png", "--noise", "gausian:25"}), "gaussian");
    check_refused(run_program("add_noise", {a}), "--output is required");
    check_refused(run_program("add_noise", {dir / "none.png", "--output", dir / "x.png"}), "none.png");
    CHECK(!fs::exists(dir / "x.png"));
    write_picture(dir / "other/a.png", picture(12, 12));
    check_refused(run_program("add_noise", {a, dir / "other/a.png", "--output", dir / "y"}), "written twice");
}

TEST_CASE("add_noise: a bad file is reported, the others are done") {
    ScratchFolder dir;
    write_picture(dir / "in/a.png", picture(12, 12));
    write_picture(dir / "in/c.png", picture(12, 12));
    write_text(dir / "in/b.png", "no picture");
    auto const p = run_program("add_noise", {dir / "in", "--output", dir / "out"});
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("b.png"));
    CHECK_THAT(p.err, contains("1 of 3 images failed"));
    CHECK(fs::exists(dir / "out/a.png"));
    CHECK(fs::exists(dir / "out/c.png"));
    CHECK(std::distance(fs::directory_iterator(dir / "out"), fs::directory_iterator()) == 2);
}

TEST_CASE("add_noise: a batch in which every file is bad leaves no folder") {
    ScratchFolder dir;
    write_picture(dir / "in/a.png", picture(12, 12));
    for (char const* name : {"in/a.png", "in/b.png"}) write_text(dir / name, "no picture");
    auto const p = run_program("add_noise", {dir / "in", "--output", dir / "out/deep"});
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("2 of 2 images failed"));
    CHECK(!fs::exists(dir / "out"));
    check_refused(run_program("add_noise", {dir / "in", "--output", dir / "in/a.png/x/y"}), "in/a.png: is not a folder");
}

TEST_CASE("add_noise: a full disk is an error and leaves nothing") {
    ScratchFolder dir;
    write_picture(dir / "in.png", picture(64, 64));
    fs::create_directories(dir / "out");
    check_refused(run_program("add_noise", {dir / "in.png", "--output", dir / "out/x.png"}, {.file_size = 1000}), "x.png: cannot write");
    CHECK(fs::is_empty(dir / "out"));
    if (!fs::exists("/dev/full")) return skip("there is no /dev/full");
    fs::create_symlink("/dev/full", dir / "full.png");
    check_refused(run_program("add_noise", {dir / "in.png", "--output", dir / "full.png"}), "full.png: cannot write");
}
}  // namespace add_noise_test
