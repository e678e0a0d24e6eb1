// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/shape.hpp>

namespace tacet::gpu {

/// The sum of as many numbers, which lie `stride` apart: in order and in double.
template <class S> __device__ double sum_of_parts(S const* first, Index parts, Index stride) {
    double sum = 0;
    for (Index p = 0; p < parts; ++p) sum += static_cast<double>(first[p * stride]);
    return sum;
}
/// out[k] = the sum of part[p][k] over p; the rows of `part` lie `stride` apart.
template <class T, class S> struct PartSum {
    T* out;
    S const* part;  // (parts, stride)
    Index parts, stride;
    __device__ void operator()(Index k) const {
        out[k] = static_cast<T>(static_cast<Wide<T>>(sum_of_parts(part + k, parts, stride)));
    }
};

}  // namespace tacet::gpu
