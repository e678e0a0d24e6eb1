// SPDX-License-Identifier: MIT
#include <support/capture.hpp>
#include <support/catch.hpp>
#include <support/program.hpp>
#include <support/values.hpp>
#include <tacet/train/validation.hpp>
#include <set>

namespace validation_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
using Paths = std::vector<fs::path>;
using Picture = Tensor<float, 3>;

/// A picture of one level of 0 to 255.
Image flat(Index height, Index width, int level, Index channels = 3) {
    Image image;
    image.pixels = full(Shape{height, width, channels}, static_cast<float>(level) / 255.f);
    return image;
}
PatchOptions patches(NoiseSpec noise = {"gaussian", 0, 0}) { return {.batch = 2, .crop = 32, .seed = 3, .noise = noise}; }

/// The names of all pictures that patches are cut from.
std::set<std::string> names_of(BatchSource const& source) {
    std::set<std::string> names;
    for (Index step = 0; step < 10; ++step)
        for (auto const& name : source.batch(step).names) names.insert(fs::path(name).filename().string());
    return names;
}
std::string source_error(Paths const& train, Paths const& pairs, PatchOptions const& options = patches()) {
    return error_text([&] { make_source(train, pairs, options, 1 << 20); });
}
std::string validation_error(Paths const& clean, Paths const& pairs) {
    return error_text([&] { ValidationSet(clean, pairs, {"gaussian", 25, 25}, 1, 8); });
}
double figure(ValidationResult const& result, std::string const& key) {
    for (auto const& [name, value] : result.figures)
        if (name == key) return value.number();
    return std::nan("");
}
bool has_figure(ValidationResult const& result, std::string const& key) { return !std::isnan(figure(result, key)); }
/// A part of a montage.
Picture part(ValidationResult const& result, Index top, Index left, Index height, Index width) {
    return crop(result.picture.pixels, Window{top, left, height, width});
}
Picture same(Picture const& x) { return x; }
}  // namespace

TEST_CASE("Small pictures are skipped and counted, and each picture is decoded once") {
    ScratchFolder dir;
    write_picture(dir / "a/one.png", flat(32, 40, 10));
    write_picture(dir / "a/low.png", flat(31, 40, 20));
    write_picture(dir / "a/thin.png", flat(40, 31, 30));
    write_picture(dir / "b/grey.png", flat(50, 32, 40, 1));
    Capture error(stderr);
    auto const source = make_source({dir / "a", dir / "b"}, {}, patches(), 1 << 20);
    CHECK(error.stop() == "2 of 4 pictures are smaller than 32 x 32 and are skipped\n");
    fs::remove_all(dir / "a"), fs::remove_all(dir / "b");  // all is in memory: the first look decoded for good
    CHECK(names_of(*source) == std::set<std::string>{"grey.png", "one.png"});
    auto const batch = source->batch(0);
    CHECK(batch.input.shape() == Shape{2, 32, 32, 3});
    for (Index n = 0; n < 2; ++n) {
        float const level = fs::path(batch.names[static_cast<std::size_t>(n)]).filename() == "one.png" ? 10.f / 255.f : 40.f / 255.f;
        CHECK(batch.input(n, 31, 31, 2) == level);
        CHECK(batch.target(n, 0, 0, 0) == level);
    }
}

TEST_CASE("A folder whose pictures all fit is not talked about; one whose pictures are all too small is refused") {
    ScratchFolder dir;
    write_picture(dir / "a/x.png", flat(32, 32, 10));
    write_picture(dir / "small/y.png", flat(31, 32, 10));
    Capture error(stderr);
    make_source({dir / "a"}, {}, patches(), 1 << 20);
    auto const text = source_error({dir / "small"}, {});
    CHECK(error.stop() == "1 of 1 pictures are smaller than 32 x 32 and are skipped\n");
    CHECK(text == "all 1 training pictures are smaller than a patch of 32 x 32 pixels; use a smaller --crop");
}

TEST_CASE("Pairs are matched by name, skipped when small, decoded once, and input and target change places at random") {
    ScratchFolder dir;
    for (auto const& [folder, add] : {std::pair{"first", 0}, {"second", 100}}) {
        write_picture(dir / folder / "p.png", flat(40, 33, 10 + add));
        write_picture(dir / folder / "q.png", flat(32, 64, 20 + add));
        write_picture(dir / folder / "small.png", flat(16, 64, 30 + add));
    }
    Capture error(stderr);
    auto const source = make_source({}, {dir / "first", dir / "second"}, patches(), 1 << 20);
    CHECK(error.stop() == "1 of 3 pictures are smaller than 32 x 32 and are skipped\n");
    fs::remove_all(dir / "first"), fs::remove_all(dir / "second");
    CHECK(names_of(*source) == std::set<std::string>{"p.png", "q.png"});
    int swapped = 0;
    for (Index step = 0; step < 20; ++step) {
        auto const batch = source->batch(step);
        for (Index n = 0; n < 2; ++n) {
            float const level = fs::path(batch.names[static_cast<std::size_t>(n)]).filename() == "p.png" ? 10 : 20;
            float const input = batch.input(n, 0, 0, 0) * 255, target = batch.target(n, 0, 0, 0) * 255;
            CHECK(std::min(input, target) == Approx(level));
            CHECK(std::max(input, target) == Approx(level + 100));
            swapped += input > target;
        }
    }
    CHECK((swapped > 8 && swapped < 32));
}

