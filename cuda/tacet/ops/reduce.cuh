// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/candidate.cuh>
#include <tacet/core/sums.cuh>
#include <tacet/ops/reduce.hpp>

namespace tacet {
namespace gpu {

/// part[p][k] = the winner in the p-th part of the terms of result k; a warp for each.
template <class T, int R, class E>
__global__ void max_parts(Candidate<Wide<T>>* part /* (parts, count) */, Index parts, Index count, Index terms_per_part,
                          detail::SumPlan<R> plan, Shape<R> shape, E e) {
    Index const task = warp::task();
    if (task >= parts * count) return;
    auto const start = unravel(task % count, plan.kept);
    Index const begin = task / count * terms_per_part, end = std::min(plan.terms, begin + terms_per_part);
    Candidate<Wide<T>> best{0, -1};
    for (Index t = begin + warp::lane(); t < end; t += warp::size) {
        auto const i = plan.place(start, t);
        Candidate<Wide<T>> const next{static_cast<Wide<T>>(e.at(i)), View<T, R>{nullptr, row_major(shape)}.offset(i)};
        if (next.beats(best)) best = next;
    }
    best = best_of_warp(best);
    if (warp::lane() == 0) part[task] = best;
}

template <class T> struct JoinCandidates {
    T* y;
    Index* where;
    Candidate<Wide<T>> const* part;  // (parts, count)
    Index parts, count;
    __device__ void operator()(Index k) const {
        auto best = part[k];
        for (Index p = 1; p < parts; ++p)
            if (part[p * count + k].beats(best)) best = part[p * count + k];
        y[k] = static_cast<T>(best.value), where[k] = best.position;
    }
};

template <class T> struct Fill {
    T* y;
    T value;
    __device__ void operator()(Index k) const { y[k] = value; }
};
template <class T> struct Scatter {
    T* gx;
    T const* gy;
    Index const* where;
    __device__ void operator()(Index k) const { gx[where[k]] = gy[k]; }
};

}  // namespace gpu

template <> struct MaxKernel<Cuda> {
    template <class T, int R, class E>
    static void run(T* y, Index* where, Index count, Shape<R> const& stride, Shape<R> const& shape, E const& e) {
        detail::SumPlan<R> const plan(shape, stride, false);
        Index const parts = std::clamp<Index>(plan.terms / 4096, 1, 1024);
        Buffer<Cuda> const memory(parts * count, sizeof(gpu::Candidate<Wide<T>>));
        auto* const part = static_cast<gpu::Candidate<Wide<T>>*>(memory.data());
        launch_warps({"max", shape}, parts * count, &gpu::max_parts<T, R, E>, part, parts, count, detail::div_up(plan.terms, parts), plan,
                     shape, e);
        launch_each("max", count, gpu::JoinCandidates<T>{y, where, part, parts, count});
    }
    template <class T> static void scatter(T* gx, Index size, T const* gy, Index const* where, Index count) {
        launch_each("max_backward", size, gpu::Fill<T>{gx, T(0)});
        launch_each("max_backward", count, gpu::Scatter<T>{gx, gy, where});
    }
};

}  // namespace tacet
