// SPDX-License-Identifier: MIT
#include <support/program.hpp>
#include <support/swin_weights.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/metrics/ssim.hpp>

namespace denoise_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
// A folder with weights and a picture in.png.
struct Workplace : ScratchFolder {
    Workplace() {
        write_weights(*this / "net.safetensors");
        write_picture(*this / "in.png", picture(30, 45));
    }
    Process run(Words words, ProcessOptions const& options = {}) const {
        words.insert(words.end(), {"--weights", *this / "net.safetensors"});
        return run_program("denoise", words, options);
    }
    std::string in() const { return *this / "in.png"; }
};
bool same(Tensor<float, 3> const& a, Tensor<float, 3> const& b) {
    return a.shape() == b.shape() && std::equal(a.data(), a.data() + a.size(), b.data());
}
}  // namespace

TEST_CASE("denoise: help, version, unknown options") { check_frame("denoise", "--wieghts", "--weights"); }

TEST_CASE("denoise: one JSON line per image, with the keys promised and the library's figures") {
    Workplace dir;
    auto const p = dir.run({dir.in(), "--output", dir / "out.pfm", "--reference", dir.in(), "--json"});
    INFO(p.err);
    REQUIRE(p.status == 0);
    auto const lines = json_lines(p.out);
    REQUIRE(lines.size() == 1);
    auto const& line = lines[0];
    CHECK(line.at("input").string() == dir.in());
    CHECK(line.at("output").string() == (dir / "out.pfm").string());
    CHECK(line.at("seconds").number() > 0);
    CHECK(line.at("peak_memory_mb").number() > 1);
    auto const clean = read_image(dir.in()).pixels, result = read_image(dir / "out.pfm").pixels;
    CHECK(psnr_float(result, AnyDenoiser::read(dir / "net.safetensors").denoise(clean)) > 100);  // builds may round differently
    CHECK(line.at("psnr").number() == Approx(psnr(result, clean)).epsilon(1e-9));
    CHECK(line.at("psnr_float").number() == Approx(psnr_float(result, clean)).epsilon(1e-9));
    CHECK(line.at("ssim").number() == Approx(ssim(result, clean)).epsilon(1e-9));
    auto const plain = dir.run({dir.in(), "--output", dir / "plain.png", "--json"});
    REQUIRE(plain.status == 0);
    CHECK(!json_lines(plain.out).at(0).find("psnr"));
}

TEST_CASE("denoise: grey stays grey, 16 bits stay 16 bits, alpha is untouched, any size") {
    Workplace dir;
    auto grey = picture(17, 5, 1);
    grey.bit_depth = 16;
    write_picture(dir / "grey.png", grey);
    auto alpha = picture(1, 40);
    alpha.alpha = Tensor<float, 3>(Shape{Index(1), Index(40), Index(1)});
    for (Index k = 0; k < 40; ++k) alpha.alpha->data()[k] = static_cast<float>(6 * k) / 255.f;
    write_picture(dir / "alpha.png", alpha);
    auto const p = dir.run({dir / "grey.png", dir / "alpha.png", "--output", dir / "out"});
    INFO(p.err);
    REQUIRE(p.status == 0);
    CHECK_THAT(p.err, contains("sRGB"));
    CHECK(p.err.find("sRGB") == p.err.rfind("sRGB"));  // said once
    auto const g = read_image(dir / "out/grey.png"), a = read_image(dir / "out/alpha.png");
    CHECK(g.channels() == 1);
    CHECK(g.bit_depth == 16);
    CHECK(g.pixels.shape() == Shape{Index(17), Index(5), Index(1)});
    REQUIRE(a.alpha.has_value());
    CHECK(same(*a.alpha, *read_image(dir / "alpha.png").alpha));
    CHECK(a.pixels.shape() == Shape{Index(1), Index(40), Index(3)});
}

