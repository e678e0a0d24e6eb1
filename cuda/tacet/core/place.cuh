// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>

namespace tacet::gpu {

/// Where element k of images (..., W, C) stands; `row` counts the rows of all images.
struct RowPlace {
    Index row, j, channel;
    __device__ RowPlace(Index k, Index width, Index channels)
        : row(k / channels / width), j(k / channels % width), channel(k % channels) {}
};
/// Where element k of images of a shape (N, H, W, C) stands.
struct Place {
    Index image, i, j, channel;
    __device__ Place(Index k, Shape<4> const& s)
        : image(k / (s[1] * s[2] * s[3])), i(k / (s[2] * s[3]) % s[1]), j(k / s[3] % s[2]), channel(k % s[3]) {}
};

}  // namespace tacet::gpu
