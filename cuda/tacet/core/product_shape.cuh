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
/// In how many parts sums are made, so that a GPU is busy: each at least so deep, and about so many blocks of 64 x 64 together. Constants,
/// whatever the GPU has: the bits of a sum depend on its parts.
inline Index product_parts(gpu::ProductShape const& s, Index least_depth, Index blocks) {
    return std::clamp<Index>(s.k / least_depth, 1, std::max<Index>(1, blocks / std::max<Index>(s.tiles(64, 64) * s.batch, 1)));
}
/// Of long sums for small results, such as gradients of weights.
inline Index parts_of_long_sums(gpu::ProductShape const& s) { return product_parts(s, 512, 1024); }
/// Where the tiles alone would leave most multiprocessors of a large GPU (132) idle; a part takes longer than adding it.
inline Index parts_of_few_tiles(gpu::ProductShape const& s) { return product_parts(s, 128, 132); }
}  // namespace detail
}  // namespace tacet
