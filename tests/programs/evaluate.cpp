// SPDX-License-Identifier: MIT
#include <support/program.hpp>
#include <support/swin_weights.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/metrics/psnr.hpp>

namespace evaluate_test {
using namespace tacet;
using namespace tacet::test;

namespace {
Image flat(float level, Index side = 16) {
    Image image;
    image.pixels = Tensor<float, 3>(Shape{side, side, Index(3)});
    image.pixels.assign(level / 255.f);
    return image;
}
// SSIM of two constant pictures: the contrast term is 1.
double flat_ssim(double a, double b) { return (2 * a * b + 6.5025) / (a * a + b * b + 6.5025); }
}  // namespace

TEST_CASE("evaluate: help, version, unknown options") { check_frame("evaluate", "--refrence", "--reference"); }

TEST_CASE("evaluate: known PSNR and SSIM; the last line holds the means") {
    ScratchFolder dir;
    write_picture(dir / "clean/a.png", flat(100));
    write_picture(dir / "clean/b.png", flat(50));
    write_picture(dir / "noisy/a.ppm", flat(110));  // matched by stem
    write_picture(dir / "noisy/b.png", flat(51));
    Words const words{"--reference", dir / "clean", "--images", dir / "noisy"};
    auto const p = run_program("evaluate", {words[0], words[1], words[2], words[3], "--json"});
    INFO(p.err);
    REQUIRE(p.status == 0);
    auto const lines = json_lines(p.out);
    REQUIRE(lines.size() == 3);
    double const a = 20 * std::log10(255.0 / 10), b = 20 * std::log10(255.0);
    CHECK(lines[0].at("psnr").number() == Approx(a).epsilon(1e-12));
    CHECK(lines[1].at("psnr").number() == Approx(b).epsilon(1e-12));
    CHECK(lines[0].at("ssim").number() == Approx(flat_ssim(100, 110)).epsilon(1e-6));
    auto const luma = [](double level) { return 219 * level / 255 + 16; };
    CHECK(lines[0].at("psnr_y").number() == Approx(a + 20 * std::log10(255. / 219)).epsilon(1e-12));
    CHECK(lines[0].at("ssim_y").number() == Approx(flat_ssim(luma(100), luma(110))).epsilon(1e-6));
    CHECK(lines[2].at("psnr").number() == Approx((a + b) / 2).epsilon(1e-12));
    CHECK(lines[2].at("ssim").number() == Approx((flat_ssim(100, 110) + flat_ssim(50, 51)) / 2).epsilon(1e-6));
    CHECK(lines[2].at("psnr_y").number() == Approx((a + b) / 2 + 20 * std::log10(255. / 219)).epsilon(1e-12));
    write_picture(dir / "noisy/b.png", flat(50));
    auto const equal = run_program("evaluate", {words[0], words[1], words[2], words[3], "--json"});
    REQUIRE(equal.status == 0);
    CHECK(json_lines(equal.out).at(1).at("psnr").is_null());  // JSON has no infinity
    write_picture(dir / "noisy/b.png", flat(51));
    auto const text = run_program("evaluate", words);
    CHECK(text.status == 0);
    CHECK_THAT(text.out, contains("38.131"));
    CHECK_THAT(text.out, contains("border 0"));
    CHECK_THAT(text.out, contains("8 bits"));
    CHECK_THAT(text.out, contains("PSNR of Y (dB)"));
}

TEST_CASE("evaluate: the border is left out") {
    ScratchFolder dir;
    auto image = flat(100, 24);
    write_picture(dir / "clean/a.png", image);
    image.pixels = image.pixels.clone();
    for (Index k = 0; k < 24 * 3; ++k) image.pixels.data()[k] = 0;  // wrong in the first row only
    for (Index k = 24 * 3 * 12; k < 24 * 3 * 13; ++k) image.pixels.data()[k] = 101.f / 255;
    write_picture(dir / "noisy/a.png", image);
    auto const p = run_program("evaluate", {"--reference", dir / "clean", "--images", dir / "noisy", "--border", "2", "--json"});
    REQUIRE(p.status == 0);
    double const expected = 10 * std::log10(255.0 * 255 * 20);
    CHECK(json_lines(p.out).back().at("psnr").number() == Approx(expected).epsilon(1e-12));
    CHECK(json_lines(p.out).back().at("psnr_y").number() == Approx(expected + 20 * std::log10(255. / 219)).epsilon(1e-12));
    auto const blurred =
        run_program("evaluate", {"--reference", dir / "clean", "--images", dir / "noisy", "--border", "2", "--best-blur", "--json"});
    REQUIRE(blurred.status == 0);
    auto const means = json_lines(blurred.out).back();
    CHECK(means.at("psnr_blur").number() >= means.at("psnr").number());  // without blur it is that; with the first row, far less
}

TEST_CASE("evaluate: a bad image is reported, the others are judged") {
    ScratchFolder dir;
    for (char const* name : {"a.png", "b.png", "c.png"}) write_picture(dir / ("clean/" + std::string(name)), flat(100));
    write_picture(dir / "noisy/a.png", flat(110));
    write_picture(dir / "noisy/b.png", flat(110, 20));
    write_text(dir / "noisy/c.png", "no picture");
    auto const p = run_program("evaluate", {"--reference", dir / "clean", "--images", dir / "noisy", "--json"});
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("b.png: its shape (20, 20, 3)"));
    CHECK_THAT(p.err, contains("c.png"));
    auto const lines = json_lines(p.out);
    REQUIRE(lines.size() == 2);
    CHECK(lines[1].at("images").number() == 1);
    CHECK(lines[1].at("psnr").number() == Approx(20 * std::log10(25.5)));
}

