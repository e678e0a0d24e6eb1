// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/sums.cuh>
#include <tacet/expr/reduce.hpp>

namespace tacet {

template <> struct Reducer<Cuda> {
    template <class T, int R, class E> static void run(T* out, Index count, Shape<R> const& stride, Shape<R> const& shape, E const& e) {
        detail::device_sums("sum", out, count, stride, shape, e);
    }
};

}  // namespace tacet
