// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/live_stream.cuh>
#include <tacet/core/place.cuh>
#include <tacet/nn/attention_mask.hpp>

namespace tacet {
namespace gpu {

struct DrawKeep {
    std::uint8_t* keep;  // (N, H, W, heads)
    Shape<4> shape;
    LiveStream layer;  // that of picture 0
    PercentRange range;
    Index image, top, left;
    __device__ void operator()(Index k) const {
        Place const at(k, shape);
        Stream stream = layer.now();
        DrawShift const shift = layer.shift();
        auto const threshold = detail::percent_threshold(range.low < range.high ? percent_at(stream, 0, range) : range.low);
        stream.image += static_cast<std::uint32_t>(image + at.image);
        keep[k] = u32_at(stream, detail::attention_index(at.channel, shift.top + top + at.i, shift.left + left + at.j)) >= threshold;
    }
};

}  // namespace gpu

template <> struct AttentionMaskKernel<Cuda> {
    static void draw(AttentionMaskKey const& key, PercentRange const& range, Tensor<std::uint8_t, 4, Cuda> const& keep, Index top,
                     Index left) {
        launch_each("attention_keep_masks", keep.shape(),
                    gpu::DrawKeep{keep.data(), keep.shape(), {detail::attention_stream(key, 0)}, range, key.image, top, left});
    }
};

}  // namespace tacet
