// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <tacet/core/warp_reduce.cuh>

namespace tacet::gpu {

/// A candidate for a maximum, or none (position -1). The larger wins, NaN over all numbers; of equals, the one that comes first.
template <class T> struct Candidate {
    T value;
    Index position;
    __device__ bool beats(Candidate const& other) const {
        if (position < 0 || other.position < 0) return position >= 0;
        bool const nan = value != value, other_nan = other.value != other.value;
        if (nan != other_nan) return nan;
        return value > other.value || ((nan || value == other.value) && position < other.position);
    }
};
/// The winner among the lanes of a warp.
template <class T> __device__ Candidate<T> best_of_warp(Candidate<T> best) {
    for (int mask = warp::size / 2; mask > 0; mask /= 2) {
        Candidate<T> const other{warp::exchange(best.value, mask), warp::exchange(best.position, mask)};
        if (other.beats(best)) best = other;
    }
    return best;
}

}  // namespace tacet::gpu
