// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>
#include <cmath>

namespace tacet {

/// The 8-bit level that a value of [0, 1] is stored as: clamped, 255 x rounded to the nearest, ties to even. NaN becomes 0.
inline float level_of(float x) {
    float const clamped = x >= 0 ? (x < 1 ? x : 1.f) : 0.f;
    float const scaled = std::fma(clamped, 255.f, 0.f);  // a product that is rounded before the sum, on every machine
    return scaled + 0x1p23f - 0x1p23f;                   // in [2^23, 2^24) floats are the whole numbers
}

/// The same for judging: NaN, which no file of levels can hold, stays NaN, so that a picture with NaN gets no figure.
inline float judged_level(float x) { return std::isnan(x) ? x : level_of(x); }

/// The image as it looks after being stored in 8 bits: every value becomes level / 255.
template <int R> Tensor<float, R> quantise_8bit(Tensor<float, R> const& image) {
    Tensor<float, R> out(image.shape());
    for (Index i = 0; i < image.size(); ++i) out.data()[i] = level_of(image.data()[i]) / 255;
    return out;
}

}  // namespace tacet
