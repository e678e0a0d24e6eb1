// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/expr/evaluator.hpp>

namespace tacet {
namespace kernel {

/// out[k] = e[k]: one thread per element; contiguous expressions need no index arithmetic.
template <class T, int R, class E> __global__ void evaluate(Index n, T* out, Shape<R> shape, E e, bool flat) {
    if (Index const k = thread_index(); k < n) out[k] = static_cast<T>(flat ? e.flat().template at<true>(k) : e.at(unravel(k, shape)));
}

}  // namespace kernel

template <> struct Evaluator<Cuda> {
    template <class T, int R, class E> static void run(T* out, Shape<R> const& shape, E const& e) {
        launch("evaluate", &kernel::evaluate<T, R, E>, shape.size(), out, shape, e, e.contiguous(shape));
    }
};

}  // namespace tacet
