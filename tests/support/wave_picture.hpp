// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>
#include <cmath>

namespace tacet::test {

/// The input of the known answers of networks: a picture (N, H, W, C) of waves, which every language draws the same way.
inline Tensor<double, 4> wave_picture(Shape<4> const& shape) {
    Tensor<double, 4> x(shape);
    for (Index b = 0; b < shape[0]; ++b)
        for (Index i = 0; i < shape[1]; ++i)
            for (Index j = 0; j < shape[2]; ++j)
                for (Index c = 0; c < shape[3]; ++c)
                    x(b, i, j, c) = 0.5 + 0.4 * std::sin(0.37 * double(i) + 0.61 * double(j) + 1.3 * double(c) + 0.9 * double(b));
    return x;
}

}  // namespace tacet::test
