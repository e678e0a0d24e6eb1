// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/expr/functions.hpp>
#include <tacet/ops/conv2d.hpp>
#include <tacet/ops/layer_norm.hpp>
#include <tacet/ops/pixel_shuffle.hpp>
#include <tacet/ops/window_attention.hpp>

#include "networks.hpp"

namespace tacet::bench {

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
        {"unet_training", {[] { return unet_inputs({4, 64, 64, 3}); }, open_training<UNet>}},
        {"unet_inference", {[] { return unet_inputs({1, 512, 512, 3}); }, open_inference<UNet>}},
        {"masked_swinir_forward", {[] { return swinir_inputs<MaskedSwin>({1, 64, 64, 3}); }, open_inference<MaskedSwin>}},
        {"masked_swinir_training_1", {[] { return swinir_inputs<MaskedSwin>({1, 64, 64, 3}); }, open_training<MaskedSwin>}},
        {"masked_swinir_training_8", {[] { return swinir_inputs<MaskedSwin>({8, 64, 64, 3}); }, open_training<MaskedSwin>}},
        {"masked_swinir_photo", {[] { return swinir_inputs<MaskedSwin>({1, 1024, 1024, 3}); }, open_photo}},
        {"swinir_e180_forward", {[] { return swinir_inputs<LargeSwin>({1, 128, 128, 3}); }, open_inference<LargeSwin>}},
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
