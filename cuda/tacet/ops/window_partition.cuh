// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/ops/window_partition.hpp>

namespace tacet {
namespace gpu {

template <class T> struct RelativePosition {
    T* bias;         // (heads, slots, slots)
    T const* table;  // (rows, heads)
    detail::WindowGrid grid;
    __device__ void operator()(Index k) const {
        Index const slots = grid.slots(), head = k / (slots * slots), query = k / slots % slots, key = k % slots;
        bias[k] = table[grid.table_row(query, key) * grid.heads + head];
    }
};
/// A row of the table collects from all pairs with its offset, query by query.
template <class T> struct RelativePositionBackward {
    T* gtable;
    T const* gbias;
    detail::WindowGrid grid;
    __device__ void operator()(Index k) const {
        Index const slots = grid.slots(), row = k / grid.heads, head = k % grid.heads, side = grid.window;
        Index const dy = row / grid.table_side() - (side - 1), dx = row % grid.table_side() - (side - 1);
        T sum = 0;
        for (Index query = 0; query < slots; ++query) {
            Index const i = query / side - dy, j = query % side - dx;
            if (i >= 0 && i < side && j >= 0 && j < side) sum += gbias[(head * slots + query) * slots + i * side + j];
        }
        gtable[k] = sum;
    }
};

}  // namespace gpu

template <> struct RelativePositionKernel<Cuda> {
    template <class T> static void run(Tensor<T, 3, Cuda> const& bias, Tensor<T, 2, Cuda> const& table, Index window) {
        launch_each("relative_position_bias", bias.shape(),
                    gpu::RelativePosition<T>{bias.data(), table.data(), grid_of(window, table.shape()[1])});
    }
    template <class T> static void backward(Tensor<T, 2, Cuda> const& gtable, Tensor<T, 3, Cuda> const& gbias, Index window) {
        launch_each("relative_position_bias_backward", gtable.shape(),
                    gpu::RelativePositionBackward<T>{gtable.data(), gbias.data(), grid_of(window, gtable.shape()[1])});
    }

private:
    static detail::WindowGrid grid_of(Index window, Index heads) { return {0, 0, 0, window, 0, heads, 0}; }
};

}  // namespace tacet
