// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/reduce_axes.hpp>

// Reductions over any axes: `sum(x)` over all of them (rank 0), `sum<1, 2>(x)` over those named, which are dropped, and
// `sum<1, 2>(x, keep_dims)`, which keeps them with extent 1; negative axes count from the end. An expression is reduced as it is
// computed, without memory of its own, and computed again by the pullback. The result is a Variable where the expression holds
// one, else a Tensor. Sums are formed in double, in an order that depends on the shape alone.
namespace tacet {

/// The sum over Axes, or over all.
template <int... Axes, Expression E> auto sum(E const& e) {
    return detail::divided_sum<Axes...>(detail::handle(e), 1, detail::Reduction<E::rank, Axes...>::dropped(e.shape()));
}
template <int... Axes, Expression E> auto sum(E const& e, KeepDims) {
    return detail::divided_sum<Axes...>(detail::handle(e), 1, detail::Reduction<E::rank, Axes...>::ones(e.shape()));
}

/// The mean over Axes, or over all. Throws ShapeError when there is nothing to average.
template <int... Axes, Expression E> auto mean(E const& e) {
    return detail::checked_mean<Axes...>(detail::handle(e), detail::Reduction<E::rank, Axes...>::dropped(e.shape()));
}
template <int... Axes, Expression E> auto mean(E const& e, KeepDims) {
    return detail::checked_mean<Axes...>(detail::handle(e), detail::Reduction<E::rank, Axes...>::ones(e.shape()));
}

/// The variance over Axes, or over all: the sum of squared deviations from the mean over n - correction, in two passes. Correction 1
/// (the default, as in PyTorch) estimates the variance of what x was drawn from, 0 is that of x itself. Throws ShapeError unless
/// n > correction.
template <int... Axes, Expression E> auto var(E const& e, int correction = 1) {
    return detail::checked_variance<Axes...>(detail::handle(e), correction, detail::Reduction<E::rank, Axes...>::dropped(e.shape()));
}
template <int... Axes, Expression E> auto var(E const& e, KeepDims, int correction = 1) {
    return detail::checked_variance<Axes...>(detail::handle(e), correction, detail::Reduction<E::rank, Axes...>::ones(e.shape()));
}

/// How a device finds maxima; specialised once per device.
template <class D> struct MaxKernel {
    static_assert(sizeof(D) == 0, "max has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
    static void scatter(auto const&...) {}
};

template <> struct MaxKernel<Cpu> {
    /// For each of `count` results, placed over `shape` by `stride`: y, the first maximum (or the first NaN), and its position in
    /// row-major order.
    template <class T, int R, class E>
    static void run(T* y, Index* where, Index count, Shape<R> const& stride, Shape<R> const& shape, E const& e) {
        detail::Walk<R> const walk{shape, count == 1 && e.contiguous(shape)};
        Index const tasks = detail::PartialSums<T, R>::tasks(walk, count);
        bool const unit = walk.flat || e.unit();
        std::vector<Best<T>> best(static_cast<std::size_t>(tasks * count));
        detail::parallel_parts(walk, tasks, [&](Index task, Index begin, Index end) {
            T values[detail::Walk<R>::chunk];
            Best<T>* const own = best.data() + task * count;
            walk.run(begin, end, [&](Shape<R> const& i, Index j, Index n, Index offset) {
                detail::evaluate_run(values, walk.flat ? e.flat() : e.row(i), j, n, unit);
                Index const step = walk.flat ? 0 : stride[R - 1];
                Best<T>* const to = walk.flat ? own : own + View<T, R>{nullptr, stride}.offset(i) + j * step;
                for (Index k = 0; k < n; ++k) to[k * step].offer(values[k], offset + k);
            });
        });
        for (Index k = 0; k < count; ++k) {
            Best<T> total;
            for (Index t = 0; t < tasks; ++t) total.join(best[static_cast<std::size_t>(t * count + k)]);
            y[k] = total.value, where[k] = total.position;
        }
    }
    /// gx = 0 but for gx[where[k]] = gy[k].
    template <class T> static void scatter(T* gx, Index size, T const* gy, Index const* where, Index count) {
        parallel_ranges(size, 16384, [&](Index begin, Index end) { std::fill(gx + begin, gx + end, T(0)); });
        for (Index k = 0; k < count; ++k) gx[where[k]] = gy[k];
    }

private:
    template <class T> struct Best {
        T value = 0;
        Index position = -1;  // none yet
        void offer(T v, Index p) {
            // Larger, or the first NaN: once NaN, no comparison holds.
            if (position < 0 || v > value || (v != v && value == value)) value = v, position = p;
        }
        void join(Best const& later) { if (later.position >= 0) offer(later.value, later.position); }
    };
};

namespace detail {
template <int... Axes, class E, int Q> auto checked_max(E const& e, Shape<Q> const& shape) {
    using T = typename E::value_type;
    using D = typename E::device_type;
    using Over = Reduction<E::rank, Axes...>;
    check_shape(Over::count(e.shape()) > 0, "max: there is no maximum of no elements in ", e.shape());
    auto const walk = walkable(e.shape());
    auto const ones = walkable(Over::ones(e.shape()));
    Tensor<T, Q, D> y(shape);
    Tensor<Index, 1, D> where(Shape<1>{{shape.size()}});
    if (shape.size() > 0)
        MaxKernel<D>::run(y.data(), where.data(), shape.size(), broadcast(row_major(ones), ones, walk), walk, lower(e, walk));
    return record_on(e, std::move(y), [e, where](auto const& gy) {
        Tensor<T, E::rank, D> g(e.shape());
        if (g.size() > 0) MaxKernel<D>::scatter(g.data(), g.size(), gy.data(), where.data(), gy.size());
        pullback(e, g);
    });
}
}  // namespace detail

/// The maximum over Axes, or over all; its gradient goes to the first one in row-major order. NaN wins. Throws ShapeError when there
/// are no elements.
template <int... Axes, Expression E> auto max(E const& e) {
    return detail::checked_max<Axes...>(detail::handle(e), detail::Reduction<E::rank, Axes...>::dropped(e.shape()));
}
template <int... Axes, Expression E> auto max(E const& e, KeepDims) {
    return detail::checked_max<Axes...>(detail::handle(e), detail::Reduction<E::rank, Axes...>::ones(e.shape()));
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/reduce.cuh>
#endif
