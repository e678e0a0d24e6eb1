// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <algorithm>

namespace tacet {
namespace gpu {

/// A matrix product (m, k) times (k, n) for each of `batch`; each sum over k in `parts`, of which the p-th of product z is product
/// z * parts + p of the results.
struct ProductShape {
    Index m, n, k, batch = 1, parts = 1;
    /// How many tiles of so many rows and columns a product has.
    constexpr Index tiles(Index rows, Index columns) const { return detail::div_up(m, rows) * detail::div_up(n, columns); }
    /// How deep a part is, in whole steps.
    constexpr Index depth_of_part(Index step) const { return detail::round_up(detail::div_up(k, parts), step); }
};

}  // namespace gpu

namespace detail {
/// In how many parts a long sum is made, so that a GPU is busy: each at least 512 deep, and all blocks of 64 x 64 together about a
/// thousand.
inline Index product_parts(gpu::ProductShape const& s) {
    return std::clamp<Index>(s.k / 512, 1, std::max<Index>(1, 1024 / std::max<Index>(s.tiles(64, 64) * s.batch, 1)));
}
/// In how many parts sums are made where the tiles of a product alone would leave most of a GPU idle: each at least 128 deep, so that a
/// part takes longer than adding it, and all blocks together about as many as a large GPU has multiprocessors.
inline Index parts_of_few_tiles(gpu::ProductShape const& s) {
    return std::clamp<Index>(s.k / 128, 1, std::max<Index>(1, 132 / std::max<Index>(s.tiles(64, 64) * s.batch, 1)));
}
}  // namespace detail
}  // namespace tacet
