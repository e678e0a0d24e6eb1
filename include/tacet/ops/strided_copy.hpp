// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/expr/evaluator.hpp>
#include <cstring>

namespace tacet {

/// How a device copies between strided memories that do not overlap; specialised once per device.
template <class D> struct StridedCopy {
    static_assert(sizeof(D) == 0, "this device has no strided copy here: compile this file as .cu");
    static void run(auto const&...) {}
};

template <> struct StridedCopy<Cpu> {
    /// to = from over `shape`, in parallel. Strides may be negative; rows without gaps on both sides are copied as memory.
    template <class T, int R> static void run(View<T, R> to, View<T const, R> from, Shape<R> shape) {
        if (shape.size() == 0) return;
        join(to, from, shape);
        int near = R - 1;  // the dimension whose elements are neighbours in `from`
        for (int d = 0; d < R; ++d)
            if (from.stride[d] == 1 && shape[d] > 1) near = d;
        if (near == R - 1 || shape[R - 1] == 1) rows(to, from, shape);
        else transpose(to, from, shape, near);
    }

private:
    /// Joins neighbouring dimensions that are one run on both sides, at the right; what is left over has extent 1.
    template <class T, int R> static void join(View<T, R>& to, View<T const, R>& from, Shape<R>& shape) {
        for (int pass = 1; pass < R; ++pass)
            for (int d = R - 1; d > 0; --d) {
                bool const run = to.stride[d - 1] == to.stride[d] * shape[d] && from.stride[d - 1] == from.stride[d] * shape[d];
                if (shape[d - 1] == 1 || (shape[d] != 1 && !run)) continue;
                if (shape[d] == 1) to.stride[d] = to.stride[d - 1], from.stride[d] = from.stride[d - 1];
                shape[d] *= shape[d - 1];
                shape[d - 1] = 1;
            }
    }

    template <class T, int R> static void rows(View<T, R> const& to, View<T const, R> const& from, Shape<R> const& shape) {
        detail::Walk<R> const walk{shape, false};
        Index const s = to.stride[R - 1], q = from.stride[R - 1];
        parallel_ranges(walk.chunks(), detail::chunks_per_task(walk), [&](Index begin, Index end) {
            walk.run(begin, end, [&](Shape<R> const& i, Index j, Index n, Index) {
                T* const y = to.data + to.offset(i) + j * s;
                T const* const x = from.data + from.offset(i) + j * q;
                if (s == 1 && q == 1) std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
                else
                    for (Index k = 0; k < n; ++k) y[k * s] = x[k * q];
            });
        });
    }

    /// Rows of `to` are columns of `from`: several rows at a time, so that what is read together lies together.
    template <class T, int R> static void transpose(View<T, R> const& to, View<T const, R> const& from, Shape<R> const& shape, int near) {
        constexpr Index together = 16;
        Shape<R> blocks = shape;
        blocks[near] = (shape[near] + together - 1) / together;
        detail::Walk<R> const walk{blocks, false};
        Index const s = to.stride[R - 1], q = from.stride[R - 1], line = to.stride[near];
        parallel_ranges(walk.chunks(), std::max<Index>(1, detail::chunks_per_task(walk) / together), [&](Index begin, Index end) {
            walk.run(begin, end, [&](Shape<R> i, Index j, Index n, Index) {
                i[near] *= together;
                Index const count = std::min(together, shape[near] - i[near]);
                T* const y = to.data + to.offset(i) + j * s;
                T const* const x = from.data + from.offset(i) + j * q;
                for (Index k = 0; k < n; ++k)
                    for (Index m = 0; m < count; ++m) y[k * s + m * line] = x[k * q + m];
            });
        });
    }
};

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/strided_copy.cuh>
#endif
