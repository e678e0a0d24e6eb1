// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/percent_range.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/tensor/tensor.hpp>
#include <algorithm>
#include <limits>

namespace tacet {

/// Which tokens attention sees (Chen et al., Masked image training, 2023): names the mask of one layer in one pass of the network.
struct AttentionMaskKey {
    std::uint64_t seed = 0;
    std::uint32_t draw = 0;   ///< the pass: a training step, or the number of a draw that is averaged
    int layer = 0;            ///< 0 to 65535, counted through the network
    Index image = 0;          ///< number of the batch's first picture: a part of a batch gets its part of the masks

    constexpr bool operator==(AttentionMaskKey const&) const = default;
};

namespace detail {

/// Positions of a picture's mask have 20 bits each, heads 8, pictures and layers 16.
inline constexpr int mask_position_bits = 20;

constexpr Stream attention_stream(AttentionMaskKey const& key, Index image) {
    return Stream{.seed = key.seed,
                  .purpose = Purpose::attention_mask,
                  .image = static_cast<std::uint32_t>(key.layer) << 16 | static_cast<std::uint32_t>(image),
                  .epoch = key.draw};
}
/// The index of the word that decides about the token of head `head` at (y, x): four neighbours in x share a block.
constexpr std::uint64_t attention_index(Index head, Index y, Index x) {
    auto const wide = [](Index i) { return static_cast<std::uint64_t>(i); };
    return (wide(head) << mask_position_bits | wide(y)) << mask_position_bits | wide(x);
}

/// Throws ShapeError for a tile (N, H, W, ...) that lies where masks have no positions.
inline void check_mask_place(Shape<4> const& s, Index top, Index left) {
    constexpr Index positions = Index(1) << mask_position_bits;
    bool const fits = top >= 0 && left >= 0 && top + s[1] <= positions && left + s[2] <= positions;
    check_shape(fits, "attention mask: a tile of shape ", s, " at (", top, ", ", left, ") reaches beyond ", positions, " pixels");
}
inline void check_attention_mask(AttentionMaskKey const& key, PercentRange const& range, Shape<4> const& s, Index top, Index left) {
    check_percent(range, "attention mask");
    check(key.layer >= 0 && key.layer < 65536, "attention mask: layer ", key.layer, " is not between 0 and 65535");
    check_shape(key.image >= 0 && key.image + s[0] <= 65536, "attention mask: picture ", key.image, " of a batch of shape ", s);
    check_shape(s[3] >= 1 && s[3] <= 256, "attention mask: ", s[3], " heads");
    check_mask_place(s, top, left);
}

/// Writes rows [begin, end) of keep (N, heads, H) x (W) into memory (N, H, W, heads): 64 blocks of four words at a time, a lane each.
/// (A template on the instruction set, so that units compiled for different ones do not share it.)
template <class I = instruction_set::Native>
void draw_keep_rows(AttentionMaskKey const& key, int percent, Shape<4> const& s, Index top, Index left, std::uint8_t* keep, Index begin,
                    Index end) {
    constexpr Index lanes = 64;
    alignas(64) std::uint32_t word[4][lanes] = {};
    std::uint8_t* row_of[lanes];
    Index at[lanes];
    auto const [batch, height, width, heads] = s.extent;
    std::uint64_t const threshold = percent_threshold(percent);
    Index const first = left / 4, blocks = (left + width - 1) / 4 - first + 1;  // of a row
    auto const key0 = static_cast<std::uint32_t>(key.seed), key1 = static_cast<std::uint32_t>(key.seed >> 32);
    for (Index k = begin * blocks; k < end * blocks; k += lanes) {
        Index const count = std::min(lanes, end * blocks - k);
        for (Index l = 0; l < count; ++l) {
            Index const row = (k + l) / blocks, x = 4 * (first + (k + l) % blocks);
            Index const y = row % height, head = row / height % heads, n = row / height / heads;
            Stream const stream = attention_stream(key, key.image + n);
            std::uint64_t const block = attention_index(head, top + y, x) / 4;
            word[0][l] = static_cast<std::uint32_t>(block), word[1][l] = name_word(stream, Draw::words, block);
            word[2][l] = stream.image, word[3][l] = stream.epoch;
            row_of[l] = keep + (n * height + y) * width * heads + head;
            at[l] = x - left;
        }
        for (Index l = 0; l < lanes; ++l) {
            PhiloxBlock const b = philox4x32(PhiloxBlock{{word[0][l], word[1][l], word[2][l], word[3][l]}}, key0, key1);
            for (int j = 0; j < 4; ++j) word[j][l] = b.word[j];
        }
        for (Index l = 0; l < count; ++l)
            for (Index j = std::max<Index>(0, -at[l]); j < std::min<Index>(4, width - at[l]); ++j)
                row_of[l][(at[l] + j) * heads] = word[j][l] >= threshold;
    }
}

}  // namespace detail

/// The percentage of tokens that the layer hides in this pass: drawn once for all pictures, tiles and heads. Throws Error for a range
/// that is empty or not within 0 to 100.
inline int attention_mask_percent(AttentionMaskKey const& key, PercentRange const& range) {
    check_percent(range, "attention mask");
    return percent_at(detail::attention_stream(key, 0), 0, range);
}

/// Device half of attention_keep_masks: draws keep (N, H, W, heads), not empty.
template <class D> struct AttentionMaskKernel {
    static_assert(sizeof(D) == 0, "attention_keep_masks has no kernels for this device here: compile this file as .cu");
    static void draw(auto const&...) {}
};

template <> struct AttentionMaskKernel<Cpu> {
    static void draw(AttentionMaskKey const& key, PercentRange const& range, Tensor<std::uint8_t, 4> const& keep, Index top, Index left) {
        auto const& s = keep.shape();
        int const percent = attention_mask_percent(key, range);
        Index const grain = std::max<Index>(1, 8192 / s[2]);
        parallel_ranges(s[0] * s[1] * s[3], grain, [&](Index begin, Index end) {
            detail::draw_keep_rows(key, percent, s, top, left, keep.data(), begin, end);
        });
    }
};

/// The keep mask (N, H, W, heads) of a layer, 1 for tokens that attention sees and 0 for hidden ones: each head hides its own tokens, each
/// independently with the probability attention_mask_percent. A token's fate depends on the key, its picture, head and position alone:
/// the tile whose first pixel is (top, left) of a picture gets that part of the picture's mask. Throws Error or ShapeError beyond
/// 2^20 pixels, 256 heads or 65536 pictures.
template <Device D = Cpu>
Tensor<std::uint8_t, 4, D> attention_keep_masks(AttentionMaskKey const& key, PercentRange const& range, Shape<4> const& shape,
                                                Index top = 0, Index left = 0) {
    detail::check_attention_mask(key, range, shape, top, left);
    Tensor<std::uint8_t, 4, D> keep(shape);
    if (shape.size() > 0) AttentionMaskKernel<D>::draw(key, range, keep, top, left);
    return keep;
}

/// The keep mask (N, H, W) that all heads share: that of the first head of attention_keep_masks.
template <Device D = Cpu>
Tensor<std::uint8_t, 3, D> attention_keep_mask(AttentionMaskKey const& key, PercentRange const& range, Shape<3> const& shape,
                                               Index top = 0, Index left = 0) {
    return attention_keep_masks<D>(key, range, Shape{shape[0], shape[1], shape[2], Index(1)}, top, left).reshape(shape);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/nn/attention_mask.cuh>
#endif
