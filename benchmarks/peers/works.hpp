// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoise.hpp>
#include <tacet/ops/layer_norm.hpp>

#include "networks.hpp"
#include "operations.hpp"

// The works of the CPU.
namespace tacet::bench {

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

inline Work open_window_attention(Checkpoint const& inputs, bool training) {
    Leaf<4> const x(inputs, "x", training);
    Leaf<2> const w(inputs, "w", training);
    auto const keep = seen_tokens(inputs);
    auto const forward = [=] { return window_attention(x.x, w.x, attention_options, keep); };
    return training ? train_work(forward, tensor<4>(inputs, "gy"), x, w) : forward_work(forward);
}

/// The picture within 1 GB, of which the process and its inputs leave these 900 MB.
inline Work open_photo(Checkpoint const& inputs) {
    auto const net = std::make_shared<Loaded<MaskedSwin<>>>(inputs);
    Shape const shape = net->x.shape();
    auto const image = net->x.value().reshape(Shape{shape[1], shape[2], shape[3]});
    return {[=] { denoise(net->model, image, {.max_memory = 900'000'000}); }, [] { return Checkpoint{}; }};
}

/// All works by name; peers.py knows which row of the table uses which.
inline std::map<std::string, WorkKind> const& works() {
    static std::map<std::string, WorkKind> const all{
        {"conv_forward", {conv_inputs<>, [](auto const& in) { return open_conv(in, false); }}},
        {"conv_training", {conv_inputs<>, [](auto const& in) { return open_conv(in, true); }}},
        {"unet_training", {[] { return unet_inputs({4, 64, 64, 3}); }, open_training<UNet<>>}},
        {"unet_inference", {[] { return unet_inputs({1, 512, 512, 3}); }, open_inference<UNet<>>}},
        {"masked_swinir_forward", {[] { return swinir_inputs<MaskedSwin<>>({1, 64, 64, 3}); }, open_inference<MaskedSwin<>>}},
        {"masked_swinir_training_1", {[] { return swinir_inputs<MaskedSwin<>>({1, 64, 64, 3}); }, open_training<MaskedSwin<>>}},
        {"masked_swinir_training_8", {[] { return swinir_inputs<MaskedSwin<>>({8, 64, 64, 3}); }, open_training<MaskedSwin<>>}},
        {"masked_swinir_photo", {[] { return swinir_inputs<MaskedSwin<>>({1, 1024, 1024, 3}); }, open_photo}},
        {"swinir_e180_forward", {[] { return swinir_inputs<LargeSwin<>>({1, 128, 128, 3}); }, open_inference<LargeSwin<>>}},
        {"fused_training", {fused_inputs, open_fused}},
        {"window_attention_forward", {window_attention_inputs<>, [](auto const& in) { return open_window_attention(in, false); }}},
        {"window_attention_training", {window_attention_inputs<>, [](auto const& in) { return open_window_attention(in, true); }}},
        {"pixel_unshuffle",
         {unshuffle_inputs,
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
