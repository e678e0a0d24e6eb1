// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/percent_range.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/tensor/tensor.hpp>
#include <algorithm>
#include <array>
#include <vector>

namespace tacet {

/// What the pixels that mask_input hides become: a value that no picture has, which tells hidden from black.
inline constexpr float masked_value = -0.1f;

/// The pictures (N, H, W, C) or (H, W, C) with hidden pixels, which are masked_value in all channels: each pixel independently, with a
/// probability that is a whole percentage of the range, drawn for each picture. Noise is added before. Per picture, takes one draw of rng
/// for the percentage, then one per pixel; the same for any number of threads. Throws Error for a range not within 0 to 100.
/// Source: Chen et al., Masked image training for generalizable deep image denoising, 2023.
template <int R> requires(R == 3 || R == 4)
Tensor<float, R> mask_input(Tensor<float, R> const& images, PercentRange const& range, Rng& rng) {
    check_percent(range, "input mask");
    auto const& s = images.shape();
    Index const channels = s[R - 1], pixels = s[R - 3] * s[R - 2], count = R == 4 ? s[0] : 1;
    Tensor<float, R> masked(s);
    for (Index n = 0; n < count; ++n) {
        float const probability = static_cast<float>(percent_at(rng.stream(), rng.position(), range)) / 100;
        auto const first = rng.position() + 1;
        float const* const x = images.data() + n * pixels * channels;
        float* const y = masked.data() + n * pixels * channels;
        parallel_ranges(pixels, 8192, [&](Index begin, Index end) {
            std::vector<float> drawn(static_cast<std::size_t>(end - begin));
            fill_uniform(rng.stream(), first + static_cast<std::uint64_t>(begin), drawn);
            for (Index i = begin; i < end; ++i) {
                bool const hidden = drawn[static_cast<std::size_t>(i - begin)] < probability;
                for (Index c = 0; c < channels; ++c) y[i * channels + c] = hidden ? masked_value : x[i * channels + c];
            }
        });
        rng.set_position(first + static_cast<std::uint64_t>(pixels));
    }
    return masked;
}

/// For a generator made on the spot: mask_input(image, range, Rng(seed, Purpose::mask, image_number, epoch)).
template <int R> Tensor<float, R> mask_input(Tensor<float, R> const& images, PercentRange const& range, Rng&& rng) {
    return mask_input(images, range, rng);
}

}  // namespace tacet
