// SPDX-License-Identifier: MIT
// Files with the 386 entries of the masked SwinIR as torch.save writes them: see tests/golden/swinir.py.
#include <support/catch.hpp>
#include <support/seams.hpp>
#include <support/values.hpp>
#include <tacet/data/dead_leaves.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/known_networks.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/torch_writer.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

namespace swinir_files_test {
using namespace tacet;
using namespace tacet::test;

namespace {

std::string golden_dir() { return source_dir() + "/tests/golden"; }
Checkpoint small_file() { return load_checkpoint(golden_dir() + "/swinir_legacy.pth"); }
MaskedSwinIR<> network_of(Checkpoint const& weights) {
    Rng rng(0);
    auto model = MaskedSwinIR<>::sized_by(detail::WeightShapes{weights}, rng);
    load(model, weights);
    return model;
}

/// The picture on which the goldens stand, (1, 16, 16, 3).
Tensor<float, 4> picture() {
    Tensor<float, 4> x(Shape{1, 16, 16, 3});
    for (Index i = 0; i < 16; ++i)
        for (Index j = 0; j < 16; ++j)
            for (Index c = 0; c < 3; ++c)
                x(0, i, j, c) = static_cast<float>(0.5 + 0.4 * std::sin(0.37 * double(i) + 0.61 * double(j) + 1.3 * double(c)));
    return x;
}

/// Reads a file and compares the network, without masks, with what PyTorch made of the same weights.
void check_file(std::filesystem::path const& path, Json const& expected) {
    INFO(path.string());
    auto model = network_of(load_checkpoint(path));
    CHECK(parameter_count(model) == expected.at("parameters").integer<Index>());
    REQUIRE(model.options.use_mask);
    model.options.use_mask = false;
    NoGrad const guard;
    auto const y = permute<0, 3, 1, 2>(model(Variable<float, 4>(picture())).value());
    auto const& some = expected.at("y").items();
    for (std::size_t k = 0; k < some.size(); ++k)
        CHECK(static_cast<double>(y.data()[97 * k]) == Approx(some[k].number()).epsilon(1e-4).margin(1e-5));
    CHECK(AnyDenoiser::read(path).description() == concat_text("masked_swinir, ", parameter_count(model), " parameters"));
}
}  // namespace

TEST_CASE("Files that torch.save made of the 386 entries load: zip, legacy, params, params_ema, and module. before the names") {
    auto const expected = read_json(golden_dir() + "/swinir_files.json");
    for (char const* kind : {"zip", "legacy", "params", "params_ema", "module"}) check_file(golden_dir() + "/swinir_" + kind + ".pth", expected);
}

TEST_CASE("Files of the released sizes load, also wrapped in params and params_ema, and with module. before the names") {
    char const* const folder = std::getenv("TACET_SWINIR_FILES");
    if (!folder) return skip("TACET_SWINIR_FILES is not set: tests/golden/swinir.py --files makes them");
    auto const expected = read_json(std::string(folder) + "/swinir_files.json");
    for (char const* kind : {"zip", "legacy", "params", "params_ema", "module"})
        check_file(std::string(folder) + "/swinir_" + kind + ".pth", expected);
}

TEST_CASE("Exported files hold all 386 entries, in their order, type and shape, with the numbers of PyTorch's buffers") {
    auto const weights = small_file();
    auto model = network_of(weights);
    CHECK(save(model).tensors.size() == 350);
    CHECK(save_for_pytorch(model) == Checkpoint{weights.tensors, {}});
    auto const read = parse_checkpoint(format_torch_checkpoint(save_for_pytorch(model)));
    CHECK(read.tensors == weights.tensors);
    Rng rng(0);
    MaskedSwinIR<> released(rng);
    auto const file = save_for_pytorch(released);
    REQUIRE(file.tensors.size() == 386);
    for (std::size_t k = 0; k < 386; ++k) CHECK(file.tensors[k].name == weights.tensors[k].name);
    CHECK(file.at("layers.3.residual_group.blocks.5.attn_mask").shape == std::vector<Index>{64, 64, 64});
    CHECK(file.at("layers.0.residual_group.blocks.0.attn.relative_position_index").dtype == DType::I64);
}

TEST_CASE("What a SwinIR's file lacks or has too much is said; networks that enlarge are refused") {
    auto weights = small_file();
    std::erase_if(weights.tensors, [](auto const& x) { return x.name == "norm.bias" || x.name.ends_with("attn_mask"); });
    CHECK_THROWS_WITH(AnyDenoiser(weights), contains("1 missing: norm.bias"));
    auto more = small_file();
    more.tensors.push_back(named_tensor("conv_extra.bias", zeros(Shape{3})));
    CHECK_THROWS_WITH(AnyDenoiser(more), contains("1 unexpected: conv_extra.bias"));
    auto other = small_file();
    for (auto& x : other.tensors)
        if (x.name == "layers.2.residual_group.blocks.3.mlp.fc1.weight") x = named_tensor(x.name, zeros(Shape{12, 7}));
    CHECK_THROWS_WITH(AnyDenoiser(other), contains("layers.2.residual_group.blocks.3. does not have 6 features"));
    Rng rng(0);
    SwinIROptions o;
    o.embed_dim = 12, o.depths = {2}, o.num_heads = {2}, o.upsampler = Upsampler::nearest_conv, o.upscale = 4;
    MaskedSwinIR<> large(o.original(), rng);
    CHECK_THROWS_WITH(AnyDenoiser(save(large)), contains("swinir: this network enlarges images 4 times"));
}

TEST_CASE("Tiles give the whole image's result, masks included") {
    auto o = SwinIROptions{};
    o.embed_dim = 12, o.depths = {2}, o.num_heads = {2};
    Rng rng(4);
    MaskedSwinIR<> model(o, rng);
    auto const image = uniform(Shape{100, 300, 3}, rng);
    auto const whole = denoise(model, image);
    auto const memory = static_cast<std::size_t>(128 * 128 * 4 * model.floats_per_pixel());
    auto const tiled = denoise(model, image, {.max_memory = memory, .exact_up_to = std::numeric_limits<double>::infinity()});
    CHECK(largest_difference(whole, tiled) < 1e-6);
}

TEST_CASE("Blended tiles of a network that sees far: near the whole image's result, no seams, the same masks") {
    auto o = SwinIROptions{};
    o.embed_dim = 12, o.depths = {4, 4}, o.num_heads = {2, 2};
    Rng rng(4);
    MaskedSwinIR<> model(o, rng);
    for_each_state(model, [](std::string const& name, auto const& x) {
        if (name.find(".blocks.") != name.npos && name.ends_with(".weight") && name.find("norm") == name.npos) x.assign(x * 8.f);
    });
    std::vector<Tensor<float, 3>> pictures{dead_leaves(160, 264, Rng(Stream{.seed = 1, .purpose = Purpose::validation}))};
    if (!data_dir().empty()) pictures.push_back(crop(read_image(data_dir() + "/mcmaster/1.tif").pixels, Window{100, 100, 160, 264}));
    for (auto const& image : pictures) {
        std::string notes;
        DenoiseOptions options{.note = [&](std::string const& line) { notes += line; }};
        auto const whole = denoise(model, image, options);
        CHECK(notes == "");
        options.max_memory = static_cast<std::size_t>(160 * 160 * 4 * model.floats_per_pixel());
        auto const blended = denoise(model, image, options);
        CHECK_THAT(notes, contains("tiles are blended"));
        CHECK(largest_difference(whole, blended) < 1e-3);
        CHECK(largest_difference(whole, blended) > 0);
        CHECK(seam_energy(blended, whole, detail::tiling_of(model, image.shape(), options)) < 0.75);
        options.masks.seed = 1;
        CHECK(largest_difference(whole, denoise(model, image, options)) > 1e-3);  // other masks change more
    }
}
}  // namespace swinir_files_test
