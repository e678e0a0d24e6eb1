// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoise.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/adam.hpp>

#include "work.hpp"

// Whole networks: their inputs, and works of inference and training for each.
namespace tacet::bench {

/// The U-Net and the loss that it learns by.
struct UNet {
    Rng rng{0};
    Noise2NoiseUNet<> model{3, 3, rng};
    static auto loss(auto const& y, auto const& target) { return l2_loss(y, target); }
};

/// A SwinIR; no block is left out, so that both sides do all of the work. Masks depend on nothing but the seed: each step draws them anew.
struct Swin {
    Rng rng{0};
    MaskedSwinIR<> model;
    explicit Swin(SwinIROptions const& o) : model(o, rng) { model.draws.seed = 9; }
    static auto loss(auto const& y, auto const& target) { return l1_loss(y, target); }
};
struct MaskedSwin : Swin {
    MaskedSwin() : Swin({.drop_path_rate = 0}) {}
};
struct LargeSwin : Swin {
    LargeSwin() : Swin(SwinIROptions{.embed_dim = 180, .depths = {6, 6, 6, 6, 6, 6}, .num_heads = {6, 6, 6, 6, 6, 6},
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
    UNet const net;
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
    Variable<float, 4> x;
    explicit Loaded(Checkpoint const& inputs) : x(tensor<4>(inputs, "x")) { load(this->model, inputs, {.strict = false}); }
};

template <class Net> Work open_inference(Checkpoint const& inputs) {
    auto const net = std::make_shared<Loaded<Net>>(inputs);
    return forward_work([=] {
        NoGrad const guard;
        return net->model(net->x);
    });
}
/// The picture within 1 GB, of which the process and its inputs leave these 900 MB.
inline Work open_photo(Checkpoint const& inputs) {
    auto const net = std::make_shared<Loaded<MaskedSwin>>(inputs);
    Shape const shape = net->x.shape();
    auto const image = net->x.value().reshape(Shape{shape[1], shape[2], shape[3]});
    return {[=] { denoise(net->model, image, {.max_memory = 900'000'000}); }, [] { return Checkpoint{}; }};
}

template <class Net> struct Training : Loaded<Net> {
    Adam<> adam{this->model, {.beta2 = 0.99}};
    Tensor<float, 4> target;
    Checkpoint weights;  // for results(), which starts again
    explicit Training(Checkpoint const& inputs) : Loaded<Net>(inputs), target(tensor<4>(inputs, "target")), weights(save(this->model)) {}

    void step() {
        Variable const loss = Net::loss(this->model(this->x), target);
        backward(loss);
        adam.step();
    }
    Checkpoint results() {
        load(this->model, weights);
        adam.skip();
        Variable const y = this->model(this->x);
        Variable const loss = Net::loss(y, target);
        backward(loss);
        std::map<std::string, NamedTensor> parts;
        for_each_parameter(this->model, [&](std::string const& name, auto const& p) { parts[name] = named_tensor(name, p.grad()); });
        NamedTensor gradient{"gradient", DType::F32, {parameter_count(this->model)}, {}};  // of all parameters by name, as one vector
        for (auto const& [name, part] : parts) gradient.data.insert(gradient.data.end(), part.data.begin(), part.data.end());
        return {{named_tensor("y", y.value()), named_tensor("loss", loss.value()), std::move(gradient)}, {}};
    }
};

template <class Net> Work open_training(Checkpoint const& inputs) {
    auto const training = std::make_shared<Training<Net>>(inputs);
    return {[=] { training->step(); }, [=] { return training->results(); }};
}

}  // namespace tacet::bench
