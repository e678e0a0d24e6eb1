// SPDX-License-Identifier: MIT
#pragma once
#include <emulator.hpp>
#include <cuda_runtime_api.h>
#include <limits>
#include <tuple>
#include <vector>
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
/// The most shared memory that kernels may ask for; above 48 KB they must be told to.
template <class Kernel> std::size_t& allowed_shared_bytes(Kernel* kernel) {
    static std::vector<std::pair<Kernel*, std::size_t>> all;
    for (auto& [known, bytes] : all)
        if (known == kernel) return bytes;
    return all.emplace_back(kernel, 48 * 1024).second;
}
}  // namespace emulation

template <class... P> cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute, int bytes) {
    if (static_cast<std::size_t>(bytes) > emulation::most_shared_bytes) return cudaErrorInvalidValue;
    emulation::allowed_shared_bytes(kernel) = static_cast<std::size_t>(bytes);
    return cudaSuccess;
}

/// Runs the kernel, each thread with parameters of its own.
template <class... P, class... A> cudaError_t cudaLaunchKernelEx(cudaLaunchConfig_t const* config, void (*kernel)(P...), A&&... args) {
    dim3 const g = config->gridDim, b = config->blockDim;
    auto const threads = std::size_t(b.x) * b.y * b.z;
    if (g.x == 0 || g.y == 0 || g.z == 0 || threads == 0 || threads > emulation::most_threads) return cudaErrorInvalidConfiguration;
    if (config->dynamicSmemBytes > emulation::allowed_shared_bytes(kernel)) return cudaErrorInvalidValue;
    std::tuple<P...> const parameters(std::forward<A>(args)...);
    return emulation::submit(config->stream, [=, name = std::string(__PRETTY_FUNCTION__), shared = config->dynamicSmemBytes] {
        emulation::run(name, {g.x, g.y, g.z}, {b.x, b.y, b.z}, shared, [&] { std::apply([&](auto... p) { kernel(p...); }, parameters); });
    });
}
