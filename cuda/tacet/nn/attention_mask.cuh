// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/place.cuh>
#include <tacet/nn/attention_mask.hpp>

namespace tacet {
namespace gpu {

struct DrawKeep {
    std::uint8_t* keep;  // (N, H, W, heads)
    Shape<4> shape;
    AttentionMaskKey key;
    std::uint64_t threshold;
    Index top, left;
    __device__ void operator()(Index k) const {
        Place const at(k, shape);
        auto const stream = detail::attention_stream(key, key.image + at.image);
        keep[k] = u32_at(stream, detail::attention_index(at.channel, top + at.i, left + at.j)) >= threshold;
    }
};

}  // namespace gpu

template <> struct AttentionMaskKernel<Cuda> {
    static void draw(AttentionMaskKey const& key, int percent, Tensor<std::uint8_t, 4, Cuda> const& keep, Index top, Index left) {
        launch_each("attention_keep_masks", keep.size(),
                    gpu::DrawKeep{keep.data(), keep.shape(), key, detail::percent_threshold(percent), top, left});
    }
};

}  // namespace tacet
