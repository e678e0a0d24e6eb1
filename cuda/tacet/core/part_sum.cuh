// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/shape.hpp>

namespace tacet::gpu {

/// out[k] = the sum of part[p][k] over p, in order and in double; the rows of `part` lie `stride` apart.
template <class T, class S> struct PartSum {
    T* out;
    S const* part;  // (parts, stride)
    Index parts, stride;
    __device__ void operator()(Index k) const {
        double sum = 0;
        for (Index p = 0; p < parts; ++p) sum += static_cast<double>(part[p * stride + k]);
        out[k] = static_cast<T>(static_cast<Wide<T>>(sum));
    }
};

}  // namespace tacet::gpu
