// SPDX-License-Identifier: MIT
// What networks show of their layers, and what analysis programs share (denoise/analysis.hpp).
#include <support/catch.hpp>
#include <support/scratch.hpp>
#include <support/swin_weights.hpp>
#include <tacet/denoise/analysis.hpp>
#include <tacet/denoise/layer_features.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/noise2noise.hpp>

namespace layer_features_test {
using namespace tacet;
using namespace tacet::test;

namespace {
std::vector<Index> const corner{0, 1, 13, 129};

std::vector<std::string> names_of(std::vector<LayerFeatures> const& all) {
    std::vector<std::string> names;
    for (auto const& one : all) names.push_back(one.layer);
    return names;
}
bool equal(Tensor<float, 2> const& a, Tensor<float, 2> const& b) {
    return a.shape() == b.shape() && std::equal(a.data(), a.data() + a.size(), b.data());
}
}  // namespace

TEST_CASE("A masked SwinIR shows its blocks, groups and convolutions in their order, on the pixels of the picture") {
    auto const weights = swin_checkpoint(small_swin());
    AnyDenoiser const network(weights);
    Rng rng(1);
    auto const image = uniform(Shape{10, 13, 3}, rng);  // no multiple of the window
    auto const all = layer_features(network, image, corner, {.seed = 3});
    CHECK(names_of(all) == std::vector<std::string>{"conv_first", "layers.0.blocks.0", "layers.0.blocks.1", "layers.0", "norm",
                                                    "conv_after_body"});
    for (auto const& one : all) CHECK(one.rows.shape() == Shape{4, 12});
    // The first layer by hand: a 1 x 1 convolution of the picture less its mean; pixel 13 is the first of the second row.
    auto const values = [&](char const* name) {
        auto const& tensor = weights.at(name);
        std::vector<float> out(tensor.data.size() / sizeof(float));
        std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
        return out;
    };
    auto const w = values("conv_first.weight"), b = values("conv_first.bias");
    double const mean[3] = {0.4488, 0.4371, 0.4040};
    for (std::size_t k = 0; k < 12; ++k) {
        double expected = static_cast<double>(b[k]);
        for (std::size_t c = 0; c < 3; ++c)
            expected += static_cast<double>(w[3 * k + c]) * (static_cast<double>(image(1, 0, static_cast<Index>(c))) - mean[c]);
        CHECK(static_cast<double>(all[0].rows(2, static_cast<Index>(k))) == Approx(expected).margin(1e-5));
    }
    auto const one = layer_features(network, image, corner, {.seed = 3}, "layers.0");
    REQUIRE(one.size() == 1);
    CHECK(equal(one[0].rows, all[3].rows));
    CHECK(!equal(layer_features(network, image, corner, {.seed = 4}, "layers.0")[0].rows, one[0].rows));  // other masks
    CHECK(!equal(layer_features(network, image, corner, {.seed = 3, .attention_mask = PercentRange{}}, "layers.0")[0].rows, one[0].rows));
    CHECK_THROWS_WITH(layer_features(network, image, corner, {}, "layers.1"),
                      contains("there is no layer \"layers.1\"; its layers are conv_first, layers.0.blocks.0"));
}

TEST_CASE("DnCNN shows its rectifiers; a grey picture passes as three channels; the U-Net says that it shows nothing") {
    Rng rng(1);
    DnCnn<> dncnn(3, rng, {.layers = 4, .width = 8});
    AnyDenoiser const network(save(dncnn));
    auto const grey = uniform(Shape{10, 13, 1}, rng);
    auto const all = layer_features(network, grey, corner, {});
    CHECK(names_of(all) == std::vector<std::string>{"model.0", "model.2", "model.4"});
    for (auto const& one : all) {
        CHECK(one.rows.shape() == Shape{4, 8});
        CHECK(*std::min_element(one.rows.data(), one.rows.data() + one.rows.size()) >= 0);
    }
    Noise2NoiseUNet<> unet(3, 3, rng, 2);
    AnyDenoiser const blind(save(unet));
    CHECK_THROWS_WITH(layer_features(blind, grey, corner, {}), "noise2noise_unet: no layers are known for this network");
    CHECK_THROWS_WITH(layer_features(network, uniform(Shape{8, 8, 2}, rng), corner, {}), contains("the network takes 3 channels"));
}

TEST_CASE("What a user should know of masks is told by observe() and denoise(): that they are off, that their share is a guess") {
    auto weights = swin_checkpoint(small_swin());
    auto const image = full(Shape{8, 8, 3}, 0.5f);
    auto const notes = [&](std::optional<PercentRange> const& mask) {
        AnyDenoiser const network(weights);
        std::vector<std::string> observed, denoised;
        layer_features(network, image, {0}, {.attention_mask = mask}, "", [&](std::string const& line) { observed.push_back(line); });
        network.denoise(image, {.masks = {.attention_mask = mask}, .note = [&](std::string const& line) { denoised.push_back(line); }});
        CHECK(observed == denoised);
        return observed;
    };
    auto const guessed = notes({});
    REQUIRE(guessed.size() == 1);
    CHECK_THAT(guessed[0], contains("the file does not say how many tokens its attention masks hide: 75 % is assumed"));
    auto const off = notes(PercentRange{});
    REQUIRE(off.size() == 1);
    CHECK_THAT(off[0], contains("attention masks are off"));
    CHECK(notes(PercentRange{75, 75}).empty());
    weights.metadata["attention_mask"] = "60-90";
    CHECK(notes({}).empty());
    weights.metadata["attention_mask"] = "off";
    CHECK(notes(PercentRange{}).empty());
    weights = swin_checkpoint(small_swin().original());
    CHECK(notes({}).empty());
}

TEST_CASE("Noises are read with several levels each") {
    auto const noises = parse_noises({"gaussian:5,10.5,50", "jpeg:30", "speckle:0.01-0.02"});
    std::vector<std::string> names;
    for (auto const& noise : noises) names.push_back(noise.name);
    CHECK(names == std::vector<std::string>{"gaussian:5", "gaussian:10.5", "gaussian:50", "jpeg:30", "speckle:0.01-0.02"});
    CHECK(noises[1].spec.low == 10.5);
    CHECK(noises[3].unit == "QUALITY");
    CHECK_THROWS_WITH(parse_noises({"gaussian:5,5"}), "noise \"gaussian:5\" is named twice");
    CHECK_THROWS_WITH(parse_noises({"gaussian:5,"}), contains("expected KIND:LEVEL"));
    CHECK_THROWS_WITH(parse_noises({"gausian:5"}), contains("did you mean gaussian?"));
}

TEST_CASE("Networks get their labels from files, from folders where those are equal, or from the user") {
    ScratchFolder dir;
    AnalysisOptions o;
    for (char const* name : {"a", "b"}) {
        std::filesystem::create_directories(dir / name);
        write_swin_weights(dir / name / "best.safetensors");
        o.weights.push_back(dir / name / "best.safetensors");
    }
    Rng rng(1);
    DnCnn<> dncnn(3, rng, {.layers = 4, .width = 8});
    write_safetensors(dir / "plain.safetensors", save(dncnn), true);
    o.weights.push_back(dir / "plain.safetensors");
    o.denoising.draws = 3, o.denoising.seed = 7, o.attention_mask = {"60-90"};
    auto const all = read_denoisers(o);
    CHECK(all[0].label == "a/best");
    CHECK(all[1].label == "b/best");
    CHECK(all[2].label == "plain");
    CHECK(all[0].options.masks == DrawOptions{.draws = 3, .seed = 7, .attention_mask = PercentRange{60, 90}});
    CHECK(all[2].options.masks == DrawOptions{.seed = 7});  // it has no masks
    CHECK((all[0].network.takes_masks() && !all[2].network.takes_masks()));
    o.attention_mask = {"20", "own", "off"};  // one for each; the last passes over it
    auto const each = read_denoisers(o);
    CHECK(each[0].options.masks.attention_mask == PercentRange{20, 20});
    CHECK(!each[1].options.masks.attention_mask);
    CHECK(each[2].options.masks == DrawOptions{.seed = 7});
    o.attention_mask = {"20", "off"};
    CHECK_THROWS_WITH(read_denoisers(o), "--attention-mask: 2 masks for 3 weights; name one for all or one for each");
    o.attention_mask = {"own", "off", "own"};  // draws without masks are not followed by masks that are on
    CHECK_THROWS_WITH(read_denoisers(o), "b/best: masked_swinir: without attention masks all draws are the same: ask for one");
    o.attention_mask = {"some"};
    CHECK_THROWS_WITH(read_denoisers(o), contains("--attention-mask: \"some\" is neither"));
    o.attention_mask.clear();
    o.label = {"x", "y"};
    CHECK_THROWS_WITH(read_denoisers(o), "--label: 2 names for 3 weights");
    o.label = {"x", "y", "x"};
    CHECK_THROWS_WITH(read_denoisers(o), "two of the weights are called \"x\"; name them with --label");
}
}  // namespace layer_features_test
