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
/// The sums of a linear layer, plus a bias (out) unless null, and their GELU where that is wanted. The GELU is that of the sums as they
/// are stored, which so are what its gradient is computed from.
template <class T> struct LinearResult {
    T *y, *sums;  // (rows, out); the sums may be null
    Wide<T> const* bias;
    Index out;
    bool gelu;
    __device__ void operator()(Index, Index i, Index j, ResultBlock<Wide<T>> const& block) const {
#pragma unroll
        for (int row = 0; row < block.size; ++row) {
            T line[block.size];
            Index const at = (i + row) * out + j;
#pragma unroll
            for (int e = 0; e < block.size; ++e)
                line[e] = static_cast<T>(bias && e < block.columns ? block.sum[row][e] + bias[j + e] : block.sum[row][e]);
            if (row >= block.rows) continue;
            if (sums) store_padded(sums + at, line, block.columns);
            if (gelu)
#pragma unroll
                for (auto& v : line) v = static_cast<T>(fn::Gelu{}(static_cast<Wide<T>>(v)));
            store_padded(y + at, line, block.columns);
        }
    }
};
}  // namespace gpu

template <> struct LinearKernel<Cuda> {
    static constexpr bool joins_gelu = true;

    template <class T> static void forward(Index rows, Index in, Index out, T const* x, Wide<T> const* w, Wide<T> const* b, T* y) {
        Weights<T> const weights("linear_weights", w, out * in);
        if (!b) return detail::gemm("linear", Transposition::None, Transposition::Transpose, 1, rows, out, in, x, weights.data, y);
        run(rows, in, out, x, weights.data, gpu::LinearResult<T>{y, nullptr, b, out, false});
    }
    template <class T>
    static void forward_gelu(Index rows, Index in, Index out, T const* x, Wide<T> const* w, Wide<T> const* b, T* sums, T* y) {
        Weights<T> const weights("linear_weights", w, out * in);
        run(rows, in, out, x, weights.data, gpu::LinearResult<T>{y, sums, b, out, true});
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
    template <class T> static void run(Index rows, Index in, Index out, T const* x, T const* w, gpu::LinearResult<T> const& result) {
        detail::tile_product<T>({"linear", Shape{rows, in}, Shape{out, in}}, {rows, out, in}, gpu::Factor<T, true>{x, 0, in},
                                gpu::Factor<T, true>{w, 0, in}, result);
    }
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
