// SPDX-License-Identifier: MIT
#pragma once
#if TACET_WITH_CUDA
#include <tacet/core/error.hpp>
#include <cuda_runtime_api.h>
#include <map>
#include <string>

namespace tacet {

/// Throws Error, in which `what` names what was tried, unless the status is success; OutOfMemory where that is what it says.
inline void check_cuda(cudaError_t status, char const* what) {
    if (status == cudaErrorMemoryAllocation) throw OutOfMemory(concat_text(what, ": ", cudaGetErrorString(status)));
    check(status == cudaSuccess, what, ": ", cudaGetErrorString(status));
}

/// The stream that this thread's kernels and copies go through in order; the default stream unless it is assigned another.
inline cudaStream_t& current_stream() {
    thread_local cudaStream_t stream = nullptr;
    return stream;
}

/// While one lives, this thread's kernels and copies go through that stream. The cache of memory knows no streams: what is given back on
/// one may be taken on another while kernels still use it, so whoever changes streams orders the work before and after the change (as
/// Replay does, whose tensors have a cache of their own).
class StreamGuard {
public:
    explicit StreamGuard(cudaStream_t stream) : before_(current_stream()) { current_stream() = stream; }
    ~StreamGuard() { current_stream() = before_; }
    StreamGuard(StreamGuard const&) = delete;
    StreamGuard& operator=(StreamGuard const&) = delete;

private:
    cudaStream_t before_;
};

/// What this thread has of a kind on the current device, made when it is first asked for: handles of libraries.
template <class H> H& of_this_device() {
    thread_local std::map<int, H> all;
    int device = 0;
    check_cuda(cudaGetDevice(&device), "asking for the current device");
    return all[device];
}

/// Throws Error, with what CUDA says, unless the current device is there, answers, and can run the kernels of cuda/tacet.
inline void check_gpu() {
    int count = 0, device = 0;
    check_cuda(cudaGetDeviceCount(&count), "no GPU can be used");
    check_cuda(cudaGetDevice(&device), "no GPU can be used");
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, device), "the GPU cannot be used");
    check(properties.major >= 8, "the GPU cannot be used: ", properties.name, " has compute capability ", properties.major, ".",
          properties.minor, ", and 8.0 is needed");
    check_cuda(cudaFree(nullptr), "the GPU cannot be used");  // the first call that needs the device itself, not its description alone
}

/// A number that describes the current device.
inline int device_attribute(cudaDeviceAttr attribute) {
    int device = 0, value = 0;
    check_cuda(cudaGetDevice(&device), "finding the GPU");
    check_cuda(cudaDeviceGetAttribute(&value, attribute, device), "asking what the GPU has");
    return value;
}

/// The name of the current device, for messages.
inline std::string device_name() {
    int device = 0;
    cudaDeviceProp properties;
    if (cudaGetDevice(&device) != cudaSuccess || cudaGetDeviceProperties(&properties, device) != cudaSuccess) return "an unknown device";
    return properties.name;
}

}  // namespace tacet
#endif
