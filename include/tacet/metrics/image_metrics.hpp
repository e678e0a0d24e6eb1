// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/metrics/luma.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/metrics/ssim.hpp>
#include <string>

namespace tacet {

/// A measure of how near a picture is to its reference: higher is nearer.
struct ImageMetric {
    char const *key, *title, *unit;  ///< in files "psnr"; for people "PSNR", in "dB" or of no unit
    int digits;                      ///< after the point, for people
    double (*of)(Tensor<float, 3> const& image, Tensor<float, 3> const& reference, Index border);

    /// "PSNR (dB)", or the title alone.
    std::string label() const { return *unit ? std::string(title) + " (" + unit + ")" : title; }
};

/// The measures that programs report, of all channels and of luma.
inline constexpr ImageMetric image_metrics[] = {{"psnr", "PSNR", "dB", 3, psnr},
                                                {"ssim", "SSIM", "", 4, ssim},
                                                {"psnr_y", "PSNR of Y", "dB", 3, psnr_y},
                                                {"ssim_y", "SSIM of Y", "", 4, ssim_y}};

}  // namespace tacet
