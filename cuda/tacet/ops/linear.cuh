// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/column_sums.cuh>
#include <tacet/core/tile_product.cuh>
#include <tacet/ops/linear.hpp>

namespace tacet {
namespace gpu {
template <class T> struct RoundWeights {
    T* rounded;
    Wide<T> const* w;
    __device__ void operator()(Index k) const { rounded[k] = static_cast<T>(w[k]); }
};
}  // namespace gpu

template <> struct LinearKernel<Cuda> {
    template <class T> static void forward(Index rows, Index in, Index out, T const* x, Wide<T> const* w, Wide<T> const* b, T* y) {
        Weights<T> const weights("linear_weights", w, out * in);
        if (!b) return detail::gemm("linear", Transposition::None, Transposition::Transpose, 1, rows, out, in, x, weights.data, y);
        detail::tile_product<T>("linear", {rows, out, in}, gpu::Factor<T, true>{x, 0, in}, gpu::Factor<T, true>{weights.data, 0, in},
                                gpu::PlainResult<T>{y, b, rows, out});
    }
    template <class T> static void input_gradient(Index rows, Index in, Index out, T const* gy, Wide<T> const* w, T* gx) {
        using enum Transposition;
        Weights<T> const weights("linear_weights", w, out * in);
        detail::gemm("linear_input_gradient", None, None, 1, rows, in, out, gy, weights.data, gx);
    }
    template <class T> static void weight_gradient(Index rows, Index in, Index out, T const* x, T const* gy, Wide<T>* gw) {
        using enum Transposition;
        detail::gemm("linear_weight_gradient", Transpose, None, 1, out, in, rows, gy, x, gw);
    }
    template <class T> static void bias_gradient(Index rows, Index out, T const* gy, Wide<T>* gb) {
        detail::column_sums("linear_bias_gradient", std::array{gb}, rows, out, gpu::RowTerms<T>{gy, out});
    }

private:
    /// The weights in the type of the images: rounded once, and not by every block that reads them.
    template <class T> struct Weights {
        Buffer<Cuda> memory;
        T const* data;
        Weights(char const* name, Wide<T> const* w, Index count) {
            if constexpr (std::is_same_v<T, Wide<T>>) {
                data = w;
            } else {
                memory = Buffer<Cuda>(count, sizeof(T));
                auto* const rounded = static_cast<T*>(memory.data());
                launch_each(name, count, gpu::RoundWeights<T>{rounded, w});
                data = rounded;
            }
        }
    };
};

}  // namespace tacet
