// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/program.hpp>
#include <support/values.hpp>
#include <tacet/train/noise_validation.hpp>

namespace noise_validation_test {
using namespace tacet;
using namespace tacet::test;

namespace {
using Picture = Tensor<float, 3>;
Image flat(Index height, Index width, int level) {
    Image image;
    image.pixels = full(Shape{height, width, Index(3)}, static_cast<float>(level) / 255.f);
    return image;
}
double figure(ValidationResult const& result, std::string const& key) {
    for (auto const& [name, value] : result.figures)
        if (name == key) return value.number();
    return std::nan("");
}
Picture same(Picture const& x) { return x; }
}  // namespace

TEST_CASE("Each kind of noise has its figures; the quality is the mean over all, the user's pairs included") {
    ScratchFolder dir;
    write_picture(dir / "clean/x.png", flat(200, 150, 120));
    write_picture(dir / "noisy/p.png", flat(20, 30, 100));
    write_picture(dir / "reference/p.png", flat(20, 30, 110));
    NoiseValidation const set({.clean = {dir / "clean"}, .pairs = {dir / "noisy", dir / "reference"},
                               .noises = {"gaussian:15", "salt_pepper:0.02"}, .seed = 1});
    auto const nothing = set.run(same);
    double const gaussian = figure(nothing, "psnr/gaussian:15"), salt = figure(nothing, "psnr/salt_pepper:0.02");
    CHECK(gaussian == Approx(10 * std::log10(255.0 * 255 / (225 + 1 / 12.0))).margin(0.1));
    CHECK(salt == Approx(10 * std::log10(255.0 * 255 / (0.01 * 120 * 120 + 0.01 * 135 * 135))).margin(0.6));
    CHECK(figure(nothing, "psnr/pairs") == Approx(20 * std::log10(25.5)).epsilon(1e-12));
    CHECK(nothing.quality == Approx((gaussian + salt + figure(nothing, "psnr/pairs")) / 3).epsilon(1e-12));
    CHECK(figure(nothing, "psnr") == nothing.quality);
    for (char const* kind : {"gaussian:15", "salt_pepper:0.02", "pairs"})
        CHECK(figure(nothing, std::string("psnr_input/") + kind) == figure(nothing, std::string("psnr/") + kind));
    auto const constant = set.run([](Picture const& x) { return full(x.shape(), 130.f / 255.f); });
    CHECK(figure(constant, "psnr/gaussian:15") == Approx(20 * std::log10(25.5)).epsilon(1e-12));
    CHECK(figure(constant, "psnr_input/gaussian:15") == gaussian);
    // Large pictures are shown by their middle, a row for each kind.
    CHECK(nothing.picture.pixels.shape() == Shape{Index(8 + 2 * (128 + 8) + 20 + 8), Index(8 + 3 * (128 + 8)), Index(3)});
}

TEST_CASE("Noisy pictures are in 8 bits and depend on the seed, the kind and the picture's number alone") {
    ScratchFolder dir;
    for (char const* name : {"a.png", "b.png", "c.png"}) write_picture(dir / name, flat(16, 16, 100));
    auto const noisy = [&](std::vector<std::string> const& kinds, std::uint64_t seed) {
        std::vector<Picture> seen;
        NoiseValidation({.clean = {dir.path}, .noises = kinds, .seed = seed, .count = 2}).run([&](Picture const& x) {
            return seen.push_back(x), x;
        });
        return seen;
    };
    auto const both = noisy({"gaussian:15", "speckle:0.03"}, 1), alone = noisy({"speckle:0.03"}, 1), other = noisy({"speckle:0.03"}, 2);
    REQUIRE((both.size() == 4 && alone.size() == 2));
    CHECK((same_bits(both[2], alone[0]) && same_bits(both[3], alone[1])));
    CHECK((!same_bits(alone[0], alone[1]) && !same_bits(alone[0], other[0])));
    CHECK(same_bits(quantise_8bit(both[0]), both[0]));
}

TEST_CASE("Validations that cannot be are refused") {
    ScratchFolder dir;
    write_picture(dir / "x.png", flat(16, 16, 100));
    CHECK(error_text([] { NoiseValidation({.noises = {"gaussian:15"}}); }) == "name pictures for validation with --valid or --valid-pairs");
    CHECK(error_text([&] { NoiseValidation({.clean = {dir.path}, .noises = {"gaussian:15", "gaussian:15"}}); })
          == "validation with gaussian:15 twice");
    CHECK(error_text([&] { NoiseValidation({.clean = {dir.path}}); })
          == "name kinds of noise for the pictures of --valid with --valid-noise");
    CHECK_THAT(error_text([&] { NoiseValidation({.clean = {dir / "none"}, .noises = {"gaussian:15"}}); }), contains("does not exist"));
    CHECK(NoiseValidation({.clean = {"dead-leaves"}, .noises = {"gaussian:15"}, .count = 1, .side = 32}).run(same).figures.size() == 4);
}

TEST_CASE("Validation knows every kind of noise, JPEG too") {
    auto const result = NoiseValidation({.clean = {"dead-leaves"}, .noises = {"jpeg:1", "jpeg:90"}, .count = 1, .side = 32}).run(same);
    CHECK(figure(result, "psnr/jpeg:1") < figure(result, "psnr/jpeg:90"));
}
}  // namespace noise_validation_test
