// SPDX-License-Identifier: MIT
// Train steps of whole networks on the GPU, stored in float and in bfloat16: nvcc compiles and links them, and the kernels that train steps
// are made of are those whose registers spills.py reports. Where there is a GPU, the loss has to fall; elsewhere it exits with 77.
#include <gpu.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/move.hpp>
#include <cstdio>

using namespace tacet;

namespace {

/// Whether ten steps towards one image make the loss smaller; says so.
template <class X> bool learns(char const* name, char const* type, auto model) {
    Rng rng(3);
    Shape const shape{1, 32, 32, 3};
    auto const input = uniform<float, Cuda>(shape, rng), target = uniform<float, Cuda>(shape, rng);
    Adam<float, Cuda> adam(model, {.rate = 1e-3});
    float first = 0, last = 0;
    for (int step = 0; step < 10; ++step) {
        Variable const loss = l2_loss(model(Variable<float, 4, Cuda>(input), computed_in<X>), target);
        last = item(loss.value());
        if (step == 0) first = last;
        backward(loss);
        adam.step();
    }
    std::printf("%s, %s: the loss went from %g to %g\n", name, type, static_cast<double>(first), static_cast<double>(last));
    return last < first;
}
template <class X> bool all_learn(char const* type) {
    Rng rng(1);
    SwinIROptions o;
    o.embed_dim = 60, o.depths = {2}, o.num_heads = {6}, o.window_size = 8;
    bool const unet = learns<X>("Noise2NoiseUNet", type, Noise2NoiseUNet<Cuda>(3, 3, rng));
    return learns<X>("MaskedSwinIR", type, MaskedSwinIR<Cuda>(o, rng)) && unet;
}

}  // namespace

int main() try {
    if (auto const missing = test::missing_gpu(); !missing.empty()) {
        std::printf("SKIPPED: %s\n", missing.c_str());
        return 77;
    }
    bool const wide = all_learn<float>("float"), narrow = all_learn<BFloat16>("bfloat16");
    return wide && narrow ? 0 : 1;
} catch (std::exception const& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
