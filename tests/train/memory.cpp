// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/tensor/factory.hpp>

namespace memory_test {
using namespace tacet;

TEST_CASE("training steps ask the system for no tensor memory once they have run, and hold no more after 1,000 of them") {
    Rng rng(1);
    Noise2NoiseUNet<> model(3, 3, rng, 2);
    Adam<> optimizer(model);
    auto const noisy = uniform(Shape{1, 32, 32, 3}, rng), target = uniform(Shape{1, 32, 32, 3}, rng);
    auto const step = [&] {
        auto const loss = l2_loss(model(Variable<float, 4>(noisy)), Variable<float, 4>(target));
        backward(loss);
        optimizer.step();
    };
    for (int i = 0; i < 3; ++i) step();
    auto const before = memory_statistics();
    for (int i = 0; i < 1000; ++i) step();
    auto const after = memory_statistics();
    CHECK(after.allocations == before.allocations);
    CHECK(after.live == before.live);
    CHECK(after.cached == before.cached);
    CHECK(after.peak == before.peak);
}
}  // namespace memory_test
