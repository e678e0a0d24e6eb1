// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/expr/expression.hpp>
#include <algorithm>

#ifdef __clang__  // loops that cannot be vectorised, such as those over std::pow, are no reason to warn
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

namespace tacet {

/// How a device runs `out = e`; specialised once per device.
template <class D> struct Evaluator {
    static_assert(sizeof(D) == 0, "this device cannot evaluate expressions here: Cuda needs nvcc, compile this file as .cu");
    static void run(auto const&...) {}
};

namespace detail {

/// Rank-0 results are walked as one element of rank 1: every walk has a last dimension.
template <int R> constexpr Shape<R ? R : 1> walkable(Shape<R> const& shape) {
    if constexpr (R == 0) return Shape<1>{{1}};
    else return shape;
}

/// A row-major walk over a shape in chunks of neighbouring elements. Flat walks see one long row.
template <int R> struct Walk {
    static constexpr Index chunk = 512;  // a few arrays of this length fit into the first-level cache

    Shape<R> shape;
    bool flat;

    Index length() const { return flat ? shape.size() : shape[R - 1]; }
    Index rows() const { return flat ? 1 : shape.size() / std::max<Index>(length(), 1); }
    Index chunks_per_row() const { return (length() + chunk - 1) / chunk; }
    Index chunks() const { return rows() * chunks_per_row(); }

    /// Calls body(index of the row's start, first element within the row, count, linear offset) for chunks [begin, end).
    void run(Index begin, Index end, auto&& body) const {
        Index const per_row = chunks_per_row(), n = length();
        Index row = begin / per_row, c = begin % per_row;
        Shape<R> i = start(row);
        for (Index k = begin; k < end; ++k) {
            Index const j = c * chunk;
            body(i, j, std::min(chunk, n - j), row * n + j);
            if (++c == per_row) c = 0, ++row, advance(i);
        }
    }

private:
    Shape<R> outer() const {
        Shape<R> s = shape;
        s[R - 1] = 1;
        return s;
    }
    Shape<R> start(Index row) const { return flat ? Shape<R>{} : unravel(row, outer()); }
    void advance(Shape<R>& i) const {
        for (int d = R - 1; d-- > 0;) {
            if (++i[d] < shape[d]) return;
            i[d] = 0;
        }
    }
};

/// How many chunks one task takes: enough work to be worth a task, and a function of the problem only.
template <int R> Index chunks_per_task(Walk<R> const& walk) {
    Index const elements = std::min(walk.length(), Walk<R>::chunk);
    return std::max<Index>(1, 16384 / std::max<Index>(elements, 1));
}

/// out[k] = e[j + k] for k < n. An iteration may read out[k] but no other element of out: the vectoriser is told so. Flattened, because
/// in a large unit the compiler would stop inlining; the row by value, because what is read through a pointer is not hoisted.
template <bool Unit, class T, class E> [[gnu::flatten]] void evaluate_run(T* out, E row, Index j, Index n) {
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
    for (Index k = 0; k < n; ++k) out[k] = static_cast<T>(row.template at<Unit>(j + k));
}
template <class T, class E> void evaluate_run(T* out, E const& row, Index j, Index n, bool unit) {
    if (unit) evaluate_run<true>(out, row, j, n);
    else evaluate_run<false>(out, row, j, n);
}

}  // namespace detail

template <> struct Evaluator<Cpu> {
    /// Writes e over the contiguous memory `out` of the given shape, in parallel.
    template <class T, int R, class E> static void run(T* out, Shape<R> const& shape, E const& e) {
        if (shape.size() == 0) return;
        detail::Walk<R> const walk{shape, e.contiguous(shape)};
        bool const unit = walk.flat || e.unit();
        parallel_ranges(walk.chunks(), detail::chunks_per_task(walk), [&](Index begin, Index end) {
            walk.run(begin, end, [&](Shape<R> const& i, Index j, Index n, Index offset) {
                detail::evaluate_run(out + offset, walk.flat ? e.flat() : e.row(i), j, n, unit);
            });
        });
    }
};

/// Computes e into the contiguous memory of `out` in one pass; e may read `out` itself at the same positions.
template <class Out, Operand E> void assign(Out const& out, E const& e) {
    using T = typename Out::value_type;
    auto const shape = detail::walkable(out.shape());
    auto const run = [&](auto const& o) {
        static_assert(detail::holds<std::remove_cvref_t<decltype(o)>, T>,
                      "the expression has another element type: convert it with cast<T>(x)");
        Evaluator<typename Out::device_type>::run(out.data(), shape, lower(o, shape));
    };
    if constexpr (std::is_arithmetic_v<E>) run(Constant<T, Out::rank, typename Out::device_type>{out.shape(), static_cast<Wide<T>>(e)});
    else run(e);
}

}  // namespace tacet

#ifdef __clang__
#pragma clang diagnostic pop
#endif

#ifdef __CUDACC__
#include <tacet/expr/evaluator.cuh>
#endif
