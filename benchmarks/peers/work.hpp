// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/backward.hpp>
#include <tacet/expr/functions.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/layer_norm.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/ops/pixel_shuffle.hpp>
#include <tacet/ops/window_attention.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/tensor/factory.hpp>
#include <functional>
#include <map>
#include <string>

namespace tacet::bench {

/// A piece of work on inputs that both sides read from one file.
struct Work {
    std::function<void()> step;           // what is timed
    std::function<Checkpoint()> results;  // outputs and gradients for the inputs as they came
};
struct WorkKind {
    std::function<Checkpoint()> inputs;
    std::function<Work(Checkpoint const&)> open;
};

using Tensors = std::vector<NamedTensor>;

inline NamedTensor normal(char const* name, auto const& shape, Rng& rng, float deviation = 1) {
    auto const x = randn(shape, rng);
    x.assign(x * deviation);
    return named_tensor(name, x);
}

template <int R> Tensor<float, R> tensor(Checkpoint const& inputs, char const* name) {
    NamedTensor const& named = inputs.at(name);
    Shape<R> shape;
    check(named.shape.size() == R, name, ": rank ", named.shape.size(), " instead of ", R);
    std::copy(named.shape.begin(), named.shape.end(), shape.extent.begin());
    Tensor<float, R> x(shape);
    assign_tensor(x, named);
    return x;
}

/// A named input of a work.
template <int R> struct Leaf {
    char const* name;
    Variable<float, R> x;
    Leaf(Checkpoint const& inputs, char const* n, bool requires_grad) : name(n), x(tensor<R>(inputs, n), requires_grad) {}
};

/// forward(): nothing is recorded, as none of its inputs requires a gradient. The value is asked for: a convolution is deferred till then.
template <class F> Work forward_work(F forward) {
    return {[=] { Variable(forward()).value(); }, [=] { return Checkpoint{{named_tensor("y", Variable(forward()).value())}, {}}; }};
}

/// forward() and the gradients of all leaves for the given gy.
template <class F, int R, int... Q> Work train_work(F forward, Tensor<float, R> gy, Leaf<Q>... leaf) {
    auto const step = [=] {
        (leaf.x.zero_grad(), ...);
        Variable<float, R> const y(forward());
        backward(y, gy);
        return y;
    };
    return {[=] { step(); }, [=] {
                Tensors results{named_tensor("y", step().value())};
                (results.push_back(named_tensor(std::string("g") + leaf.name, leaf.x.grad())), ...);
                return Checkpoint{std::move(results), {}};
            }};
}

inline Checkpoint conv_inputs() {
    Rng rng(1);
    Shape const image{1, 256, 256, 64};
    return {{normal("x", image, rng), normal("w", Shape{64, 64, 3, 3}, rng, 0.06f), normal("b", Shape{64}, rng), normal("gy", image, rng)},
            {}};
}
inline Work open_conv(Checkpoint const& inputs, bool training) {
    Leaf<4> const x(inputs, "x", training), w(inputs, "w", training);
    Leaf<1> const b(inputs, "b", training);
    auto const forward = [=] { return conv2d(x.x, w.x, b.x, {.padding = 1}); };
    return training ? train_work(forward, tensor<4>(inputs, "gy"), x, w, b) : forward_work(forward);
}

inline Checkpoint fused_inputs() {
    Rng rng(2);
    Shape const n{Index(1) << 24};
    return {{normal("x", n, rng), normal("w", n, rng), normal("b", n, rng), normal("z", n, rng), normal("gy", n, rng)}, {}};
}
inline Work open_fused(Checkpoint const& inputs) {
    Leaf<1> const x(inputs, "x", true), w(inputs, "w", true), b(inputs, "b", true), z(inputs, "z", true);
    return train_work([=] { return gelu(x.x * w.x + b.x) * sigmoid(z.x); }, tensor<1>(inputs, "gy"), x, w, b, z);
}

inline Checkpoint unet_inputs(Shape<4> const& size) {
    Rng rng(3);
    Noise2NoiseUNet<> const model(3, 3, rng);
    Checkpoint inputs = save(model);
    for_each_parameter(model, [&](std::string const&, auto const& p) {
        if (p.shape().size() == p.shape()[0]) p.value().assign(0.1f * randn(p.shape(), rng));   // biases: not 0, so that they are compared
    });
    inputs = save(model);
    inputs.tensors.push_back(normal("x", size, rng, 0.25f));
    inputs.tensors.push_back(normal("target", size, rng, 0.25f));
    return inputs;
}

struct UNet {
    Rng rng{0};
    Noise2NoiseUNet<> model{3, 3, rng};
    Variable<float, 4> x;
    explicit UNet(Checkpoint const& inputs) : x(tensor<4>(inputs, "x")) { load(model, inputs, {.strict = false}); }
};

inline Work open_unet_inference(Checkpoint const& inputs) {
    auto const net = std::make_shared<UNet>(inputs);
    return forward_work([=] {
        NoGrad const guard;
        return net->model(net->x);
    });
}

struct UNetTraining : UNet {
    Adam<> adam{model, {.beta2 = 0.99}};
    Tensor<float, 4> target;
    Checkpoint weights;  // for results(), which starts again
    explicit UNetTraining(Checkpoint const& inputs) : UNet(inputs), target(tensor<4>(inputs, "target")), weights(save(model)) {}

