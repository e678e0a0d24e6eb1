// SPDX-License-Identifier: MIT
// Machines that have too little memory, or no GPU, or that count graphs: only an emulated one can be made so.
#include "../support/catch.hpp"
#include "../support/difference.hpp"
#include "../support/swin_weights.hpp"
#include "../support/values.hpp"
#include <emulator.hpp>
#include <tacet/core/device_choice.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/denoise.hpp>
#include <tacet/nn/conv.hpp>

namespace machine_kernels_test {
using namespace tacet;
using test::contains;
using test::relative_square;

namespace {

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

/// A masked SwinIR of small windows in which it matters what attention sees.
template <class D> MaskedSwinIR<D> attentive() {
    auto sizes = test::small_swin();
    sizes.window_size = 2;
    Rng rng(3);
    MaskedSwinIR<D> model(sizes, rng);
    for_each_parameter(model, [](std::string const& name, auto const& p) {
        auto weights = p.value();
        if (name.find("norm") == name.npos) weights *= 4.f;
    });
    return model;
}

}  // namespace

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
TEST_CASE("Tiles of one shape are recorded and launched as a graph, or it is said why not", "[models]") {
    Planted const planted;
    auto const image = image_of(40, 64, 3);
    Net<Cuda> const net;
    auto const whole = denoise(net, image);
    CHECK(emulation::machine().graphs == planted.before.graphs);
    std::vector<std::string> notes;
    DenoiseOptions options{.max_memory = 16 * 16 * 22 * sizeof(float)};
    options.note = [&](std::string const& line) { notes.push_back(line); };
    CHECK(test::same_bits(denoise(net, image, options), whole));
    CHECK(emulation::machine().graphs >= planted.before.graphs + 10);
    CHECK(notes.empty());
    options.max_memory = std::size_t(1) << 30, options.self_ensemble = true;  // eight passes of one tile: two shapes, one after the other
    auto const views = denoise(net, image, options);
    CHECK(relative_square(views, denoise(Net<Cpu>(), image, {.self_ensemble = true})) < 1e-10);

    // Each tile of each draw has masks of its own.
    auto const masked = attentive<Cuda>();
    auto const on_cpu = attentive<Cpu>();
    auto const picture = image_of(44, 6, 3);
    auto const tiled = [&](auto const& model, int draws) {
        DenoiseOptions o{.max_memory = 150 * static_cast<std::size_t>(model.floats_per_pixel()) * sizeof(float)};
        o.masks = {.draws = draws, .attention_mask = PercentRange{60, 85}};
        return denoise(model, picture, o);
    };
    for (int const draws : {1, 3}) {
        auto const graphs = emulation::machine().graphs;
        CHECK(relative_square(tiled(masked, draws), tiled(on_cpu, draws)) < 1e-7);
        CHECK(emulation::machine().graphs >= graphs + draws);
    }
    CHECK(relative_square(tiled(on_cpu, 1), tiled(on_cpu, 3)) > 1e-5);

    Rng rng(3);
    MaskedSwinIR<Cuda> model(test::small_swin(), rng);
    model.draws.keep = [](Index, Shape<4> const& shape) { return full(shape, std::uint8_t(1)); };
    auto const graphs = emulation::machine().graphs;
    denoise(model, image_of(5, 6, 3), {.masks = {.draws = 3}, .note = options.note});
    REQUIRE(notes.size() == 1);
    CHECK(notes[0] == "tiles of one shape are computed call by call, not launched as a CUDA graph: the host makes the attention masks");
    CHECK(emulation::machine().graphs == graphs);
    auto const plain = test::swin_checkpoint(test::small_swin().original());
    auto const small = image_of(8, 8, 3);
    DenoiseOptions const ensemble{.self_ensemble = true};
    CHECK(relative_square(AnyDenoiser(plain, Cuda{}).denoise(small, ensemble), AnyDenoiser(plain).denoise(small, ensemble)) < 1e-7);
}
}  // namespace machine_kernels_test
