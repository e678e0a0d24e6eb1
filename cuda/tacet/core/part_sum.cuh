// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/shape.hpp>
#include <tacet/core/warp_reduce.cuh>

namespace tacet {
namespace gpu {

/// Result k is the sum of part[p][k] over p; the rows of `part` lie `stride` apart.
template <class T, class S> struct PartSum {
    T* out;
    S const* part;  // (parts, stride)
    Index parts, stride;
    __device__ S const* first(Index k) const { return part + k; }
    __device__ void write(Index k, double sum) const { out[k] = static_cast<T>(static_cast<Wide<T>>(sum)); }
};

/// sums.write(k, the sum of sums.parts numbers from sums.first(k) on, which lie sums.stride apart), in order and in double.
template <class Sums> struct SumInOrder {
    Sums sums;
    __device__ void operator()(Index k) const {
        auto const* const first = sums.first(k);
        double sum = 0;
        for (Index p = 0; p < sums.parts; ++p) sum += static_cast<double>(first[p * sums.stride]);
        sums.write(k, sum);
    }
};
/// The same with a warp for each of `count` results: each lane adds every 32nd part, and lanes are added in pairs.
template <class Sums> __global__ void sums_of_warps(Sums sums, Index count) {
    Index const k = warp::task();
    if (k >= count) return;
    auto const* const first = sums.first(k);
    double sum = 0;
    for (Index p = warp::lane(); p < sums.parts; p += warp::size) sum += static_cast<double>(first[p * sums.stride]);
    sum = warp::sum(sum);
    if (warp::lane() == 0) sums.write(k, sum);
}

}  // namespace gpu

namespace detail {
/// Computes `count` such sums, in an order that depends on the two numbers alone. Few threads would wait for many parts, one by one.
template <class Sums> void launch_part_sums(char const* name, Index count, Sums const& sums) {
    constexpr Index busy = 16384;  // so many threads hide that from each other, and neighbours read neighbours
    if (sums.parts < warp::size || count >= busy) launch_each(name, count, gpu::SumInOrder<Sums>{sums});
    else launch_warps(name, count, &gpu::sums_of_warps<Sums>, sums, count);
}
}  // namespace detail
}  // namespace tacet
