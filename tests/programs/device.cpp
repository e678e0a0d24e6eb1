// SPDX-License-Identifier: MIT
// --device and --precision in all programs that run networks.
#include <support/program.hpp>
#include <support/swin_weights.hpp>
#include <tacet/core/device_choice.hpp>
#include <tacet/metrics/psnr.hpp>
#include <algorithm>
#include <map>

namespace device_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
// Weights and a picture, and for each program the words by which it would write to `out`.
struct Workplace : ScratchFolder {
    Workplace() {
        write_swin_weights(*this / "net.safetensors");
        write_picture(*this / "photos/in.png", picture(30, 45));
    }
    Words words(std::string const& program) const {
        std::string const photos = *this / "photos", weights = *this / "net.safetensors", out = *this / "out";
        if (program == "denoise") return {photos, "--weights", weights, "--output", out};
        if (program == "evaluate") return {"--reference", photos, "--noise", "gaussian:15", "--weights", weights};
        if (program == "denoise_buffer") return {"--weights", weights};
        if (program == "quickstart") return {"--out", out, "--steps", "20"};
        if (program == "noise2noise_train" || program == "masked_train")
            return {"--train", "dead-leaves", "--valid", "dead-leaves", "--output", out, "--steps", "2"};
        return {photos, "--weights", weights, "--noise", "gaussian:15", "speckle:0.03", "--output", out};
    }
    Process run(std::string const& program, Words const& more) const {
        auto all = words(program);
        all.insert(all.end(), more.begin(), more.end());
        return run_program(program, all);
    }
    void expect_refused(std::string const& program, Words const& more, std::string const& part) const {
        check_refused(run(program, more), part);
        CHECK(!fs::exists(*this / "out"));
    }
};

Words const denoising{"denoise", "evaluate", "generalisation", "brightness_histograms"}, training{"noise2noise_train", "masked_train"},
    others{"denoise_buffer", "feature_histograms", "feature_similarity", "quickstart"};

// The text of --help in one line.
std::string help(std::string const& program) {
    std::string text;
    for (char const c : run_program(program, {"--help"}).out) {
        bool const blank = c == ' ' || c == '\n';
        if (!blank || !text.ends_with(' ')) text += blank ? ' ' : c;
    }
    return text;
}

// What stands against a GPU here; empty where one can be used.
std::string refusal() {
    auto const text = error_text([] { on_device(DeviceChoice::cuda, [](auto) {}); });
    return text == "no error" ? "" : text;
}
}  // namespace

TEST_CASE("--device cuda without a GPU is refused in one line, and leaves nothing") {
    auto const why = refusal();
    if (why.empty()) return skip("there is a GPU");
    if (!built_with_cuda) CHECK(why == "this program was built without CUDA: configure with the preset cuda");
    Workplace const dir;
    for (auto const& group : {denoising, training, others})
        for (auto const& program : group) dir.expect_refused(program, {"--device", "cuda"}, program + ": " + why);
}

TEST_CASE("--device cuda gives what the processor does, where there is a GPU") {
    if (auto const why = refusal(); !why.empty()) return skip(why);
    Workplace const dir;
    for (auto const& group : {denoising, training, others})
        for (auto const& program : group) {
            auto const p = dir.run(program, {"--device", "cuda"});
            INFO(program << ": " << p.err);
            CHECK(p.status == 0);
            fs::remove_all(dir / "out");
        }
    for (std::string const device : {"cpu", "cuda"}) {
        REQUIRE(dir.run("denoise", {"--device", device}).status == 0);
        fs::rename(dir / "out", dir / device);
    }
    CHECK(psnr(read_image(dir / "cuda/in.png").pixels, read_image(dir / "cpu/in.png").pixels) > 48);  // a level here and there
}

TEST_CASE("16 bits are refused on the processor, and leave nothing") {
    Workplace const dir;
    for (auto const& group : {denoising, training})
        for (auto const& program : group)
            dir.expect_refused(program, {"--precision", "bfloat16"},
                               "images of 16 bits and rounded products are for GPUs: precision must be float32, not bfloat16");
    dir.expect_refused("denoise", {"--precision", "double"}, "float32, bfloat16, half or tf32");
    dir.expect_refused("denoise", {"--device", "gpu"}, "\"gpu\" is not known (did you mean cpu?)");
}

TEST_CASE("--device and --precision are in the help of the programs that follow them, and of no others") {
    for (auto const& group : {denoising, training, others})
        for (auto const& program : group) {
            auto const text = help(program);
            CHECK_THAT(text, contains("--device NAME"));
            CHECK((text.find("this one is not") == text.npos) == built_with_cuda);
            bool const precise = std::find(others.begin(), others.end(), program) == others.end();
            CHECK((text.find("--precision") != text.npos) == precise);
        }
    CHECK(help("add_noise").find("--device") == std::string::npos);
}

TEST_CASE("--device cpu is the default") {
    Workplace const dir;
    for (auto const& [name, words] : std::map<std::string, Words>{{"a", {}}, {"b", {"--device", "cpu", "--precision", "float32"}}}) {
        auto all = words;
        all.insert(all.end(), {"--output", dir / name});
        auto const p = dir.run("denoise", all);
        INFO(p.err);
        REQUIRE(p.status == 0);
    }
    CHECK(read_file(dir / "a/in.png") == read_file(dir / "b/in.png"));
    check_refused(run_program("evaluate", {"--reference", dir / "photos", "--images", dir / "photos", "--device", "cuda"}),
                  "--device and --precision need --weights");
}
}  // namespace device_test
