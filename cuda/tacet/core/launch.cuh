// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/shape.hpp>

namespace tacet {

/// Threads in a block of launch().
constexpr int launch_threads = 256;

/// The index of this thread in a launch of n.
__device__ inline Index thread_index() { return Index(blockIdx.x) * blockDim.x + threadIdx.x; }

/// Runs kernel(n, args...) with at least n threads on the default stream, of which those beyond n have nothing to do. Launch errors
/// name the kernel. The only place that launches.
template <class... P, class... A> void launch(char const* name, void (*kernel)(Index, P...), Index n, A const&... args) {
    if (n == 0) return;
    auto const blocks = (n + launch_threads - 1) / launch_threads;
    kernel<<<static_cast<unsigned>(blocks), launch_threads, 0, cudaStream_t{}>>>(n, args...);
    check_cuda(cudaGetLastError(), name);
}

}  // namespace tacet
