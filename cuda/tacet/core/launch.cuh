// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/shape.hpp>
#include <nvtx3/nvToolsExt.h>

namespace tacet {

/// The blocks of a launch, the threads of each (a multiple of 32 where its warps work together), and their shared memory in bytes.
struct Grid {
    Index blocks;
    int threads = 256;
    std::size_t shared = 0;
};

/// Runs kernel(args...) on the current stream; without blocks there is nothing to do. Errors name the kernel, its grid and the device;
/// profilers show the name. The only place that launches.
template <class... P, class... A> void launch(char const* name, Grid const& grid, void (*kernel)(P...), A const&... args) {
    if (grid.blocks == 0) return;
    auto const described = [&](cudaError_t status) {
        if (status != cudaSuccess)
            check_cuda(status, concat_text(name, " of ", grid.blocks, " blocks of ", grid.threads, " threads with ", grid.shared,
                                           " bytes of shared memory, on ", device_name()).c_str());
    };
    check(grid.blocks < Index(1) << 31, name, ": ", grid.blocks, " blocks are more than a GPU takes");
    if (grid.shared > 48 * 1024)
        described(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.shared)));
    cudaLaunchConfig_t config{};
    config.gridDim.x = static_cast<unsigned>(grid.blocks);
    config.blockDim.x = static_cast<unsigned>(grid.threads);
    config.dynamicSmemBytes = grid.shared;
    config.stream = current_stream();
    nvtxRangePushA(name);
    auto const status = cudaLaunchKernelEx(&config, kernel, P(args)...);
    nvtxRangePop();
    described(status);
}

namespace gpu {
/// f(k) for k < n, a thread for each.
template <class F> __global__ void each(Index n, F f) {
    if (Index const k = Index(blockIdx.x) * blockDim.x + threadIdx.x; k < n) f(k);
}
}  // namespace gpu

/// Calls f(k) for every k < n, neighbours by neighbouring threads; f is a struct whose members the kernel gets by value.
template <class F> void launch_each(char const* name, Index n, F const& f) {
    constexpr int threads = 256;
    launch(name, Grid{detail::div_up(n, threads), threads}, &gpu::each<F>, n, f);
}

}  // namespace tacet