    void step() {
        Variable const loss = l2_loss(model(x), target);
        backward(loss);
        adam.step();
    }
    Checkpoint results() {
        load(model, weights);
        adam.skip();
        Variable const y = model(x);
        Variable const loss = l2_loss(y, target);
        backward(loss);
        NamedTensor gradient{"gradient", DType::F32, {parameter_count(model)}, {}};  // of all parameters, as one vector
        for_each_parameter(model, [&](std::string const& name, auto const& p) {
            auto const part = named_tensor(name, p.grad());
            gradient.data.insert(gradient.data.end(), part.data.begin(), part.data.end());
        });
        return {{named_tensor("y", y.value()), named_tensor("loss", loss.value()), std::move(gradient)}, {}};
    }
};

inline Work open_unet_training(Checkpoint const& inputs) {
    auto const training = std::make_shared<UNetTraining>(inputs);
    return {[=] { training->step(); }, [=] { return training->results(); }};
}

/// 4096 windows of 8 x 8, shifted by 4, 6 heads of 30 channels; three quarters of the tokens are seen.
inline Checkpoint window_attention_inputs() {
    Rng rng(6);
    Tensor<float, 3> const keep(Shape{4, 256, 256});
    fill_uniform(rng.stream(), 0, std::span(keep.data(), static_cast<std::size_t>(keep.size())));
    for (float& k : std::span(keep.data(), static_cast<std::size_t>(keep.size()))) k = k < 0.75f;
    return {{normal("x", Shape{4, 256, 256, 540}, rng), normal("w", Shape{225, 6}, rng, 0.5f), named_tensor("keep", keep),
             normal("gy", Shape{4, 256, 256, 180}, rng)},
            {}};
}
inline Work open_window_attention(Checkpoint const& inputs, bool training) {
    Leaf<4> const x(inputs, "x", training);
    Leaf<2> const w(inputs, "w", training);
    auto const seen = tensor<3>(inputs, "keep");
    Tensor<std::uint8_t, 3> const keep(seen.shape());
    std::transform(seen.data(), seen.data() + seen.size(), keep.data(), [](float k) { return k != 0; });
    auto const forward = [=] { return window_attention(x.x, w.x, {.window = 8, .shift = 4, .heads = 6}, keep); };
    return training ? train_work(forward, tensor<4>(inputs, "gy"), x, w) : forward_work(forward);
}

inline Checkpoint one_input(auto const& shape) {
    Rng rng(4);
    return {{normal("x", shape, rng)}, {}};
}

/// All works by name; peers.py knows which row of the table uses which.
inline std::map<std::string, WorkKind> const& works() {
    static std::map<std::string, WorkKind> const all{
        {"conv_forward", {conv_inputs, [](auto const& in) { return open_conv(in, false); }}},
        {"conv_training", {conv_inputs, [](auto const& in) { return open_conv(in, true); }}},
        {"unet_training", {[] { return unet_inputs({4, 64, 64, 3}); }, open_unet_training}},
        {"unet_inference", {[] { return unet_inputs({1, 512, 512, 3}); }, open_unet_inference}},
        {"fused_training", {fused_inputs, open_fused}},
        {"window_attention_forward", {window_attention_inputs, [](auto const& in) { return open_window_attention(in, false); }}},
        {"window_attention_training", {window_attention_inputs, [](auto const& in) { return open_window_attention(in, true); }}},
        {"pixel_unshuffle",
         {[] { return one_input(Shape{8, 1020, 1020, 3}); },
          [](auto const& in) {
              Leaf<4> const x(in, "x", false);
              return forward_work([=] { return pixel_unshuffle(x.x, 5); });
          }}},
        {"gelu",
         {[] { return one_input(Shape{4096, 360}); },
          [](auto const& in) {
              return forward_work([x = tensor<2>(in, "x")] { return Tensor<float, 2>(gelu(x)); });
          }}},
        {"layer_norm",
         {[] {
              Rng rng(5);
              return Checkpoint{{normal("x", Shape{4096, 180}, rng), normal("w", Shape{180}, rng), normal("b", Shape{180}, rng)}, {}};
          },
          [](auto const& in) {
              Leaf<2> const x(in, "x", false);
              Leaf<1> const w(in, "w", false), b(in, "b", false);
              return forward_work([=] { return layer_norm(x.x, w.x, b.x); });
          }}},
    };
    return all;
}

}  // namespace tacet::bench
