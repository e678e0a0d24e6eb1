// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/column_sums.cuh>
#include <tacet/core/tile_product.cuh>
#include <tacet/ops/linear.hpp>

namespace tacet {
template <> struct LinearKernel<Cuda> {
    template <class T> static void forward(Index rows, Index in, Index out, T const* x, Wide<T> const* w, Wide<T> const* b, T* y) {
        detail::tile_product<T>("linear", {rows, out, in}, gpu::Factor<T, true>{x, 0, in}, gpu::Factor<Wide<T>, true>{w, 0, in},
                                gpu::PlainResult<T>{y, b, rows, out});
    }
    template <class T> static void input_gradient(Index rows, Index in, Index out, T const* gy, Wide<T> const* w, T* gx) {
        detail::tile_product<T>("linear_input_gradient", {rows, in, out}, gpu::Factor<T, true>{gy, 0, out},
                                gpu::Factor<Wide<T>, false>{w, 0, in}, gpu::PlainResult<T>{gx, nullptr, rows, in});
    }
    template <class T> static void weight_gradient(Index rows, Index in, Index out, T const* x, T const* gy, Wide<T>* gw) {
        using Sum = Wide<T>;
        gpu::ProductShape s{out, in, rows};
        s.parts = detail::product_parts(s);
        Buffer<Cuda> const memory(s.parts * out * in, sizeof(Sum));
        auto* const part = static_cast<Sum*>(memory.data());
        detail::tile_product<T>("linear_weight_gradient", s, gpu::Factor<T, false>{gy, 0, out}, gpu::Factor<T, false>{x, 0, in},
                                gpu::PlainResult<Sum>{part, nullptr, out, in});
        launch_each("linear_weight_gradient", out * in, gpu::PartSum<Sum, Sum>{gw, part, s.parts, out * in});
    }
    template <class T> static void bias_gradient(Index rows, Index out, T const* gy, Wide<T>* gb) {
        detail::column_sums("linear_bias_gradient", std::array{gb}, rows, out, gpu::RowTerms<T>{gy, out});
    }
};

}  // namespace tacet
