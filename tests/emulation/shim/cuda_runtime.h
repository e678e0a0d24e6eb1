// SPDX-License-Identifier: MIT
#pragma once
#include <emulator.hpp>
#include <cuda_runtime_api.h>
#include <limits>
#include <tuple>
#include <utility>

// What nvcc knows without being told, for g++.
#define __global__
#define __grid_constant__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

inline void __syncthreads() { emulation::block_barrier(); }

struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    std::size_t dynamicSmemBytes;
    cudaStream_t stream;
};

namespace emulation {
/// What the emulated machine has; tests plant less.
struct Machine {
    int devices = 1, major = 8, minor = 0;
    std::size_t memory = std::numeric_limits<std::size_t>::max();  // of the device, in bytes
    std::size_t graphs = 0;                                        // launched so far
};
Machine& machine();
/// Does the work of a stream, or keeps it for the graph that the stream is recorded into.
cudaError_t submit(cudaStream_t stream, std::function<void()> work);
/// Has thread() run for every thread of the launch of a kernel.
cudaError_t launch(cudaLaunchConfig_t const& config, void const* kernel, char const* name, std::function<void()> thread);
}  // namespace emulation

/// Runs the kernel, each thread with parameters of its own.
template <class... P, class... A> cudaError_t cudaLaunchKernelEx(cudaLaunchConfig_t const* config, void (*kernel)(P...), A&&... args) {
    return emulation::launch(*config, reinterpret_cast<void const*>(kernel), __PRETTY_FUNCTION__,
                             [kernel, parameters = std::tuple<P...>(std::forward<A>(args)...)] { std::apply(kernel, parameters); });
}
