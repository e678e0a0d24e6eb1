// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/augment.hpp>

namespace tacet::detail {

/// The mean of make(0) to make(count - 1), added in this order.
inline Tensor<float, 3> mean_of(int count, auto&& make) {
    Tensor<float, 3> sum = make(0);
    for (int k = 1; k < count; ++k) sum += make(k);
    if (count > 1) sum /= static_cast<float>(count);
    return sum;
}

/// The mean over the eight flips and turns of the image x (H, W, C): view k goes through run(view, k), and its result is turned back.
inline Tensor<float, 3> self_ensemble(Tensor<float, 3> const& x, auto&& run) {
    return mean_of(Symmetry::count, [&](int k) {
        auto const symmetry = Symmetry::of(k);
        return transform(run(transform(x, symmetry), k), symmetry.inverse());
    });
}

}  // namespace tacet::detail
