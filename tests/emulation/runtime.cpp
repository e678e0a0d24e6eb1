// SPDX-License-Identifier: MIT
#include <cuda_runtime.h>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

struct CUgraph_st {
    std::vector<std::function<void()>> work;
};
struct CUstream_st {
    CUgraph_st* recording = nullptr;
};

cudaError_t emulation::submit(cudaStream_t stream, std::function<void()> work) {
    if (stream && stream->recording) stream->recording->work.push_back(std::move(work));
    else work();
    return cudaSuccess;
}

char const* cudaGetErrorString(cudaError_t error) {
    switch (error) {
        case cudaSuccess: return "no error";
        case cudaErrorInvalidValue: return "invalid argument";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorInvalidConfiguration: return "invalid configuration argument";
        case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    }
    return "unknown error";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDevice(int* device) {
    *device = 0;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    std::strcpy(properties->name, "emulated device");
    properties->multiProcessorCount = 3;  // few and odd: grids that are made for the device have blocks with more than one task
    return cudaSuccess;
}
cudaError_t cudaMallocAsync(void** p, std::size_t bytes, cudaStream_t) {
    if (posix_memalign(p, 256, bytes)) return cudaErrorMemoryAllocation;
    std::memset(*p, 0xff, bytes);  // NaN in every format: memory that nobody wrote shows
    return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* p, cudaStream_t) {
    std::free(p);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, void const* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    return emulation::submit(stream, [=] { if (bytes) std::memcpy(to, from, bytes); });
}
cudaError_t cudaMemsetAsync(void* p, int value, std::size_t bytes, cudaStream_t stream) {
    return emulation::submit(stream, [=] { if (bytes) std::memset(p, value, bytes); });
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    return stream && stream->recording ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
    *stream = new CUstream_st;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    if (!stream || stream->recording) return cudaErrorStreamCaptureUnsupported;
    stream->recording = new CUgraph_st;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    *graph = std::exchange(stream->recording, nullptr);
    return *graph ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
    *exec = new CUgraph_st(*graph);
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    return emulation::submit(stream, [exec] { for (auto const& work : exec->work) work(); });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    delete exec;
    return cudaSuccess;
}
