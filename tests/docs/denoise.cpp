// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/scratch.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/io/image.hpp>

namespace {

// docs/denoise.md shows the bodies of these functions.
void denoise_file(std::string const& weights, std::string const& from, std::string const& to) {
    auto const network = tacet::AnyDenoiser::read(weights);
    tacet::Image image = tacet::read_image(from);
    image.pixels = network.denoise(image.pixels);
    tacet::write_image(to, image);
}

void denoise_frame(tacet::AnyDenoiser const& network, unsigned char* frame, tacet::Index height, tacet::Index width, tacet::Index stride) {
    using namespace tacet;
    // A frame of 8-bit RGB whose rows begin `stride` bytes apart: seen as a tensor without a copy, then as floats.
    auto const bytes = Tensor<unsigned char, 3>::over(frame, Shape{height, width, 3}, Shape{stride, Index(3), Index(1)});
    Tensor<float, 3> const image(cast<float>(bytes) / 255);
    Tensor<float, 3> const clean(clamp(network.denoise(image), 0, 1));
    for (Index i = 0; i < height; ++i)
        for (Index j = 0; j < 3 * width; ++j)
            frame[i * stride + j] = static_cast<unsigned char>(clean.data()[3 * i * width + j] * 255 + 0.5f);
}

bool denoise_with_progress(tacet::AnyDenoiser const& network, tacet::Tensor<float, 3> image, std::function<bool()> cancelled) {
    tacet::DenoiseOptions options;
    options.max_memory = std::size_t(500) << 20;                                       // bytes; larger images are tiled
    options.progress = [&](double share) { return share < 1 && !cancelled(); };        // false stops
    try {
        image = network.denoise(image, options);
    } catch (tacet::Cancelled const&) {
        return false;
    }
    return true;
}

tacet::DenoiseOptions masked_options() {
    tacet::DenoiseOptions options;
    options.masks.draws = 4;                                     // the mean of four results, each with masks of its own
    options.masks.seed = 1;
    options.masks.attention_mask = tacet::PercentRange{65, 85};  // instead of the network's own
    options.self_ensemble = true;                                // the mean over eight flips and turns, each with its own draws
    options.note = tacet::note_on_stderr;
    return options;
}

tacet::AnyDenoiser small_network() {
    tacet::Rng rng(1);
    tacet::Noise2NoiseUNet<> model(3, 3, rng, 2);
    return tacet::AnyDenoiser(tacet::save(model));
}

}  // namespace

TEST_CASE("Denoise a file, a frame in memory, and with progress") {
    tacet::test::ScratchFolder const folder;
    tacet::Rng rng(1);
    tacet::Noise2NoiseUNet<> model(3, 3, rng, 2);
    tacet::write_safetensors(folder / "w.safetensors", tacet::save(model), true);
    tacet::Image image;
    image.pixels = tacet::uniform(tacet::Shape{20, 30, 3}, rng);
    tacet::write_image(folder / "noisy.png", image, {.overwrite = true});
    denoise_file((folder / "w.safetensors").string(), (folder / "noisy.png").string(), (folder / "clean.png").string());
    REQUIRE(tacet::read_image(folder / "clean.png").pixels.shape() == image.pixels.shape());

    std::vector<unsigned char> frame(20 * 128, 77);
    denoise_frame(small_network(), frame.data(), 20, 30, 128);
    REQUIRE(frame[127] == 77);  // what lies between the rows is left alone
    REQUIRE(!denoise_with_progress(small_network(), image.pixels, [] { return true; }));
    REQUIRE_THROWS_AS(small_network().check_options(masked_options()), tacet::Error);  // a network without masks
}
