// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/conv2d.hpp>
#include <tacet/ops/pixel_shuffle.hpp>
#include <tacet/ops/window_attention.hpp>
#include <tacet/tensor/move.hpp>

#include "work.hpp"

// Single operations, on images of type T.
namespace tacet::bench {

/// x, w, b and the gradient of the result of a convolution; the latter in type T as x.
template <class T = float> Checkpoint conv_inputs() {
    Rng rng(1);
    Shape const image{1, 256, 256, 64};
    return {{normal<T>("x", image, rng), normal("w", Shape{64, 64, 3, 3}, rng, 0.06f), normal("b", Shape{64}, rng),
             normal<T>("gy", image, rng)},
            {}};
}

/// 4096 windows of 8 x 8, shifted by 4, 6 heads of 30 channels; three quarters of the tokens are seen.
inline constexpr WindowAttentionOptions attention_options{.window = 8, .shift = 4, .heads = 6};
template <class T = float> Checkpoint window_attention_inputs() {
    Rng rng(6);
    Tensor<float, 3> const keep(Shape{4, 256, 256});
    fill_uniform(rng.stream(), 0, std::span(keep.data(), static_cast<std::size_t>(keep.size())));
    for (float& k : std::span(keep.data(), static_cast<std::size_t>(keep.size()))) k = k < 0.75f;
    return {{normal<T>("x", Shape{4, 256, 256, 540}, rng), normal("w", Shape{225, 6}, rng, 0.5f), named_tensor("keep", keep),
             normal<T>("gy", Shape{4, 256, 256, 180}, rng)},
            {}};
}
/// Which tokens are seen (N, H, W).
template <class D = Cpu> Tensor<std::uint8_t, 3, D> seen_tokens(Checkpoint const& inputs) {
    auto const keep = tensor<3>(inputs, "keep");
    Tensor<std::uint8_t, 3> const seen(keep.shape());
    std::transform(keep.data(), keep.data() + keep.size(), seen.data(), [](float k) { return k != 0; });
    return to<D>(seen);
}

inline Checkpoint one_input(auto const& shape) {
    Rng rng(4);
    return {{normal("x", shape, rng)}, {}};
}

inline Checkpoint unshuffle_inputs() { return one_input(Shape{8, 1020, 1020, 3}); }

}  // namespace tacet::bench
