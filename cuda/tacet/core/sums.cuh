// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/part_sum.cuh>
#include <tacet/core/shared_memory.cuh>
#include <algorithm>

namespace tacet {
namespace detail {

/// The terms of sums that lie within a walk over a shape: each sum takes all elements of `summed` from its place in `kept` on, where the
/// two shapes have extents of 1 where the other one walks.
template <int R> struct SumPlan {
    Shape<R> kept, summed;
    Index terms = 1;
    bool flat;  // one sum over memory without gaps

    SumPlan(Shape<R> const& shape, Shape<R> const& stride, bool contiguous) {
        for (int d = 0; d < R; ++d) {
            bool const keeps = stride[d] != 0;
            kept[d] = keeps ? shape[d] : 1, summed[d] = keeps ? 1 : shape[d];
            terms *= summed[d];
        }
        flat = contiguous && kept.size() == 1;
    }
    /// Where term t of the sum that starts at `start` stands.
    constexpr Shape<R> place(Shape<R> const& start, Index t) const {
        auto i = unravel(t, summed);
        for (int d = 0; d < R; ++d) i[d] += start[d];
        return i;
    }
    /// That term.
    template <class E> constexpr auto term(E const& e, Shape<R> const& start, Index t) const {
        return flat ? e.flat().template at<true>(t) : e.at(place(start, t));
    }
};

}  // namespace detail

namespace gpu {

constexpr int sum_threads = 256;
struct SumParts {
    double of_thread[sum_threads];
};

/// part[p][k] = the p-th part of sum k. A block has `lanes` sums side by side, whose terms its other threads share: neighbouring threads
/// read neighbouring elements, along the sums (lanes > 1) or along the terms. The order of additions depends on the shapes alone.
template <int R, class E>
__global__ void sum_parts(double* part /* (parts, count) */, Index count, Index terms_per_part, int lanes, detail::SumPlan<R> plan, E e) {
    auto& shared = shared_memory<SumParts>();
    Index const groups = detail::div_up(count, lanes), p = blockIdx.x / groups;
    int const lane = static_cast<int>(threadIdx.x) % lanes, strand = static_cast<int>(threadIdx.x) / lanes, strands = sum_threads / lanes;
    Index const k = blockIdx.x % groups * lanes + lane;
    double sum = 0;
    if (k < count) {
        auto const start = unravel(k, plan.kept);
        Index const end = std::min(plan.terms, (p + 1) * terms_per_part);
        for (Index t = p * terms_per_part + strand; t < end; t += strands) sum += static_cast<double>(plan.term(e, start, t));
    }
    shared.of_thread[threadIdx.x] = sum;
    for (int half = strands / 2; half > 0; half /= 2) {
        __syncthreads();
        if (strand < half) shared.of_thread[threadIdx.x] += shared.of_thread[threadIdx.x + static_cast<unsigned>(half * lanes)];
    }
    if (strand == 0 && k < count) part[p * count + k] = shared.of_thread[threadIdx.x];
}

}  // namespace gpu

namespace detail {

/// out[k] = the sum of the terms of e that `stride` (broadcast strides of out, 0 along what is summed) places at k; count sums in all. e
/// has at(index), contiguous(shape) and flat().at<true>(k).
template <class T, int R, class E>
void device_sums(char const* name, T* out, Index count, Shape<R> const& stride, Shape<R> const& shape, E const& e) {
    SumPlan<R> const plan(shape, stride, e.contiguous(shape));
    int const lanes = stride[R - 1] != 0 && shape[R - 1] > 1 ? 32 : 1;
    Index const groups = div_up(count, lanes), per_thread = 16, most_blocks = 1024;
    Index const by_terms = plan.terms * lanes / (per_thread * gpu::sum_threads);
    Index const parts = std::clamp<Index>(std::min(by_terms, most_blocks / std::max<Index>(groups, 1)), 1, most_blocks);
    Buffer<Cuda> const memory(parts * count, sizeof(double));
    auto* const part = static_cast<double*>(memory.data());
    launch({name, shape}, Grid{parts * groups, gpu::sum_threads, sizeof(gpu::SumParts)}, &gpu::sum_parts<R, E>, part, count,
           div_up(plan.terms, parts), lanes, plan, e);
    launch_part_sums(name, count, gpu::PartSum<T, double>{out, part, parts, count});
}

}  // namespace detail
}  // namespace tacet
