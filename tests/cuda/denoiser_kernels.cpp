// SPDX-License-Identifier: MIT
// Networks of which only the file is known, on the device beside the CPU.
#include "../support/catch.hpp"
#include "../support/difference.hpp"
#include "../support/swin_weights.hpp"
#include "../support/values.hpp"
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/noise2noise.hpp>

namespace denoiser_kernels_test {
using namespace tacet;
using test::relative_square;

namespace {

/// Weights of small random networks of each kind.
std::vector<Checkpoint> small_networks() {
    Rng rng(3);
    Noise2NoiseUNet<> unet(3, 3, rng, 4);
    DnCnn<> dncnn(3, rng, {.layers = 3, .width = 8}), normed(1, rng, {.layers = 4, .width = 8, .batch_norm = true});
    auto const plain = test::small_swin().original();
    return {save(unet), save(dncnn), save(normed), test::swin_checkpoint(test::small_swin()), test::swin_checkpoint(plain)};
}
Tensor<float, 3> image_of(Index height, Index width, Index channels) {
    Rng rng(4);
    return uniform(Shape{height, width, channels}, rng);
}

}  // namespace

TEST_CASE("AnyDenoiser gives the CPU's images on the device", "[models]") {
    auto const image = image_of(11, 37, 3);
    for (auto const& weights : small_networks()) {
        AnyDenoiser const host(weights), device(weights, Cuda{});
        INFO(host.description());
        CHECK(device.description() == host.description());
        CHECK(device.takes_masks() == host.takes_masks());
        DenoiseOptions const options{.masks = {.draws = host.takes_masks() ? 2 : 1, .seed = 7}};
        auto const expected = host.denoise(image, options);
        CHECK(relative_square(device.denoise(image, options), expected) < 1e-7);
        auto narrow = options;
        narrow.precision = Precision::bfloat16;
        CHECK(relative_square(device.denoise(image, narrow), expected) < 1e-4);
        CHECK_THROWS_WITH(host.denoise(image, narrow), "images of 16 bits and rounded products are for GPUs: precision must be float32, not bfloat16");
    }
}
TEST_CASE("Observers are shown on the host what layers put out on the device", "[models]") {
    auto const weights = test::swin_checkpoint(test::small_swin());
    auto const image = image_of(9, 14, 3);
    using Layers = std::vector<std::pair<std::string, Tensor<float, 4>>>;
    auto const layers = [&](AnyDenoiser const& network) {
        Layers all;
        network.observe(image, [&](std::string const& name, Tensor<float, 4> const& y) { all.emplace_back(name, y.clone()); }, {.seed = 2});
        return all;
    };
    auto const host = layers(AnyDenoiser(weights)), device = layers(AnyDenoiser(weights, Cuda{}));
    REQUIRE(host.size() == device.size());
    for (std::size_t k = 0; k < host.size(); ++k) {
        CHECK(device[k].first == host[k].first);
        REQUIRE(device[k].second.shape() == host[k].second.shape());
        CHECK(relative_square(device[k].second, host[k].second) < 1e-7);
    }
}
}  // namespace denoiser_kernels_test
