// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>

#include "work.hpp"

// Whole networks on device D: their inputs, and works of inference and training for each.
namespace tacet::bench {

/// The U-Net and the loss that it learns by.
template <class D = Cpu> struct UNet {
    static constexpr char const* loss_name = "l2";
    Rng rng{0};
    Noise2NoiseUNet<D> model{3, 3, rng};
    static auto loss(auto const& y, auto const& target) { return l2_loss(y, target); }
};

/// A SwinIR; no block is left out, so that both sides do all of the work. Masks depend on nothing but the seed: each step draws them anew.
template <class D> struct Swin {
    static constexpr char const* loss_name = "l1";
    Rng rng{0};
    MaskedSwinIR<D> model;
    explicit Swin(SwinIROptions const& o) : model(o, rng) { model.draws.seed = 9; }
    static auto loss(auto const& y, auto const& target) { return l1_loss(y, target); }
};
template <class D = Cpu> struct MaskedSwin : Swin<D> {
    MaskedSwin() : Swin<D>({.drop_path_rate = 0}) {}
};
template <class D = Cpu> struct LargeSwin : Swin<D> {
    LargeSwin() : Swin<D>(SwinIROptions{.embed_dim = 180, .depths = {6, 6, 6, 6, 6, 6}, .num_heads = {6, 6, 6, 6, 6, 6},
                                        .drop_path_rate = 0}.original()) {}
};

/// Weights, an image x and a target of this size.
template <class Net> Checkpoint network_inputs(Net const& net, Shape<4> const& size, Rng& rng) {
    for_each_parameter(net.model, [&](std::string const& name, auto const& p) {
        if (name.ends_with("bias")) p.value().assign(0.1f * randn(p.shape(), rng));   // not 0, so that they are compared
    });
    Checkpoint inputs = save(net.model);
    inputs.tensors.push_back(normal("x", size, rng, 0.25f));
    inputs.tensors.push_back(normal("target", size, rng, 0.25f));
    return inputs;
}
inline Checkpoint unet_inputs(Shape<4> const& size) {
    UNet<> const net;
    Rng rng(3);
    return network_inputs(net, size, rng);
}
/// Masks go along for the other side.
template <class Net> Checkpoint swinir_inputs(Shape<4> const& size) {
    Net const net;
    Rng rng(3);
    Checkpoint inputs = network_inputs(net, size, rng);
    auto const& o = net.model.options;
    for (Index layer = 0; o.use_mask && layer < o.blocks(); ++layer) {
        AttentionMaskKey const key{.seed = net.model.draws.seed, .layer = static_cast<int>(layer)};
        auto const keep = attention_keep_masks(key, {o.mask_ratio1, o.mask_ratio2}, {size[0], size[1], size[2], Index(1)});
        inputs.tensors.push_back(named_tensor("keep." + std::to_string(layer), Tensor<float, 4>(cast<float>(keep))));
    }
    return inputs;
}

/// A network with the weights and the image of the inputs.
template <class Net> struct Loaded : Net {
    using D = device_of<decltype(Net::model)>;
    Variable<float, 4, D> x;
    explicit Loaded(Checkpoint const& inputs) : x(tensor<4, float, D>(inputs, "x")) { load(this->model, inputs, {.strict = false}); }

    /// What the network makes of x, its images kept as X.
    template <class X = float> Variable<float, 4, D> output() const {
        if constexpr (std::is_same_v<X, float>) return this->model(x);
        else return this->model(x, computed_in<X>);
    }
};

template <class Net> Work open_inference(Checkpoint const& inputs) {
    auto const net = std::make_shared<Loaded<Net>>(inputs);
    return forward_work([=] {
        NoGrad const guard;
        return net->output();
    });
}

/// A network that learns `target`, and what it says before its first step.
template <class Net> struct Learner : Loaded<Net> {
    using typename Loaded<Net>::D;
    Tensor<float, 4, D> target;
    Checkpoint weights;  // for results(), which starts again
    explicit Learner(Checkpoint const& inputs)
        : Loaded<Net>(inputs), target(tensor<4, float, D>(inputs, "target")), weights(save(this->model)) {}

    template <class X = float> Checkpoint results() {
        load(this->model, weights);
        zero_gradients(this->model);
        Variable const y = this->template output<X>();
        Variable const loss = Net::loss(y, target);
        backward(loss);
        std::map<std::string, NamedTensor> parts;
        for_each_parameter(this->model, [&](std::string const& name, auto const& p) { parts[name] = named_tensor(name, p.grad()); });
        NamedTensor gradient{"gradient", DType::F32, {parameter_count(this->model)}, {}};  // of all parameters by name, as one vector
        for (auto const& [name, part] : parts) gradient.data.insert(gradient.data.end(), part.data.begin(), part.data.end());
        zero_gradients(this->model);
        return {{named_tensor("y", y.value()), named_tensor("loss", loss.value()), std::move(gradient)}, {}};
    }
};

template <class Net> struct Training : Learner<Net> {
    Adam<> adam{this->model, {.beta2 = 0.99}};
    using Learner<Net>::Learner;

    void step() {
        Variable const loss = Net::loss(this->output(), this->target);
        backward(loss);
        adam.step();
    }
};

template <class Net> Work open_training(Checkpoint const& inputs) {
    auto const training = std::make_shared<Training<Net>>(inputs);
    return {[=] { training->step(); }, [=] { return training->results(); }};
}

}  // namespace tacet::bench