TEST_CASE("evaluate: folders that do not match") {
    ScratchFolder dir;
    write_picture(dir / "clean/a.png", flat(100));
    write_picture(dir / "noisy/b.png", flat(100));
    check_refused(run_program("evaluate", {"--reference", dir / "clean", "--images", dir / "noisy"}), "without a partner");
    check_refused(run_program("evaluate", {"--reference", dir / "clean", "--images", dir / "none"}), "does not exist");
    check_refused(run_program("evaluate", {"--reference", dir / "clean"}), "--images is required");
}

TEST_CASE("evaluate: with weights, noisy images are denoised and both are judged") {
    ScratchFolder dir;
    write_swin_weights(dir / "net.safetensors");
    for (std::uint32_t k = 0; k < 2; ++k) write_picture(dir / ("clean/" + std::to_string(k) + ".png"), picture(16, 24, 3, k));
    Words const noisy{dir / "clean", "--output", dir / "noisy", "--noise", "gaussian:25", "--seed", "3"};
    REQUIRE(run_program("add_noise", noisy).status == 0);
    auto const evaluate = [&](Words words) {
        words.insert(words.begin(), {"--reference", dir / "clean", "--json"});
        auto const p = run_program("evaluate", words);
        INFO(p.err);
        REQUIRE(p.status == 0);
        return json_lines(p.out);
    };
    Words const options{"--weights", dir / "net.safetensors", "--draws", "2", "--seed", "3", "--border", "1", "--max-memory", "500"};
    auto files = options, made = options;
    files.insert(files.end(), {"--images", dir / "noisy"});
    made.insert(made.end(), {"--noise", "gaussian:25"});
    auto const a = evaluate(files), b = evaluate(made);
    REQUIRE((a.size() == 3 && b.size() == 3));
    auto const clean = read_image(dir / "clean/1.png").pixels, image = read_image(dir / "noisy/1.png").pixels;
    auto const result = AnyDenoiser::read(dir / "net.safetensors").denoise(image, {.masks = {.draws = 2, .seed = 3}});
    CHECK(a[1].at("psnr").number() == Approx(psnr(result, clean, 1)).epsilon(1e-4));
    CHECK(a[1].at("psnr_noisy").number() == Approx(psnr(image, clean, 1)).epsilon(1e-9));
    for (char const* key : {"psnr", "ssim", "psnr_y", "ssim_y", "psnr_noisy", "ssim_noisy", "psnr_y_noisy", "ssim_y_noisy"})
        for (std::size_t k = 0; k < 3; ++k) CHECK(a[k].at(key).number() == b[k].at(key).number());  // the noise that add_noise adds
    CHECK_THAT(a[2].at("protocol").string(), contains("denoised by masked_swinir"));
    CHECK_THAT(a[2].at("protocol").string(), contains("net.safetensors, 2 draws, seed 3, max memory 500 MB"));
    CHECK_THAT(b[2].at("protocol").string(), contains("noise gaussian:25, seed 3"));
    auto const input = evaluate({"--noise", "gaussian:25", "--seed", "3", "--border", "1"});
    CHECK(input[2].at("psnr").number() == a[2].at("psnr_noisy").number());
    CHECK(!input[2].find("psnr_noisy"));
}

TEST_CASE("evaluate: options that leave nothing to judge or exclude each other") {
    ScratchFolder dir;
    write_picture(dir / "clean/a.png", flat(100));
    write_swin_weights(dir / "net.safetensors");
    std::string const clean = dir / "clean", weights = dir / "net.safetensors";
    auto const refuse = [](Words const& words, char const* part) { check_refused(run_program("evaluate", words), part); };
    refuse({"--weights", weights, "--images", clean}, "nothing to judge (denoise needs none)");
    refuse({"--reference", clean, "--images", clean, "--noise", "gaussian:25"}, "exclude each other");
    refuse({"--reference", clean, "--images", clean, "--draws", "2"}, "need --weights");
    refuse({"--reference", clean, "--noise", "gaussian"}, "the level is missing");
    refuse({"--reference", clean, "--images", clean, "--weights", weights, "--attention-mask", "120"}, "between 0 and 100");
    refuse({"--reference", clean, "--images", clean, "--weights", clean + "/a.png"}, "a.png");
}
}  // namespace evaluate_test