TEST_CASE("denoise: a format without a place for alpha is refused before the work, and no folder is made") {
    Workplace dir;
    auto alpha = picture(20, 30);
    alpha.alpha = full(Shape{20, 30, 1}, 0.5f);
    write_picture(dir / "alpha.png", alpha);
    check_refused(dir.run({dir / "alpha.png", "--output", dir / "x.jpg"}), "x.jpg: JPEG has no alpha channel");  // one line: no progress
    CHECK(!fs::exists(dir / "x.jpg"));
}

TEST_CASE("denoise: TACET_WEIGHTS names the default weights") {
    Workplace dir;
    auto const named = dir.run({dir.in(), "--output", dir / "a.png"});
    auto const with = [&](std::string const& output, std::string const& weights) {
        return run_program("denoise", {dir.in(), "--output", dir / output}, {.environment = {{"TACET_WEIGHTS", dir / weights}}});
    };
    auto const p = with("b.png", "net.safetensors");
    INFO(p.err);
    REQUIRE(p.status == 0);
    CHECK(read_file(dir / "a.png") == read_file(dir / "b.png"));
    check_refused(with("c.png", "no.safetensors"), "no.safetensors");
}

TEST_CASE("denoise: a batch with bad files does the others") {
    Workplace dir;
    write_picture(dir / "batch/a.png", picture(20, 20));
    write_text(dir / "batch/b.png", std::string("\x89PNG\r\n\x1a\n") + "cut off");
    write_picture(dir / "batch/c.bmp", picture(20, 20));
    auto const p = dir.run({dir / "batch", dir / "missing.png", "--output", dir / "out", "--json"});
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("b.png"));
    CHECK_THAT(p.err, contains("missing.png"));
    CHECK_THAT(p.err, contains("2 of 4 images failed"));
    CHECK(json_lines(p.out).size() == 2);
    CHECK(fs::exists(dir / "out/a.png"));
    CHECK(fs::exists(dir / "out/c.bmp"));
    CHECK(std::distance(fs::directory_iterator(dir / "out"), fs::directory_iterator()) == 2);
}

TEST_CASE("denoise: a batch in which every file is bad leaves no folder") {
    Workplace dir;
    auto const p = dir.run({dir / "missing.png", dir / "gone.png", "--output", dir / "out"});
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("2 of 2 images failed"));
    CHECK(!fs::exists(dir / "out"));
}

TEST_CASE("denoise: outputs that exist, that are inputs, or that are the reference") {
    Workplace dir;
    write_picture(dir / "clean.png", picture(30, 45));
    auto const before = read_file(dir.in()), clean = read_file(dir / "clean.png");
    check_refused(dir.run({dir.in(), "--output", dir / "clean.png"}), "--overwrite");
    check_refused(dir.run({dir.in(), "--output", dir.in(), "--overwrite"}), "is an input");
    fs::create_symlink("in.png", dir / "link.png");
    check_refused(dir.run({dir.in(), "--output", dir / "link.png", "--overwrite"}), "is an input");
    auto const p = dir.run({dir.in(), "--output", dir / "clean.png", "--reference", dir / "clean.png", "--overwrite"});
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("is an input"));
    CHECK(read_file(dir.in()) == before);
    CHECK(read_file(dir / "clean.png") == clean);
    write_picture(dir / "small.png", picture(8, 8));
    auto const q = dir.run({dir.in(), "--output", dir / "out.png", "--reference", dir / "small.png"});
    CHECK(q.status == 1);
    CHECK_THAT(q.err, contains("differs from that of the reference, (8, 8, 3)"));
    CHECK(!fs::exists(dir / "out.png"));
}

