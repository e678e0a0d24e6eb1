// SPDX-License-Identifier: MIT
// The programs that analyse networks: feature_similarity, feature_histograms, brightness_histograms, generalisation.
#include <support/program.hpp>
#include <support/swin_weights.hpp>
#include <limits>
#include <map>

namespace analysis_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
// Two masked networks, weights of a kind without known layers, and three small pictures.
struct Setting : ScratchFolder {
    Setting() {
        auto other = small_swin();
        other.embed_dim = 6;
        write("a.safetensors", swin_checkpoint(small_swin()), "75");
        write("b.safetensors", swin_checkpoint(other), "10");
        write_weights(*this / "unet.safetensors");
        for (std::uint32_t k = 0; k < 3; ++k)
            write_picture(*this / ("photos/" + std::to_string(k) + ".png"), picture(32, 35, 3, k));
    }
    // Writes weights with what hidden tokens they were trained with.
    void write(std::string const& name, Checkpoint weights, std::string const& mask) const {
        weights.metadata["attention_mask"] = mask;
        write_safetensors(*this / name, weights, true);
    }
    // The words of a run of both networks on two pictures, with these in addition.
    Words words(Words const& more) const {
        Words all{*this / "photos", "--weights", *this / "a.safetensors", *this / "b.safetensors", "--images", "2"};
        all.insert(all.end(), {"--output", *this / "out"});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    void expect_files(std::vector<std::string> const& names) const {
        for (auto const& name : names) CHECK((fs::exists(*this / "out" / name) ? "" : name) == "");
        CHECK_THAT(text_of(*this / "out/report.html"), contains("2 pictures"));
    }
    std::vector<Json> table(std::string const& name) const {
        return parse_json(text_of(*this / "out" / (name + ".json")), name).items();
    }
};
Json const& find(std::vector<Json> const& rows, std::map<std::string, Json> const& wanted) {
    for (auto const& row : rows)
        if (std::all_of(wanted.begin(), wanted.end(), [&](auto const& x) { return row.at(x.first) == x.second; })) return row;
    throw std::runtime_error("no such row");
}
}  // namespace

TEST_CASE("generalisation: curves of known noise, beside the noisy input and the best blur") {
    check_frame("generalisation", "--weight", "--weights");
    Setting dir;
    auto const words = dir.words({"--noise", "salt_pepper:0.02", "gaussian:50,0,25", "--border", "1", "--json"});
    auto const p = run_program("generalisation", words);
    INFO(p.err);
    REQUIRE(p.status == 0);
    auto const rows = json_lines(p.out);
    REQUIRE(rows.size() == 4 * 4);  // noises by a, b, the input and the blur
    CHECK(dir.table("generalisation") == rows);
    dir.expect_files({"psnr-gaussian.svg", "ssim-gaussian.svg", "psnr_y-gaussian.svg", "ssim_y-salt_pepper.svg", "generalisation.csv"});
    auto const figure = [&](char const* name, double level, char const* key) {
        return find(rows, {{"noise", "gaussian"}, {"level", level}, {"name", name}}).at(key);
    };
    CHECK(rows[0].at("noise").string() == "salt_pepper");                            // kinds as they were named,
    CHECK(rows[4].at("level").number() == 0);                                        // levels in order
    CHECK(figure("noisy input", 0, "psnr").is_null());                               // infinite
    CHECK(figure("noisy input", 25, "psnr").number() == Approx(20.5).margin(0.6));   // 20 log10(255 / 25) = 20.2, and clipping
    CHECK(figure("best Gaussian blur", 25, "psnr").number() > figure("noisy input", 25, "psnr").number() + 1);
    CHECK(figure("a", 25, "ssim").number() < 1);
    CHECK_THAT(text_of(dir / "out/psnr-gaussian.svg"), contains("SIGMA of gaussian noise"));
    check_refused(run_program("generalisation", words), "is not empty; pass --overwrite");
    auto again = words;
    again.push_back("--overwrite");
    CHECK(run_program("generalisation", again).out == p.out);  // seeded
    check_refused(run_program("generalisation", dir.words({"--overwrite", "--noise", "gaussian:0-50"})), "a curve needs single levels");
}

