// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/ops/swin_block.hpp>
#include <tacet/ops/swin_block_window.cuh>

namespace tacet {

template <> struct SwinBlockKernel<Cuda> {
    template <class T> static constexpr Index largest_window = is_16_bit<T> ? 8 : 0;
    static constexpr bool goes_back = false;

    /// Images in 16 bits of at most 64 channels, with windows of at most 64 tokens, heads of at most 16 channels, and parameters that the
    /// shared memory of the GPU holds.
    template <class T> static bool takes(detail::SwinProblem const& p) {
        auto const& grid = p.grid;
        return is_16_bit<T> && grid.window <= 8 && grid.channels() <= gpu::SwinSizes::channels && grid.depth <= gpu::SwinSizes::depth
               && grid.n * grid.h * grid.w < Index(1) << 31 && gpu::swin_shared_bytes(gpu::SwinSizes(p), 1) <= most_shared_bytes();
    }
    template <class T>
    static void forward(detail::SwinProblem const& p, detail::SwinPointers<Wide<T> const> const& parameters, T const* x, T* y) {
        if constexpr (is_16_bit<T>) {
            gpu::SwinSizes const sizes(p);
            Buffer<Cuda> const memory(sizes.runs(), sizeof(gpu::PackedFragment));
            auto* const packed = static_cast<gpu::PackedFragment*>(memory.data());
            launch_each("swin_block_weights", sizes.lanes() + sizes.numbers(), gpu::PackSwinWeights<T>{packed, parameters, p, sizes});
            // As many windows at a time as memory allows, but blocks for all multiprocessors first.
            Index const windows = p.grid.windows(), most = device_attribute(cudaDevAttrMultiProcessorCount);
            auto at_once = static_cast<int>(std::clamp<Index>(detail::div_up(windows, most), 1, gpu::swin_windows));
            while (gpu::swin_shared_bytes(sizes, at_once) > most_shared_bytes()) --at_once;
            launch({"swin_block", Shape{p.grid.n, p.grid.h, p.grid.w, p.grid.channels()}},
                   Grid{std::min(most, detail::div_up(windows, at_once)), at_once * gpu::attention_threads,
                        gpu::swin_shared_bytes(sizes, at_once)},
                   &gpu::swin_block<T>, gpu::SwinImages<T>(x, y, packed, p));
        }
    }

private:
    static std::size_t most_shared_bytes() { return static_cast<std::size_t>(device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)); }
};

}  // namespace tacet
