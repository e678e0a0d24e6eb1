// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/metrics/levels.hpp>
#include <tacet/tensor/tensor.hpp>
#include <algorithm>
#include <cmath>
#include <limits>

namespace tacet {

/// The picture (H, W, C) without its outermost `border` pixels on each side. Throws ShapeError when nothing would be left.
inline Tensor<float, 3> without_border(Tensor<float, 3> const& image, Index border) {
    auto const& s = image.shape();
    bool const fits = border >= 0 && s[0] > 2 * border && s[1] > 2 * border;
    check_shape(fits, "a border of ", border, " pixels does not fit in a picture of shape ", s);
    if (border == 0) return image;
    auto const stride = row_major(s);
    float* const start = image.data() + border * (stride[0] + stride[1]);
    return Tensor<float, 3>::over(start, Shape<3>{{s[0] - 2 * border, s[1] - 2 * border, s[2]}}, stride);
}

namespace detail {
/// The mean of (f(a) - f(b))^2 over all elements.
template <int R> double mean_square_of(Tensor<float, R> const& a, Tensor<float, R> const& b, auto&& f) {
    check_shape(a.shape() == b.shape() && a.size() > 0, "cannot compare pictures of shapes ", a.shape(), " and ", b.shape());
    double sum = 0;
    for (Index i = 0; i < a.size(); ++i) {
        double const d = static_cast<double>(f(a.data()[i])) - static_cast<double>(f(b.data()[i]));
        sum += d * d;
    }
    return sum / static_cast<double>(a.size());
}
}  // namespace detail

/// The mean of (a - b)^2 over all elements, accumulated in double. Throws ShapeError when the shapes differ.
template <int R> double mean_squared_error(Tensor<float, R> const& a, Tensor<float, R> const& b) {
    return detail::mean_square_of(a, b, [](float x) { return x; });
}

/// 10 log10(peak^2 / mse) in decibels; infinity for an mse of 0.
inline double psnr_of(double mse, double peak) {
    return mse == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(peak * peak / mse);
}

/// Peak signal-to-noise ratio in dB of pictures as 8-bit files hold them: both clamped to [0, 1], rounded to levels (ties to even), all
/// channels, peak 255. NaN when a picture holds NaN. Throws ShapeError when the shapes differ.
template <int R> double psnr(Tensor<float, R> const& image, Tensor<float, R> const& reference) {
    return psnr_of(detail::mean_square_of(image, reference, [](float x) { return judged_level(x); }), 255);
}
/// The same for (H, W, C) without the outermost `border` pixels.
inline double psnr(Tensor<float, 3> const& image, Tensor<float, 3> const& reference, Index border) {
    return psnr(without_border(image, border), without_border(reference, border));
}

/// Peak signal-to-noise ratio in dB of the float values as they are, neither clamped nor rounded; peak 1.
template <int R> double psnr_float(Tensor<float, R> const& image, Tensor<float, R> const& reference) {
    return psnr_of(mean_squared_error(image, reference), 1);
}

}  // namespace tacet