TEST_CASE("brightness_histograms: the shift of the mean") {
    check_frame("brightness_histograms", "--noises", "--noise");
    Setting dir;
    auto const p = run_program("brightness_histograms", dir.words({"--noise", "gaussian:0", "salt_pepper:0.5", "--crop", "16", "--json"}));
    INFO(p.err);
    REQUIRE(p.status == 0);
    auto const rows = json_lines(p.out);
    REQUIRE(rows.size() == 2 * 4);
    auto const& clean = find(rows, {{"noise", "gaussian:0"}, {"name", "clean"}});
    auto const& noisy = find(rows, {{"noise", "gaussian:0"}, {"name", "noisy"}});
    CHECK(clean.at("shift").number() == 0);
    CHECK(noisy.at("shift").number() == Approx(0).margin(1e-3));
    CHECK(noisy.at("overlap").number() == Approx(1).margin(1e-3));
    auto const& grey = find(rows, {{"noise", "salt_pepper:0.5"}, {"name", "noisy"}});  // half way to the middle
    double const mean = clean.at("mean").number();
    CHECK(grey.at("mean").number() == Approx(mean / 2 + 255. / 4).margin(9));
    CHECK(grey.at("shift").number() == Approx(grey.at("mean").number() - mean).margin(1e-9));
    auto const& denoised = find(rows, {{"noise", "gaussian:0"}, {"name", "a"}});
    CHECK(denoised.at("overlap").number() < 1);  // a network of random weights
    dir.expect_files({"brightness-gaussian_0.svg", "brightness-salt_pepper_0.5.svg", "brightness.csv", "brightness.json"});
    CHECK_THAT(text_of(dir / "out/report.html"), contains("the middle 16 x 16 pixels"));
}

TEST_CASE("feature_histograms: overlap of a layer's features between noises") {
    check_frame("feature_histograms", "--layers", "--layer");
    Setting dir;
    auto const p = run_program("feature_histograms", dir.words({"--noise", "gaussian:0", "gaussian:1", "gaussian:100", "--json"}));
    INFO(p.err);
    REQUIRE(p.status == 0);
    auto const rows = json_lines(p.out);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].at("name").string() == "a");
    CHECK(rows[0].at("layer").string() == "conv_after_body");
    auto const pairs = dir.table("pairs");
    REQUIRE(pairs.size() == 2 * 3);
    auto const overlap = [&](char const* a, char const* b) {
        return find(pairs, {{"name", "a"}, {"noise", a}, {"other", b}}).at("overlap").number();
    };
    CHECK(overlap("gaussian:0", "gaussian:1") > overlap("gaussian:0", "gaussian:100"));
    double const sum = overlap("gaussian:0", "gaussian:1") + overlap("gaussian:0", "gaussian:100") + overlap("gaussian:1", "gaussian:100");
    CHECK(rows[0].at("overlap").number() == Approx(sum / 3).epsilon(1e-12));
    dir.expect_files({"features-a.svg", "features-b.svg", "overlap.svg", "features.csv", "pairs.csv"});
    auto const more = [&](Words words) { return run_program("feature_histograms", dir.words(words)); };
    check_refused(more({"--overwrite", "--noise", "gaussian:0"}), "at least two noises");
    check_refused(more({"--overwrite", "--noise", "gaussian:0,9", "--layer", "layers.9"}), "its layers are conv_first");
}

TEST_CASE("feature_similarity: linear CKA between noises and between layers") {
    check_frame("feature_similarity", "--wieghts", "--weights");
    Setting dir;
    Words const words{"--noise", "gaussian:0", "gaussian:0.001", "salt_pepper:0.05", "--pixels", "300"};
    auto const p = run_program("feature_similarity", dir.words(words));
    INFO(p.err);
    REQUIRE(p.status == 0);
    CHECK_THAT(p.out, contains("mean over layers"));
    auto const means = dir.table("similarity"), curves = dir.table("noises"), layers = dir.table("layers");
    REQUIRE(means.size() == 2 * 2);
    REQUIRE(curves.size() == 2 * 6 * 2);
    REQUIRE(layers.size() == 2 * 6 * 5 / 2);
    CHECK(find(means, {{"name", "a"}, {"other", "gaussian:0.001"}}).at("mean").number() > 0.999);
    auto const first = find(curves, {{"name", "a"}, {"layer", "conv_first"}, {"other", "salt_pepper:0.05"}}).at("cka").number();
    CHECK(first > 0.1);
    CHECK(first < 0.95);
    for (auto const& row : layers) {
        CHECK(row.at("cka").number() > 0);
        CHECK(row.at("cka").number() < 1 + 1e-9);
    }
    dir.expect_files({"noises-a.svg", "noises-b.svg", "layers-a.svg", "layers-b.svg", "similarity.csv", "noises.csv", "layers.csv"});
}

