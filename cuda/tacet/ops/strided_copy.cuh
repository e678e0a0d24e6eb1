// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/ops/strided_copy.hpp>

namespace tacet {
namespace gpu {

template <class T, int R> struct CopyStrided {
    View<T, R> to;
    View<T const, R> from;
    Shape<R> shape;
    __device__ void operator()(Index k) const {
        auto const i = unravel(k, shape);
        to.at(i) = static_cast<T>(from.at(i));
    }
};

}  // namespace gpu

template <> struct StridedCopy<Cuda> {
    template <class T, int R> static void run(View<T, R> to, View<T const, R> from, Shape<R> shape) {
        launch_each("strided_copy", shape, gpu::CopyStrided<T, R>{to, from, shape});
    }
};

}  // namespace tacet
