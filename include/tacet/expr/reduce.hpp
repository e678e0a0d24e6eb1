// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/expr/evaluator.hpp>
#include <vector>

namespace tacet {

namespace detail {

/// Sums over a walk onto memory that repeats along the walk (strides 0): each task adds into an array of its own, in double,
/// and the arrays are added in order. The result does not depend on the number of threads.
template <class T, int R> class PartialSums {
public:
    /// `stride` places the sums (`count` of them) over the walk's shape; 0 along the dimensions that are summed.
    PartialSums(Walk<R> const& walk, Shape<R> stride, Index count, Index tasks)
        : walk_(walk), stride_(stride), count_(count), sums_(static_cast<std::size_t>(count * tasks)) {
        if (walk.flat) stride_ = Shape<R>{}, stride_[R - 1] = count == 1 ? 0 : 1;
    }
    /// Adds `values` (n of them), which belong to the walk's elements from (i, j) on, to the sums of `task`.
    void add(Index task, Shape<R> const& i, Index j, T const* values, Index n) {
        Index const step = stride_[R - 1];
        double* to = sums_.data() + task * count_ + View<double, R>{nullptr, stride_}.offset(i) + j * step;
        if (step == 0) *to += run_sum(values, n);
        else
            for (Index k = 0; k < n; ++k) to[k * step] += static_cast<double>(values[k]);
    }
    /// Writes the totals.
    void finish(auto* out) const {
        Index const tasks = static_cast<Index>(sums_.size()) / std::max<Index>(count_, 1);
        for (Index k = 0; k < count_; ++k) {
            double total = 0;
            for (Index t = 0; t < tasks; ++t) total += sums_[static_cast<std::size_t>(t * count_ + k)];
            out[k] = static_cast<std::remove_pointer_t<decltype(out)>>(static_cast<Wide<T>>(total));
        }
    }
    /// The number of tasks for a problem: enough to share the work, few enough that the arrays stay small beside the data.
    static Index tasks(Walk<R> const& walk, Index count) {
        Index const by_work = walk.chunks() / chunks_per_task(walk), by_memory = walk.shape.size() / std::max<Index>(8 * count, 1);
        return std::clamp<Index>(std::min(by_work, by_memory), 1, 64);
    }

private:
    static double run_sum(T const* v, Index n) {
        double lane[8] = {};  // independent sums, so that the loop can be vectorised in a fixed order
        Index k = 0;
        for (; k + 8 <= n; k += 8)
            for (int l = 0; l < 8; ++l) lane[l] += static_cast<double>(v[k + l]);
        for (; k < n; ++k) lane[0] += static_cast<double>(v[k]);
        return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }

    Walk<R> walk_;
    Shape<R> stride_;
    Index count_;
    std::vector<double> sums_;
};

/// Calls body(task, first chunk, last chunk) for `tasks` even parts of a walk, in parallel.
template <int R> void parallel_parts(Walk<R> const& walk, Index tasks, auto&& body) {
    Index const chunks = walk.chunks();
    parallel_for(tasks, [&](Index task) { body(task, chunks * task / tasks, chunks * (task + 1) / tasks); });
}

}  // namespace detail

/// How a device sums; specialised once per device.
template <class D> struct Reducer {
    static_assert(sizeof(D) == 0, "this device cannot reduce expressions here: Cuda needs nvcc, compile this file as .cu");
    static void run(auto const&...) {}
};

template <> struct Reducer<Cpu> {
    /// out[k] = the sum of e over all elements of `shape` that `stride` (broadcast strides of out) maps to k; count sums in all.
    template <class T, int R, class E> static void run(T* out, Index count, Shape<R> const& stride, Shape<R> const& shape, E const& e) {
        detail::Walk<R> const walk{shape, count == 1 && e.contiguous(shape)};
        Index const tasks = detail::PartialSums<Wide<T>, R>::tasks(walk, count);
        detail::PartialSums<Wide<T>, R> sums(walk, stride, count, tasks);
        bool const unit = walk.flat || e.unit();
        if (shape.size() > 0)
            detail::parallel_parts(walk, tasks, [&](Index task, Index begin, Index end) {
                Wide<T> values[detail::Walk<R>::chunk];
                walk.run(begin, end, [&](Shape<R> const& i, Index j, Index n, Index) {
                    detail::evaluate_run(values, walk.flat ? e.flat() : e.row(i), j, n, unit);
                    sums.add(task, i, j, values, n);
                });
            });
        sums.finish(out);
    }
};

/// out = e summed over the dimensions along which `out` has extent 1 (or which it lacks, at the left).
template <class Out, Expression E> void sum_into(Out const& out, E const& e) {
    auto const shape = detail::walkable(e.shape());
    auto const stride = broadcast(row_major(out.shape()), out.shape(), shape);
    Reducer<typename Out::device_type>::run(out.data(), out.shape().size(), stride, shape, lower(e, shape));
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/expr/reduce.cuh>
#endif
