// SPDX-License-Identifier: MIT
// What networks say that they need is what they take: the limit of memory of denoise() rests on it.
#include <support/catch.hpp>
#include <tacet/denoise/denoise.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/tensor/factory.hpp>

namespace memory_test {
using namespace tacet;

namespace {

/// Whether the whole image can be denoised when tensors may take `share` of what the network asks for, beside what is there already and
/// what does not grow with the image (its packed weights).
bool suffices(auto const& model, double share) {
    Index const side = 192;
    Rng rng(3);
    auto const image = uniform(Shape{side, side, model.in_channels()}, rng);
    auto const asked = static_cast<std::size_t>(side * side * model.floats_per_pixel()) * sizeof(float);
    release_cached_memory();
    set_memory_limit(memory_statistics().live + static_cast<std::size_t>(share * static_cast<double>(asked)) + (std::size_t(4) << 20));
    bool enough = true;
    auto const smaller = [](std::string const& line) { throw OutOfMemory(line); };  // tiles, which would take their time
    try {
        denoise(model, image, {.max_memory = std::size_t(1) << 40, .note = smaller});
    } catch (OutOfMemory const&) { enough = false; }
    set_memory_limit(std::numeric_limits<std::size_t>::max());
    return enough;
}

}  // namespace

TEST_CASE("What tiles leave behind does not add up: the limit holds for what is kept for later, too") {
    Rng rng(1);
    SwinIROptions o;
    o.depths = {2}, o.num_heads = {6};
    MaskedSwinIR<> const model(o, rng);
    auto const image = uniform(Shape{Index(250), Index(330), Index(3)}, rng);
    for (double const share : {0.2, 0.45}) {
        auto const bytes = static_cast<std::size_t>(share * static_cast<double>(image.size() / 3 * model.floats_per_pixel())) * sizeof(float);
        release_cached_memory();
        auto const live = memory_statistics().live;
        denoise(model, image, {.max_memory = bytes});
        auto const images = 4 * static_cast<std::size_t>(image.size()) * sizeof(float);  // padded, cut and put together again
        CHECK(memory_statistics().live + memory_statistics().cached - live < bytes + images);
    }
}

TEST_CASE("Networks take what they say, and not much less") {
    Rng rng(1);
    auto const check = [](auto const& model) {
        CHECK(suffices(model, 1.05));
        CHECK_FALSE(suffices(model, 0.5));
    };
    check(Noise2NoiseUNet<>(3, 3, rng));
    check(Noise2NoiseUNet<>(3, 3, rng, 24));
    check(Noise2NoiseCompat<>(3, 3, rng));
    check(DnCnn<>(3, rng));
    check(DnCnn<>(1, rng, {.batch_norm = true}));
    SwinIROptions o;
    o.depths = {2, 2}, o.num_heads = {6, 6};
    check(MaskedSwinIR<>(o, rng));
    o.attention.talking_heads = true;
    check(MaskedSwinIR<>(o, rng));
}
}  // namespace memory_test
