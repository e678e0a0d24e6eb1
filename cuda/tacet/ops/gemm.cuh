// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/tile_product.cuh>
#include <tacet/ops/gemm.hpp>

namespace tacet {

template <> struct GemmKernel<Cuda> {
    template <class T>
    static void run(Transposition ta, Transposition tb, Index batch, Index m, Index n, Index k, T const* a, T const* b, T* c) {
        // Element (i, l) of a, (l, j) of b.
        if (ta == Transposition::None) right(tb, {m, n, k, batch}, gpu::Factor<T, true>{a, m * k, k}, b, c);
        else right(tb, {m, n, k, batch}, gpu::Factor<T, false>{a, m * k, m}, b, c);
    }

private:
    template <class T, class A>
    static void right(Transposition tb, gpu::ProductShape const& s, A const& a, T const* b, T* c) {
        gpu::PlainResult<T> const result{c, nullptr, s.m, s.n};
        if (tb == Transposition::None)
            detail::tile_product<T>("matmul", s, a, gpu::Factor<T, false>{b, s.k * s.n, s.n}, result);
        else detail::tile_product<T>("matmul", s, a, gpu::Factor<T, true>{b, s.k * s.n, s.k}, result);
    }
};

}  // namespace tacet