TEST_CASE("analysis: a mask for each network; what a user should know of masks is said once, by name") {
    Setting dir;
    write_swin_weights(dir / "b.safetensors");  // does not say
    auto const run = [&](std::string const& program, Words words) {
        words.insert(words.end(), {"--noise", "gaussian:0", "gaussian:9", "--crop", "16", "--overwrite"});
        auto const p = run_program(program, dir.words(words));
        INFO(p.err);
        CHECK(p.status == 0);
        return p;
    };
    auto const once = [](std::string const& text, std::string const& part) {
        return text.find(part) != text.npos && text.find(part) == text.rfind(part);
    };
    for (std::string const program : {"generalisation", "feature_histograms", "feature_similarity"}) {
        CAPTURE(program);
        auto const p = run(program, {"--attention-mask", "off", "own"});
        CHECK(once(p.err, "a: attention masks are off"));
        CHECK(once(p.err, "b: the file does not say how many tokens"));
        CHECK(p.err.find("a: the file") == p.err.npos);
        CHECK(p.err.find("b: attention") == p.err.npos);
    }
    auto const said = run("brightness_histograms", {"--attention-mask", "75", "--draws", "2", "--json"});
    CHECK(said.err.find("attention") == said.err.npos);
    auto const own = run("brightness_histograms", {"--draws", "2", "--json"});
    CHECK(own.out == said.out);  // 75 is what the one says and what is assumed of the other
}

TEST_CASE("feature_histograms: features that are not finite are said to be so") {
    Setting dir;
    auto weights = swin_checkpoint(small_swin());
    for (auto& x : weights.tensors)
        if (x.name == "conv_after_body.4.bias") x = named_tensor(x.name, full(Shape{12}, std::numeric_limits<float>::quiet_NaN()));
    dir.write("b.safetensors", weights, "75");
    for (Words const& span : {Words{}, Words{"--span", "1"}}) {
        auto words = dir.words({"--noise", "gaussian:0", "gaussian:9"});
        words.insert(words.end(), span.begin(), span.end());
        check_refused(run_program("feature_histograms", words), "b: the features of conv_after_body under gaussian:0 are not finite");
    }
}

TEST_CASE("analysis: mistakes are refused before work begins, and leave nothing behind") {
    Setting dir;
    auto const refuse = [&](std::string const& program, Words const& words, std::string const& part) {
        CAPTURE(program);
        check_refused(run_program(program, words), part);
        CHECK(!fs::exists(dir / "out"));
    };
    Words const noise{"--noise", "gaussian:0", "gaussian:9"};
    for (std::string const program : {"generalisation", "brightness_histograms", "feature_histograms", "feature_similarity"}) {
        refuse(program, {dir / "photos", "--noise", "gaussian:5", "--output", dir / "out"}, "--weights is required");
        refuse(program, dir.words({"--noise", "gausian:5"}), "did you mean gaussian?");
        refuse(program, dir.words({"--noise", "gaussian:0,9", "--label", "x"}), "--label: 1 names for 2 weights");
        refuse(program, dir.words({"--noise", "gaussian:0,9", "--attention-mask", "off", "75", "9"}), "3 masks for 2 weights");
        refuse(program, {dir / "none", "--weights", dir / "a.safetensors", "--noise", "gaussian:0,9", "--output", dir / "out"}, "none");
    }
    for (std::string const program : {"generalisation", "brightness_histograms"})
        refuse(program, dir.words({"--noise", "gaussian:0,9", "--attention-mask", "off", "--draws", "2"}), "all draws are the same");
    for (std::string const program : {"feature_histograms", "feature_similarity"})  // one pass of the whole picture
        refuse(program, dir.words({"--noise", "gaussian:0,9", "--draws", "2"}), "--draws");
    Words const unet{dir / "photos", "--weights", dir / "unet.safetensors", "--noise", "gaussian:0,9", "--output", dir / "out"};
    refuse("feature_histograms", unet, "no layers are known for this network");
    refuse("feature_similarity", unet, "no layers are known for this network");
}
}  // namespace analysis_test
