// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/image.hpp>
#include <span>

namespace tacet {

/// Pictures (H, W, 1 or 3) side by side in rows, in colour, on white with gaps of 8 pixels: the way to compare noisy and denoised.
/// Every row is as high as its highest picture; pictures stand at the top.
inline Image montage(std::vector<std::vector<Tensor<float, 3>>> const& rows) {
    constexpr Index gap = 8;
    Index height = gap, width = 0;
    for (auto const& row : rows) {
        Index highest = 0, across = gap;
        for (auto const& picture : row) highest = std::max(highest, picture.shape()[0]), across += picture.shape()[1] + gap;
        height += highest + gap, width = std::max(width, across);
    }
    Image image;
    image.pixels = Tensor<float, 3>(Shape{height, width, Index(3)});
    image.pixels.assign(1.f);
    Index top = gap;
    for (auto const& row : rows) {
        Index left = gap, highest = 0;
        for (auto const& picture : row) {
            auto const rgb = to_rgb(picture);
            auto const [h, w, c] = rgb.shape().extent;
            for (Index i = 0; i < h; ++i) std::copy_n(rgb.data() + i * w * c, w * c, image.pixels.data() + ((top + i) * width + left) * c);
            left += w + gap, highest = std::max(highest, h);
        }
        top += highest + gap;
    }
    return image;
}

}  // namespace tacet
