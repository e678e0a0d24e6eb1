// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>
#include <functional>
#include <memory>

namespace tacet::bench {

/// The Noise2Noise U-Net on D with images of type X between its layers.
template <class X, class D> struct UNet {
    Rng rng{0};
    Noise2NoiseUNet<D> model{3, 3, rng};

    Variable<float, 4, D> operator()(Tensor<float, 4, D> const& x) const {
        Variable<float, 4, D> const image(x);
        if constexpr (std::is_same_v<X, float>) return model(image);  // tacet::compiled has it
        else return model(image, computed_in<X>);
    }
};

/// A training step on 4 images of 64 x 64.
template <class X, class D> std::function<void()> unet_train_step() {
    struct Work {
        UNet<X, D> net;
        Adam<float, D> adam{net.model, {.beta2 = 0.99}};
        Tensor<float, 4, D> input = randn<float, D>(Shape{4, 64, 64, 3}, net.rng), target = randn<float, D>(Shape{4, 64, 64, 3}, net.rng);
    };
    return [work = std::make_shared<Work>()] {
        backward(l2_loss(work->net(work->input), work->target));
        work->adam.step();
    };
}

/// The result for an image of 512 x 512.
template <class X, class D> std::function<void()> unet_inference() {
    struct Work {
        UNet<X, D> net;
        Tensor<float, 4, D> input = randn<float, D>(Shape{1, 512, 512, 3}, net.rng);
    };
    return [work = std::make_shared<Work>()] {
        NoGrad const guard;
        work->net(work->input).value();  // which is when it is computed
    };
}

}  // namespace tacet::bench
