// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/expr/reduce.hpp>

namespace tacet {
namespace detail {

/// The dimensions of a walk that a sum runs over, and those that it keeps, as two shapes with extents of 1 elsewhere.
template <int R> struct SumPlan {
    Shape<R> kept, summed;
    Index terms = 1;
    SumPlan(Shape<R> const& shape, Shape<R> const& stride) {
        for (int d = 0; d < R; ++d) {
            bool const keeps = stride[d] != 0;
            kept[d] = keeps ? shape[d] : 1, summed[d] = keeps ? 1 : shape[d];
            terms *= summed[d];
        }
    }
};

}  // namespace detail

namespace kernel {

/// out[k] = the sum over its terms, one thread per sum: each adds in order, in double, so that the result is the same every time.
template <class T, int R, class E>
__global__ void sum(Index n, T* out, Shape<R> kept, Shape<R> summed, Index terms, E e) {
    Index const k = thread_index();
    if (k >= n) return;
    auto const start = unravel(k, kept);
    double total = 0;
    for (Index t = 0; t < terms; ++t) {
        auto i = unravel(t, summed);
        for (int d = 0; d < R; ++d) i[d] += start[d];
        total += static_cast<double>(e.at(i));
    }
    out[k] = static_cast<T>(total);
}

}  // namespace kernel

template <> struct Reducer<Cuda> {
    template <class T, int R, class E> static void run(T* out, Index count, Shape<R> const& stride, Shape<R> const& shape, E const& e) {
        detail::SumPlan<R> const plan(shape, stride);
        launch("sum", &kernel::sum<T, R, E>, count, out, plan.kept, plan.summed, plan.terms, e);
    }
};

}  // namespace tacet
