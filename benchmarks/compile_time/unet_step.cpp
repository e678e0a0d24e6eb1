// SPDX-License-Identifier: MIT
// A whole training step: network, loss, backward, optimizer.
#include <tacet/autograd/backward.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>

using namespace tacet;

float step(Noise2NoiseUNet<> const& model, Adam<>& adam, Tensor<float, 4> const& noisy, Tensor<float, 4> const& target) {
    Variable const y = model(Variable<float, 4>(noisy));
    Variable const loss = l2_loss(y, target);
    backward(loss);
    adam.step();
    return item(loss.value());
}
