// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/part_sum.cuh>
#include <tacet/ops/window_attention.hpp>
#include <tacet/ops/window_attention_rows.cuh>
#include <tacet/ops/window_attention_tensor.cuh>

namespace tacet {

/// Images in 16 bits go through the tensor cores; where windows have more tokens than these take at once, through floats.
template <> struct WindowAttentionKernel<Cuda> {
    using Keep = Tensor<std::uint8_t, 3, Cuda>;

    template <class T>
    static void run(Tensor<T, 4, Cuda> const& y, Tensor<T, 4, Cuda> const& qkv, Tensor<Wide<T>, 2, Cuda> const& table, Keep const& keep,
                    detail::WindowGrid const& grid) {
        if constexpr (is_16_bit<T>)
            if (grid.slots() > gpu::attention_tokens) {
                Tensor<Wide<T>, 4, Cuda> const wide(y.shape());
                run<Wide<T>>(wide, cast<Wide<T>>(qkv), table, keep, grid);
                return assign(y, cast<T>(wide));
            }
        gpu::AttentionImages<T> const x{qkv.data(), table.data(), keep.data(), grid};
        with_depth(grid.depth, [&]<int depth>(std::integral_constant<int, depth>) {
            if constexpr (is_16_bit<T>)
                launch({"window_attention", qkv.shape()},
                       Grid{grid.windows() * grid.heads, gpu::attention_threads, with_biases<gpu::WindowHead<T, depth>>(grid)},
                       &gpu::window_attention_tensor<T, depth>, y.data(), x);
            else {
                Index const tiles = detail::div_up(grid.slots(), gpu::attention_slots);
                launch({"window_attention", qkv.shape()},
                       Grid{grid.windows() * grid.heads * tiles, gpu::attention_slots, sizeof(gpu::AttentionTile<T, depth>)},
                       &gpu::window_attention<T, depth>, y.data(), x, tiles);
            }
        });
    }
    template <class T>
    static void backward(Tensor<T, 4, Cuda> const& gqkv, Tensor<Wide<T>, 2, Cuda> const& gtable, Tensor<T, 4, Cuda> const& gy,
                         Tensor<T, 4, Cuda> const& qkv, Tensor<Wide<T>, 2, Cuda> const& table, Keep const& keep,
                         detail::WindowGrid const& grid) {
        using W = Wide<T>;
        if constexpr (is_16_bit<T>)
            if (grid.slots() > gpu::attention_tokens) {
                Tensor<W, 4, Cuda> wide;
                if (gqkv.data()) wide = Tensor<W, 4, Cuda>(gqkv.shape());
                backward<W>(wide, gtable, cast<W>(gy), cast<W>(qkv), table, keep, grid);
                if (gqkv.data()) assign(gqkv, cast<T>(wide));
                return;
            }
        gpu::AttentionImages<T> const x{qkv.data(), table.data(), keep.data(), grid};
        Index const count = grid.table_rows() * grid.heads;
        Index const workers = std::clamp<Index>(1024 / grid.heads, 1, std::max<Index>(grid.windows(), 1));
        Tensor<W, 1, Cuda> const part(Shape{workers * count});
        gpu::AttentionGradients<T> const gradients{gqkv.data(), part.data(), gy.data()};
        with_depth(grid.depth, [&]<int depth>(std::integral_constant<int, depth>) {
            if constexpr (is_16_bit<T>)
                launch({"window_attention_backward", qkv.shape()},
                       Grid{workers * grid.heads, gpu::attention_threads, with_biases<gpu::WindowHeadGradients<T, depth>>(grid)},
                       &gpu::window_attention_tensor_backward<T, depth>, gradients, x, workers);
            else
                launch({"window_attention_backward", qkv.shape()},
                       Grid{workers * grid.heads, gpu::attention_slots, gpu::AttentionBackwardMemory<T, depth>::bytes(grid)},
                       &gpu::window_attention_backward<T, depth>, gradients, x, workers);
        });
        gpu::PartSum<W, W> const sums{gtable.data(), part.data(), workers, count};
        if (gtable.size()) detail::launch_part_sums("window_attention_table", count, sums);
    }

private:
    /// The shared memory of an S and of a head's biases.
    template <class S> static std::size_t with_biases(detail::WindowGrid const& grid) {
        return sizeof(S) + sizeof(float) * static_cast<std::size_t>(grid.table_rows());
    }
    /// Calls run with the smallest depth that is compiled and holds `depth` channels.
    static void with_depth(Index depth, auto const& run) {
        if (depth <= 16) run(std::integral_constant<int, 16>{});
        else if (depth <= 32) run(std::integral_constant<int, 32>{});
        else run(std::integral_constant<int, 64>{});
    }
};

}  // namespace tacet
