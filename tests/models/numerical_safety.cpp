// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/no_grad.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/tensor/factory.hpp>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace numerical_safety_test {
using namespace tacet;

namespace {
using Image = Tensor<float, 4>;

void append(std::vector<float>& all, auto const& tensor, int exponent = 0) {
    for (Index k = 0; k < tensor.size(); ++k) all.push_back(std::ldexp(tensor.data()[k], exponent));
}

/// The network's output, then the gradients of x and of all parameters for the output gradient g: computed for x and g times
/// 2^exponent and scaled back. The biases are zero.
std::vector<float> output_and_gradients(Image const& x, Image const& g, int exponent = 0) {
    Rng rng(5);
    Noise2NoiseUNet<> const model(3, 3, rng, 12);
    float const factor = std::ldexp(1.f, exponent);
    Variable<float, 4> const input(Image(x * factor), true);
    Variable const y = model(input);
    backward(y, Image(g * factor));
    std::vector<float> all;
    append(all, y.value(), -exponent), append(all, input.grad(), -exponent);
    for_each_parameter(model, [&]<class P>(auto const&, P const& p) { append(all, p.grad(), P::rank == 1 ? -exponent : -2 * exponent); });
    return all;
}

/// The loss before and the weights after two steps of Adam on factor * x.
std::vector<float> trained(Image const& x, float factor) {
    Rng rng(6);
    Noise2NoiseUNet<> model(3, 3, rng, 12);
    Adam<> optimizer(model);
    Variable<float, 4> const input(Image(x * factor)), target(zeros(x.shape()));
    std::vector<float> all;
    for (int step = 0; step < 2; ++step) {
        auto const loss = l1_loss(model(input), target);
        append(all, loss.value());
        backward(loss);
        optimizer.step();
    }
    for_each_parameter(model, [&](auto const&, auto const& p) { append(all, p.value()); });
    return all;
}

bool all_finite(std::vector<float> const& v) {
    return std::all_of(v.begin(), v.end(), [](float x) { return std::isfinite(x); });
}
bool same_bits(std::vector<float> const& a, std::vector<float> const& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
Image noise(std::uint64_t seed) {
    Rng rng(seed);
    return uniform(Shape{2, 32, 96, 3}, rng, -1.f, 1.f);
}
}  // namespace

TEST_CASE("The U-Net's values, all its gradients and its steps have the same bits for 1, 2 and 4 threads") {
    int const before = num_threads();
    set_num_threads(1);
    auto const x = noise(1), g = noise(2);
    auto const values = output_and_gradients(x, g), weights = trained(x, 1);
    for (int threads : {2, 4}) {
        set_num_threads(threads);
        CHECK(same_bits(output_and_gradients(x, g), values));
        CHECK(same_bits(trained(x, 1), weights));
    }
    set_num_threads(before);
    CHECK(all_finite(values));
}

// Without biases the network is homogeneous, as its gradients are: a power of two goes through it without any rounding.
TEST_CASE("Very large and very small images go through the U-Net as all others do, and so do their gradients") {
    auto const x = noise(3), g = noise(4);
    auto const values = output_and_gradients(x, g);
    CHECK(same_bits(output_and_gradients(x, g, 50), values));
    CHECK(same_bits(output_and_gradients(x, g, -20), values));
}

TEST_CASE("Denormal images give the U-Net's output but for the last denormal bits") {
    NoGrad const guard;
    Rng rng(5);
    Noise2NoiseUNet<> const model(3, 3, rng, 12);
    auto const x = noise(5);
    float const factor = std::ldexp(1.f, -130);  // the largest pixel is 7e-40, and so is a denormal number
    auto const exact = model(Variable<float, 4>(x)).value(), tiny = model(Variable<float, 4>(Image(x * factor))).value();
    double worst = 0, largest = 0;
    for (Index k = 0; k < exact.size(); ++k) {
        worst = std::max(worst, std::fabs(std::ldexp(double(tiny.data()[k]), 130) - double(exact.data()[k])));
        largest = std::max(largest, std::fabs(double(exact.data()[k])));
    }
    INFO("error " << worst << " of " << largest);
    CHECK(worst < 1e-3 * largest);
}

TEST_CASE("Steps on denormal and on very large images leave loss and weights finite") {
    for (float factor : {1e-45f, 1e-40f, 1e-30f, 1e15f, 1e30f}) {
        CAPTURE(factor);
        CHECK(all_finite(trained(noise(6), factor)));
    }
}
}  // namespace numerical_safety_test
