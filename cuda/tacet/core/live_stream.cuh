// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/live_epoch.hpp>
#include <tacet/core/random.hpp>

namespace tacet::gpu {

/// A stream as kernels draw from it: its epoch moves by what LiveEpoch says.
struct LiveStream {
    Stream stream;
    std::uint32_t const* more = LiveEpoch::current();
    __device__ Stream now() const {
        auto s = stream;
        if (more) s.epoch += *more;
        return s;
    }
};

}  // namespace tacet::gpu
