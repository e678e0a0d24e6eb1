// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/live_draw.hpp>
#include <tacet/core/random.hpp>

namespace tacet::gpu {

/// A stream as kernels draw from it: moved by what LiveDraw says.
struct LiveStream {
    Stream stream;
    DrawShift const* more = LiveDraw::current();
    __device__ DrawShift shift() const { return more ? *more : DrawShift{}; }
    __device__ Stream now() const {
        auto s = stream;
        s.epoch += shift().epoch;
        return s;
    }
};

}  // namespace tacet::gpu
