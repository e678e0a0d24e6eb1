// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/feather.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace tacet::test {

/// How visible the vertical borders of tiles are in tiled - whole (H, W, C): the energy of the steps across the worst border of a core or
/// a reach, relative to that of the worst column of all. 1 where a border is the worst column.
inline double seam_energy(Tensor<float, 3> const& tiled, Tensor<float, 3> const& whole, Tiling const& tiling) {
    auto const [h, w, c] = whole.shape().extent;
    auto const difference = [&](Index i, Index j, Index k) { return double(tiled(i, j, k)) - double(whole(i, j, k)); };
    std::vector<double> steps(static_cast<std::size_t>(w));
    for (Index i = 0; i < h; ++i)
        for (Index j = 1; j < w; ++j)
            for (Index k = 0; k < c; ++k) {
                double const step = difference(i, j, k) - difference(i, j - 1, k);
                steps[static_cast<std::size_t>(j)] += step * step;
            }
    double worst = 0;
    for (auto const& [core, reach] : tiling.tiles)
        for (Index const border : {core.left, reach.left, core.left + core.width, reach.left + reach.width})
            if (border > 0 && border < w) worst = std::max(worst, steps[static_cast<std::size_t>(border)]);
    return worst / *std::max_element(steps.begin(), steps.end());
}

/// The largest absolute difference of two pictures of the same shape.
inline double largest_difference(Tensor<float, 3> const& a, Tensor<float, 3> const& b) {
    double worst = 0;
    for (Index k = 0; k < a.size(); ++k) worst = std::max(worst, std::abs(double(a.data()[k]) - double(b.data()[k])));
    return a.shape() == b.shape() ? worst : std::numeric_limits<double>::infinity();
}

}  // namespace tacet::test