TEST_CASE("Pairs that differ in size or lack a partner are named") {
    ScratchFolder dir;
    write_picture(dir / "first/p.png", flat(40, 40, 1));
    write_picture(dir / "second/p.png", flat(40, 41, 1));
    CHECK(source_error({}, {dir / "first", dir / "second"}) == (dir / "first/p.png").string() + " and " + (dir / "second/p.png").string()
                                                                   + " differ in size: (40, 40, 3) and (40, 41, 3)");
    CHECK_THROWS_AS(make_source({}, {dir / "first", dir / "second"}, patches(), 1 << 20), ShapeError);
    CHECK(validation_error({}, {dir / "first", dir / "second"}) == source_error({}, {dir / "first", dir / "second"}));
    write_picture(dir / "second/p.png", flat(40, 40, 1, 1));  // grey beside colour: repeated
    CHECK(source_error({}, {dir / "first", dir / "second"}) == "no error");
    write_picture(dir / "second/q.png", flat(40, 40, 1));
    CHECK_THAT(source_error({}, {dir / "first", dir / "second"}), contains("without a partner of the same stem: q.png"));
    CHECK_THAT(validation_error({}, {dir / "first", dir / "second"}), contains("without a partner of the same stem: q.png"));
}

TEST_CASE("Training data and validation pictures are named in one way, not two and not none") {
    ScratchFolder dir;
    write_picture(dir / "x.png", flat(40, 40, 1));
    for (Paths const& both : {Paths{}, Paths{dir.path, dir.path}}) {
        Paths const train = both.empty() ? Paths{} : Paths{dir.path};
        CHECK(source_error(train, both) == "name the training data with either --train or --pairs");
        CHECK(validation_error(train, both) == "name pictures for validation with either --valid or --valid-pairs");
    }
    auto clean = patches();
    clean.clean_targets = true;
    CHECK_THAT(source_error({}, {dir.path, dir.path}, clean), contains("--clean-targets needs --train"));
    CHECK_THAT(source_error({"dead-leaves", dir.path}, {}), contains("stands alone"));
    CHECK_THAT(validation_error({"dead-leaves", dir.path}, {}), contains("stands alone"));
    CHECK_THAT(source_error({dir / "none"}, {}), contains("does not exist"));
    CHECK(source_error({"dead-leaves"}, {}) == "no error");
}

TEST_CASE("The figures of a known case: against the clean picture and against noisy ones") {
    ScratchFolder dir;
    write_picture(dir / "x.png", flat(200, 180, 120));
    write_picture(dir / "y.png", flat(200, 180, 130));
    ValidationSet const set({dir.path}, {}, {"gaussian", 25, 25}, 1, 8);
    REQUIRE(set.size() == 2);
    // Nothing done: noise of variance 625 (and 1/12 by rounding) to the clean picture, twice that to another noisy one.
    auto const nothing = set.run(same);
    CHECK(figure(nothing, "psnr_input") == Approx(10 * std::log10(255.0 * 255 / (625 + 1 / 12.0))).margin(0.03));
    CHECK(figure(nothing, "psnr") == figure(nothing, "psnr_input"));
    CHECK(figure(nothing, "psnr_noisy_target") == Approx(10 * std::log10(255.0 * 255 / (1250 + 1 / 6.0))).margin(0.03));
    CHECK(nothing.quality == figure(nothing, "psnr"));
    // A result 5 levels off one picture and 15 off the other, whatever the noise: the mean of the two PSNRs, exactly.
    auto const constant = set.run([](Picture const& x) { return full(x.shape(), 115.f / 255.f); });
    CHECK(figure(constant, "psnr") == Approx(10 * std::log10(255.0 * 255) - 5 * std::log10(25.0 * 225)).epsilon(1e-12));
    CHECK(constant.quality == figure(constant, "psnr"));
    CHECK(figure(constant, "psnr_input") == figure(nothing, "psnr_input"));
    double const against_noisy = 10 * std::log10(255.0 * 255) - 5 * std::log10((625 + 25.0) * (625 + 225.0));
    CHECK(figure(constant, "psnr_noisy_target") == Approx(against_noisy).margin(0.03));
}

