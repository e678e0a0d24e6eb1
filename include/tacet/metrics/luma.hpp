// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/metrics/ssim.hpp>

namespace tacet {

namespace detail {
/// Y of ITU-R BT.601, 16 to 235, not rounded, of one pixel of 1 or 3 channels as 8-bit files hold it; grey counts as three equal channels.
inline double judged_luma(float const* pixel, Index channels) {
    auto const level = [&](Index c) { return static_cast<double>(judged_level(pixel[channels == 1 ? 0 : c])); };
    return (65.481 * level(0) + 128.553 * level(1) + 24.966 * level(2)) / 255 + 16;
}
inline void check_luma(Tensor<float, 3> const& image) {
    auto const& s = image.shape();
    check_shape(s[2] == 1 || s[2] == 3, "Y is made of 1 or 3 channels, not of a picture of shape ", s);
}
}  // namespace detail

/// psnr of luma alone: both pictures (H, W, 1 or 3) are rounded to levels, Y of BT.601 (MATLAB's rgb2ycbcr) is not; peak 255, without the
/// outermost `border` pixels. NaN when a picture holds NaN. Throws ShapeError when the shapes differ.
inline double psnr_y(Tensor<float, 3> const& image, Tensor<float, 3> const& reference, Index border = 0) {
    check_shape(image.shape() == reference.shape(), "cannot compare pictures of shapes ", image.shape(), " and ", reference.shape());
    detail::check_luma(image);
    auto const a = without_border(image, border), b = without_border(reference, border);
    Index const channels = a.shape()[2];
    double sum = 0;
    for (Index i = 0; i < a.size(); i += channels) {
        double const d = detail::judged_luma(a.data() + i, channels) - detail::judged_luma(b.data() + i, channels);
        sum += d * d;
    }
    return psnr_of(sum / static_cast<double>(a.size() / channels), 255);
}

/// ssim of luma alone, made as in psnr_y.
inline double ssim_y(Tensor<float, 3> const& image, Tensor<float, 3> const& reference, Index border = 0) {
    detail::check_luma(image);
    return detail::SsimPair(image, reference, border).mean([channels = image.shape()[2]](float const* x) {
        return detail::judged_luma(x, channels);
    });
}

}  // namespace tacet
