// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/percent_range.hpp>
#include <tacet/core/shape.hpp>
#include <concepts>

namespace tacet {

/// What denoise() needs of a network: a call on (N, H, W, C), and its geometry (see Noise2NoiseUNet). Extents are padded to multiples of
/// `multiple`. `context` pixels around a tile that starts and ends at multiples of 4 `multiple` can reach its pixels, their last bits
/// included: fast convolutions widen what those depend on (a chain of 3 x 3 convolutions to twice its radius, see docs/internals.md).
/// A network of which most of the context hardly matters says by `margin`, a multiple of `multiple`, how many pixels of it do. What it does
/// depends on its parameters, on x and on what kernels draw: on a GPU it may be recorded for one tile and repeated for others.
template <class M> concept DenoisingNetwork = requires(M const& m) {
    { m.multiple } -> std::convertible_to<Index>;
    { m.context } -> std::convertible_to<Index>;
    { M::offset } -> std::convertible_to<float>;
    { m.in_channels() } -> std::convertible_to<Index>;
    { m.floats_per_pixel() } -> std::convertible_to<Index>;
};

/// A network with attention masks, or one that could have them: its call takes draws (see SwinDraws).
template <class M> concept MaskingNetwork = DenoisingNetwork<M> && requires(M const& m) {
    { m.takes_masks() } -> std::convertible_to<bool>;
    { m.own_mask() } -> std::convertible_to<PercentRange>;
    m.draws.percent;
};

}  // namespace tacet