TEST_CASE("The user's pairs are judged against the second exposure, exactly as they are") {
    ScratchFolder dir;
    write_picture(dir / "a/x.png", flat(30, 40, 100));
    write_picture(dir / "b/x.png", flat(30, 40, 110));
    ValidationSet const set({}, {dir / "a", dir / "b"}, {"gaussian", 25, 25}, 1, 8);
    auto const result = set.run(same);
    CHECK(figure(result, "psnr_noisy_target") == Approx(20 * std::log10(25.5)).epsilon(1e-12));
    CHECK(result.quality == figure(result, "psnr_noisy_target"));
    CHECK(!has_figure(result, "psnr"));
    CHECK(!has_figure(result, "psnr_input"));
    CHECK(same_bits(part(result, 8, 8 + 2 * 48, 30, 40), flat(30, 40, 110).pixels));  // the reference is the second
}

TEST_CASE("The montage shows noisy, denoised and clean of the first three pictures, the middle of large ones") {
    ScratchFolder dir;
    for (char const* name : {"a", "b", "c", "d"})
        write_picture(dir / (std::string(name) + ".png"), picture(24, 40, 3, static_cast<std::uint32_t>(name[0])));
    ValidationSet const set({dir.path}, {}, {"gaussian", 25, 25}, 1, 8);
    CHECK(set.size() == 4);
    CHECK(ValidationSet({dir.path}, {}, {"gaussian", 25, 25}, 1, 2).size() == 2);
    std::vector<Picture> seen;
    auto const result = set.run([&](Picture const& x) {
        seen.push_back(x);
        return full(x.shape(), 0.25f);
    });
    REQUIRE(seen.size() == 4);
    CHECK(result.picture.pixels.shape() == Shape{Index(8 + 3 * (24 + 8)), Index(8 + 3 * (40 + 8)), Index(3)});
    for (Index row = 0; row < 3; ++row) {
        auto const clean = read_image(dir / (std::string(1, static_cast<char>('a' + row)) + ".png")).pixels;
        Index const top = 8 + row * 32;
        CHECK(same_bits(part(result, top, 8, 24, 40), seen[static_cast<std::size_t>(row)]));
        CHECK(same_bits(part(result, top, 56, 24, 40), full(Shape{24, 40, 3}, 0.25f)));
        CHECK(same_bits(part(result, top, 104, 24, 40), clean));
    }
    ScratchFolder large;
    auto const whole = picture(300, 280);
    write_picture(large / "large.png", whole);
    auto const shown = ValidationSet({large.path}, {}, {"gaussian", 0, 0}, 1, 1).run(same);
    CHECK(same_bits(part(shown, 8, 8, 256, 256), crop(read_image(large / "large.png").pixels, Window{22, 12, 256, 256})));
}

TEST_CASE("Validation noise depends on the seed and the picture's number alone") {
    ScratchFolder dir;
    for (char const* name : {"a.png", "b.png"}) write_picture(dir / name, flat(24, 24, 100));
    auto const noisy = [&](std::uint64_t seed) {
        std::vector<Picture> seen;
        ValidationSet({dir.path}, {}, {"gaussian", 25, 25}, seed, 2).run([&](Picture const& x) { return seen.push_back(x), x; });
        return seen;
    };
    auto const once = noisy(1), again = noisy(1), other = noisy(2);
    CHECK((same_bits(once[0], again[0]) && same_bits(once[1], again[1])));
    CHECK(!same_bits(once[0], once[1]));
    CHECK(!same_bits(once[0], other[0]));
}

TEST_CASE("The report gets the montage of the last validation whose picture is there") {
    ScratchFolder dir;
    RunFolder run(dir / "run", TrainOptions{});
    run.open_log(0);
    CHECK(latest_montage(run).empty());
    for (Index step : {10, 20, 30}) {
        run.log({{"step", step}, {"psnr_noisy_target", 20.0}});
        run.log({{"step", step + 5}, {"loss", 0.1}});
    }
    CHECK(latest_montage(run).empty());
    write_picture(run.file("montage-10.png"), flat(8, 8, 10));
    write_picture(run.file("montage-20.png"), flat(8, 8, 20));
    write_picture(run.file("montage-35.png"), flat(8, 8, 35));  // of no validation
    auto const found = latest_montage(run);
    REQUIRE(found.size() == 1);
    CHECK(found[0].first == "Step 20: noisy, denoised, reference");
    CHECK(found[0].second == read_file(run.file("montage-20.png")));
}
}  // namespace validation_test
