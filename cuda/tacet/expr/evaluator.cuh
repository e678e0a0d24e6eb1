// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/expr/evaluator.hpp>

namespace tacet {
namespace gpu {

/// out[k] = e[k]; contiguous expressions need no index arithmetic.
template <class T, int R, class E> struct Evaluate {
    T* out;
    Shape<R> shape;
    E e;
    bool flat;
    __device__ void operator()(Index k) const { out[k] = static_cast<T>(flat ? e.flat().template at<true>(k) : e.at(unravel(k, shape))); }
};

}  // namespace gpu

template <> struct Evaluator<Cuda> {
    template <class T, int R, class E> static void run(T* out, Shape<R> const& shape, E const& e) {
        launch_each("evaluate", shape, gpu::Evaluate<T, R, E>{out, shape, e, e.contiguous(shape)});
    }
};

}  // namespace tacet
