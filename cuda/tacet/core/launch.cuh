// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/shape.hpp>
#include <nvtx3/nvToolsExt.h>
#include <array>
#include <string>

namespace tacet {

/// What errors call a launch: its kernel, and the shapes of one or two operands that tell how much it does.
class KernelLabel {
public:
    static constexpr int most_extents = 8;  // of both shapes

    KernelLabel(char const* name) : name_(name) {}  // NOLINT: launches without a shape read as names
    template <int R, int Q = 0> KernelLabel(char const* name, Shape<R> const& a, Shape<Q> const& b = {}) : name_(name), ranks_{R, Q} {
        static_assert(R + Q <= most_extents, "errors of launches have no room for shapes of so many dimensions");
        for (int k = 0; k < R + Q; ++k) extent_[static_cast<std::size_t>(k)] = k < R ? a[k] : b[k - R];
    }
    char const* name() const { return name_; }
    /// "linear of (70, 37) (67, 37)".
    friend std::string to_string(KernelLabel const& label) {
        std::string text = label.name_;
        if (label.ranks_[0]) text += " of " + detail::extents_text(label.extent_.data(), label.ranks_[0]);
        if (label.ranks_[1]) text += " " + detail::extents_text(label.extent_.data() + label.ranks_[0], label.ranks_[1]);
        return text;
    }

private:
    char const* name_;
    std::array<int, 2> ranks_{};
    std::array<Index, most_extents> extent_{};
};

/// The blocks of a launch, the threads of each (a multiple of 32 where its warps work together), and their shared memory in bytes.
struct Grid {
    Index blocks;
    int threads = 256;
    std::size_t shared = 0;
};

namespace detail {
/// Throws an error that names the kernel, its shapes, the grid and the device, unless status is cudaSuccess.
inline void check_launch(cudaError_t status, KernelLabel const& label, Grid const& grid) {
    if (status == cudaSuccess) return;
    check_cuda(status, concat_text(label, " in ", grid.blocks, " blocks of ", grid.threads, " threads with ", grid.shared,
                                   " bytes of shared memory, on ", device_name()).c_str());
}
/// The configuration of a launch on the current stream. Lets the kernel have more than 48 KB of shared memory where the grid wants that.
inline cudaLaunchConfig_t launch_config(KernelLabel const& label, Grid const& grid, void const* kernel) {
    check(grid.blocks < Index(1) << 31, label, ": ", grid.blocks, " blocks are more than a GPU takes");
    if (grid.shared > 48 * 1024)
        check_launch(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.shared)), label, grid);
    cudaLaunchConfig_t config{};
    config.gridDim.x = static_cast<unsigned>(grid.blocks);
    config.blockDim.x = static_cast<unsigned>(grid.threads);
    config.dynamicSmemBytes = grid.shared;
    config.stream = current_stream();
    return config;
}
}  // namespace detail

/// Runs kernel(args...) on the current stream; without blocks there is nothing to do. Errors name the kernel, the shape, the grid and the
/// device; profilers show the name. The only place that launches.
template <class... P, class... A> void launch(KernelLabel const& label, Grid const& grid, void (*kernel)(P...), A const&... args) {
    if (grid.blocks == 0) return;
    auto const config = detail::launch_config(label, grid, reinterpret_cast<void const*>(kernel));
    nvtxRangePushA(label.name());
    auto const status = cudaLaunchKernelEx(&config, kernel, P(args)...);
    nvtxRangePop();
    detail::check_launch(status, label, grid);
}

namespace gpu {
/// f(k) for k < n, a thread for each.
template <class F> __global__ void each(Index n, F f) {
    if (Index const k = Index(blockIdx.x) * blockDim.x + threadIdx.x; k < n) f(k);
}
}  // namespace gpu

/// Calls f(k) for every element k of a shape, neighbours by neighbouring threads; f is a struct whose members the kernel gets by value.
template <int R, class F> void launch_each(char const* name, Shape<R> const& shape, F const& f) {
    constexpr int threads = 256;
    Index const n = shape.size();
    launch({name, shape}, Grid{detail::div_up(n, threads), threads}, &gpu::each<F>, n, f);
}
/// The same for every k < n.
template <class F> void launch_each(char const* name, Index n, F const& f) { launch_each(name, Shape{n}, f); }

}  // namespace tacet
