// SPDX-License-Identifier: MIT
// Networks of which only the file is known, on the emulated device beside the CPU; machines with too little memory, or without a GPU.
#include "../support/catch.hpp"
#include "../support/difference.hpp"
#include "../support/swin_weights.hpp"
#include "../support/values.hpp"
#include <tacet/core/device_choice.hpp>
#include <tacet/denoise/any_denoiser.hpp>

using namespace tacet;
using test::contains;
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

/// The machine as a test changes it, and as it was before afterwards.
struct Planted {
    emulation::Machine before = emulation::machine();
    ~Planted() { emulation::machine() = before; }
};

/// Two convolutions.
template <class D> struct Net {
    using device_type = D;
    static constexpr Index multiple = 1, context = 4;
    static constexpr float offset = 0.5f;
    Rng rng{6};
    Conv2d<D> first{3, 8, 3, rng, {.padding = 1}}, last{8, 3, 3, rng, {.padding = 1}};
    Variable<float, 4, D> operator()(Variable<float, 4, D> const& x) const { return last(relu(first(x))); }
    Index in_channels() const { return 3; }
    Index floats_per_pixel() const { return 22; }
};

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
        CHECK_THROWS_WITH(host.denoise(image, narrow), "images are kept in 16 bits on GPUs alone: precision must be float32, not bfloat16");
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
TEST_CASE("Where the device's memory is too little, tiles become smaller, which is said, and the image stays the same", "[models]") {
    Planted const planted;
    auto const image = image_of(40, 64, 3);
    Net<Cuda> const net;
    auto const whole = denoise(net, image);
    auto const limited = [&](std::size_t bytes) {
        release_cached_memory<Cuda>();
        emulation::machine().memory = memory_statistics<Cuda>().live + bytes;
        std::vector<std::string> notes;
        DenoiseOptions options;
        options.note = [&](std::string const& line) { notes.push_back(line); };
        auto const result = denoise(net, image, options);
        CHECK(test::same_bits(result, whole));
        return notes;
    };
    auto const needed = static_cast<std::size_t>(40 * 64 * net.floats_per_pixel()) * sizeof(float);
    CHECK(limited(2 * needed).empty());
    auto const notes = limited(needed / 5);
    REQUIRE(notes.size() >= 2);
    CHECK_THAT(notes[0], contains("out of GPU memory: "));
    CHECK_THAT(notes[0], contains(" instead of 40 x 64 pixels"));
    CHECK_THAT(notes[1], contains("out of GPU memory: "));
    CHECK_THROWS_AS(limited(3000), OutOfMemory);
    CHECK_THROWS_WITH(limited(3000), contains("denoise: the smallest tiles, 12 x 12 pixels, need more memory than there is: out of GPU"));
    emulation::machine().memory = planted.before.memory;
    CHECK(test::same_bits(denoise(net, image), whole));
}
TEST_CASE("A machine without a usable GPU is told from one with", "[models]") {
    Planted const planted;
    auto const choose = [] { return on_device(DeviceChoice::cuda, [](auto device) { return std::string(decltype(device)::name); }); };
    CHECK(choose() == "Cuda");
    CHECK(on_device(DeviceChoice::cpu, [](auto device) { return std::string(decltype(device)::name); }) == "Cpu");
    emulation::machine().major = 7, emulation::machine().minor = 5;
    CHECK_THROWS_WITH(choose(), "the GPU cannot be used: emulated device has compute capability 7.5, and 8.0 is needed");
    emulation::machine().devices = 0;
    CHECK_THROWS_WITH(choose(), "no GPU can be used: no CUDA-capable device is detected");
}
