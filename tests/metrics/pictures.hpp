// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>
#include <algorithm>

/// The two pictures of tests/golden/metrics.py: (H, W, C) of levels / 255.
struct TestPictures {
    tacet::Tensor<float, 3> a, b;

    TestPictures(tacet::Index h, tacet::Index w, tacet::Index c) : a(tacet::Shape{h, w, c}), b(tacet::Shape{h, w, c}) {
        for (tacet::Index y = 0; y < h; ++y)
            for (tacet::Index x = 0; x < w; ++x)
                for (tacet::Index k = 0; k < c; ++k) {
                    auto const level = (x * x + 3 * y * y + x * y * (k + 1) + 50 * k) / 8 % 256;
                    auto const wrong = std::clamp<tacet::Index>(level + (x * 7 + y * 11 + k * 5) % 41 - 20, 0, 255);
                    a(y, x, k) = static_cast<float>(level) / 255;
                    b(y, x, k) = static_cast<float>(wrong) / 255;
                }
    }
};