TEST_CASE("denoise: weights that are missing, of another network, cut off or hostile") {
    Workplace dir;
    auto const refuse = [&](std::string const& weights, std::string const& part) {
        check_refused(run_program("denoise", {dir.in(), "--output", dir / "out.png", "--weights", weights}), part);
        CHECK(!fs::exists(dir / "out.png"));
    };
    refuse(dir / "none.safetensors", "none.safetensors");
    auto checkpoint = read_safetensors(dir / "net.safetensors");
    auto other = checkpoint;
    for (auto& t : other.tensors) t.name = "other." + t.name;
    write_safetensors(dir / "other.safetensors", other);
    refuse(dir / "other.safetensors", "not the weights of a network known here");
    auto lacking = checkpoint;
    lacking.tensors.pop_back();
    write_safetensors(dir / "lacking.safetensors", lacking);
    refuse(dir / "lacking.safetensors", "missing");
    auto bytes = text_of(dir / "net.safetensors");
    write_text(dir / "cut.safetensors", bytes.substr(0, bytes.size() / 2));
    refuse(dir / "cut.safetensors", "cut.safetensors");
    bytes.replace(0, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f");
    write_text(dir / "hostile.safetensors", bytes);
    refuse(dir / "hostile.safetensors", "hostile.safetensors");
    write_text(dir / "hostile.pt", std::string("\x80\x02" "cos\nsystem\nq\x01" "X\x04\0\0\0trueq\x02\x85Rq\x03.", 31));
    refuse(dir / "hostile.pt", "hostile.pt");
}

TEST_CASE("denoise: the same seed gives the same picture; draws, masks and views change it; masks off is warned about") {
    Workplace dir;
    write_swin_weights(dir / "net.safetensors");
    write_picture(dir / "small.png", picture(3, 21));  // smaller than a window
    int count = 0;
    auto const result = [&](Words words) {
        auto const out = dir / ("out-" + std::to_string(++count) + ".pfm");
        words.insert(words.begin(), {dir.in(), "--output", out});
        auto const p = dir.run(words);
        INFO(p.err);
        CHECK(p.status == 0);
        return std::pair(read_image(out).pixels, p.err);
    };
    auto const plain = result({}).first;
    CHECK(same(plain, result({"--seed", "0", "--attention-mask", "75"}).first));
    for (Words const& words : {Words{"--seed", "1"}, Words{"--draws", "2"}, Words{"--attention-mask", "20-40"}, Words{"--self-ensemble"}}) {
        auto const other = result(words).first;
        CHECK(!same(plain, other));
        CHECK(same(other, result(words).first));
    }
    CHECK_THAT(result({"--attention-mask", "off"}).second, contains("attention masks are off"));
    CHECK(dir.run({dir / "small.png", "--output", dir / "small-out.png", "--draws", "2", "--self-ensemble"}).status == 0);
}

TEST_CASE("denoise: options that the network cannot follow are one line, before any work") {
    Workplace dir;
    auto const refuse = [&](Words words, std::string const& part) {
        words.insert(words.begin(), {dir.in(), dir / "other.png", "--output", dir / "out"});
        check_refused(dir.run(words), part);
        CHECK(!fs::exists(dir / "out"));
    };
    refuse({"--attention-mask", "75"}, "noise2noise_unet: this network has no attention masks");
    refuse({"--draws", "2"}, "noise2noise_unet: without attention masks all draws are the same");
    write_swin_weights(dir / "net.safetensors", small_swin().original());
    refuse({"--attention-mask", "off"}, "swinir: this network has no attention masks; only masked_swinir has");
    write_swin_weights(dir / "net.safetensors");
    refuse({"--attention-mask", "off", "--draws", "2"}, "masked_swinir: without attention masks all draws are the same");
    refuse({"--attention-mask", "101"}, "--attention-mask: percentages lie between 0 and 100");
    refuse({"--attention-mask", "80-70"}, "--attention-mask: the range 80 to 70 % is empty");
    refuse({"--attention-mask", "some"}, "\"some\" is neither PERCENT nor LOW-HIGH");
    refuse({"--draws", "0"}, "--draws: 0 is below 1");
}

TEST_CASE("denoise: files of SwinIR that contradict themselves, and of other sizes") {
    Workplace dir;
    auto const file = dir / "net.safetensors";
    auto const refuse = [&](Checkpoint const& weights, std::string const& part) {
        write_safetensors(file, weights, true);
        check_refused(dir.run({dir.in(), "--output", dir / "out.png"}), part);
        CHECK(!fs::exists(dir / "out.png"));
    };
    auto const good = swin_checkpoint(small_swin());
    auto const with = [&](std::string const& name, Tensor<float, 2> const& tensor) {
        auto weights = good;
        for (auto& x : weights.tensors)
            if (x.name == name) x = named_tensor(name, tensor);
        return weights;
    };
    std::string const block = "layers.0.residual_group.blocks.1.";
    refuse(with(block + "mlp.fc2.weight", zeros(Shape{12, 25})), block + "mlp.fc2.weight");
    refuse(with(block + "attn.qkv.weight", zeros(Shape{30, 12})), block + " does not have 12 features");
    std::string const table = "layers.0.residual_group.blocks.0.attn.relative_position_bias_table";
    refuse(with(table, zeros(Shape{48, 2})), "the extent 48 of relative_position_bias_table is no square");
    auto four = small_swin();
    four.in_chans = 4;
    write_swin_weights(file, four);
    auto const p = dir.run({dir.in(), "--output", dir / "out.png"});
    CHECK(p.status == 1);
    CHECK_THAT(p.err, contains("has 3 channels, the network takes 4"));
    write_safetensors(file, good, true);
    auto const bytes = text_of(file);
    write_text(file, bytes.substr(0, bytes.size() - 100));
    check_refused(dir.run({dir.in(), "--output", dir / "out.png"}), "net.safetensors");
    auto released = small_swin();  // any size of the kind is one network
    released.window_size = 8, released.depths = {1, 3}, released.num_heads = {3, 1};
    write_swin_weights(file, released);
    CHECK(dir.run({dir.in(), "--output", dir / "out.png"}).status == 0);
}

TEST_CASE("denoise: a file that says how it was trained is followed") {
    Workplace dir;
    auto weights = swin_checkpoint(small_swin());
    auto const result = [&](char const* mask, Words words) {
        if (mask) weights.metadata["attention_mask"] = mask;
        write_safetensors(dir / "net.safetensors", weights, true);
        words.insert(words.begin(), {dir.in(), "--output", dir / "x.pfm", "--overwrite"});
        auto const p = dir.run(words);
        INFO(p.err);
        CHECK(p.status == 0);
        CHECK(p.err.find("attention masks are off") == std::string::npos);
        return read_image(dir / "x.pfm").pixels;
    };
    auto const own = result(nullptr, {});
    CHECK(same(own, result("75", {})));
    auto const off = result("off", {}), half = result("50", {});
    CHECK(!same(own, off));
    CHECK(!same(off, half));
    CHECK(same(off, result("off", {"--attention-mask", "off"})));
    CHECK(same(half, result("off", {"--attention-mask", "50"})));
}

TEST_CASE("denoise: a full disk is an error and leaves nothing") {
    Workplace dir;
    fs::create_directories(dir / "out");
    check_refused(run_program("denoise", {"/dev/null", "--output", dir / "x.png", "--weights", dir / "net.safetensors"}), "/dev/null");
    auto const p = dir.run({dir.in(), "--output", dir / "out/x.png"}, {.file_size = 500});
    CHECK(p.status == 1);
    CHECK(p.out == "");
    CHECK_THAT(p.err, contains("x.png: cannot write"));
    CHECK(fs::is_empty(dir / "out"));
    if (!fs::exists("/dev/full")) return skip("there is no /dev/full");
    CHECK(dir.run({dir.in(), "--output", dir / "y.png", "--json"}, {.out = "/dev/full"}).status != 0);  // results that cannot be told
}
}  // namespace denoise_test
