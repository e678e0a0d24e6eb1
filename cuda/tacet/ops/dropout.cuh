// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/live_stream.cuh>
#include <tacet/ops/dropout.hpp>

namespace tacet {
namespace gpu {

template <class T> struct Dropout {
    T* y;
    T const* x;
    LiveStream stream;
    std::uint64_t position;
    float p;
    Wide<T> scale;
    __device__ void operator()(Index k) const {
        y[k] = uniform_at(stream.now(), position + static_cast<std::uint64_t>(k)) >= p ? static_cast<T>(x[k] * scale) : T(0);
    }
};

}  // namespace gpu

template <> struct DropoutKernel<Cuda> {
    template <class T> static void run(T* y, T const* x, Index n, Stream const& stream, std::uint64_t position, float p) {
        auto const scale = static_cast<Wide<T>>(p < 1 ? 1 / (1 - static_cast<double>(p)) : 0);
        launch_each("dropout", n, gpu::Dropout<T>{y, x, {stream}, position, p, scale});
    }
};

}  // namespace tacet
