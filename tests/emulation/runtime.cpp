// SPDX-License-Identifier: MIT
#include <cuda_runtime.h>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

struct CUgraph_st {
    std::vector<std::function<void()>> work;
};

namespace {

/// Work that waits until somebody waits for it.
struct Queue {
    std::deque<std::function<void()>> work;
    std::uint64_t taken = 0, put = 0;
    void run(std::uint64_t until) {
        while (taken < until) {
            auto const next = std::move(work.front());
            work.pop_front(), ++taken;
            next();
        }
    }
};

}  // namespace

struct CUstream_st {
    CUgraph_st* recording = nullptr;
    std::shared_ptr<Queue> late = nullptr;  // of a stream that does not block others
};
struct CUevent_st {
    std::shared_ptr<Queue> queue;
    std::uint64_t until = 0;
    void happen() const {
        if (queue) queue->run(until);
    }
};

namespace {
/// What is taken of the device's memory, by block.
struct DeviceMemory {
    std::mutex mutex;
    std::map<void*, std::size_t> blocks;
    std::size_t used = 0;
};
DeviceMemory& device_memory() {
    static auto& memory = *new DeviceMemory;  // tensors may outlive everything else
    return memory;
}

/// The most shared memory that a kernel may ask for; above 48 KB it must be told to.
std::size_t& allowed_shared_bytes(void const* kernel) {
    static std::map<void const*, std::size_t> all;
    return all.try_emplace(kernel, 48 * 1024).first->second;
}
}  // namespace

emulation::Machine& emulation::machine() {
    static Machine machine;
    return machine;
}
cudaError_t emulation::submit(cudaStream_t stream, std::function<void()> work) {
    if (stream && stream->recording) stream->recording->work.push_back(std::move(work));
    else if (stream && stream->late) stream->late->work.push_back(std::move(work)), ++stream->late->put;
    else work();
    return cudaSuccess;
}

cudaError_t emulation::launch(cudaLaunchConfig_t const& config, void const* kernel, char const* name, std::function<void()> thread) {
    dim3 const g = config.gridDim, b = config.blockDim;
    auto const threads = std::size_t(b.x) * b.y * b.z;
    if (g.x == 0 || g.y == 0 || g.z == 0 || threads == 0 || threads > most_threads) return cudaErrorInvalidConfiguration;
    if (config.dynamicSmemBytes > allowed_shared_bytes(kernel)) return cudaErrorInvalidValue;
    return submit(config.stream, [=, thread = std::move(thread), shared = config.dynamicSmemBytes] {
        run(name, {g.x, g.y, g.z}, {b.x, b.y, b.z}, shared, thread);
    });
}

char const* cudaGetErrorString(cudaError_t error) {
    switch (error) {
        case cudaSuccess: return "no error";
        case cudaErrorInvalidValue: return "invalid argument";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorInvalidConfiguration: return "invalid configuration argument";
        case cudaErrorNoDevice: return "no CUDA-capable device is detected";
        case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    }
    return "unknown error";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
    *count = emulation::machine().devices;
    return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDevice(int* device) {
    *device = 0;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    std::strcpy(properties->name, "emulated device");
    properties->major = emulation::machine().major, properties->minor = emulation::machine().minor;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    switch (attribute) {
        // Few and odd: grids that are made for the device have blocks with more than one task.
        case cudaDevAttrMultiProcessorCount: return *value = 3, cudaSuccess;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: return *value = static_cast<int>(emulation::most_shared_bytes), cudaSuccess;
    }
    return cudaErrorInvalidValue;
}
cudaError_t cudaFuncSetAttribute(void const* kernel, cudaFuncAttribute, int bytes) {
    if (static_cast<std::size_t>(bytes) > emulation::most_shared_bytes) return cudaErrorInvalidValue;
    allowed_shared_bytes(kernel) = static_cast<std::size_t>(bytes);
    return cudaSuccess;
}
cudaError_t cudaMallocAsync(void** p, std::size_t bytes, cudaStream_t) {
    auto& memory = device_memory();
    std::lock_guard const lock(memory.mutex);
    if (memory.used > emulation::machine().memory || bytes > emulation::machine().memory - memory.used) return cudaErrorMemoryAllocation;
    if (posix_memalign(p, 256, bytes)) return cudaErrorMemoryAllocation;
    memory.blocks[*p] = bytes, memory.used += bytes;
    std::memset(*p, 0xff, bytes);  // NaN in every format: memory that nobody wrote shows
    return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream) {
    if (stream && stream->late) return emulation::submit(stream, [p] { cudaFreeAsync(p, nullptr); });
    auto& memory = device_memory();
    std::lock_guard const lock(memory.mutex);
    if (auto const block = memory.blocks.find(p); block != memory.blocks.end()) {
        memory.used -= block->second;
        memory.blocks.erase(block);
    }
    std::free(p);
    return cudaSuccess;
}
cudaError_t cudaFree(void* p) { return cudaFreeAsync(p, nullptr); }
cudaError_t cudaMallocHost(void** p, std::size_t bytes) { return posix_memalign(p, 64, bytes) ? cudaErrorMemoryAllocation : cudaSuccess; }
cudaError_t cudaFreeHost(void* p) {
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
    if (stream && stream->recording) return cudaErrorStreamCaptureUnsupported;
    if (stream && stream->late) stream->late->run(stream->late->put);
    return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    *stream = new CUstream_st{.late = flags & cudaStreamNonBlocking ? std::make_shared<Queue>() : nullptr};
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    if (stream && stream->recording) return cudaErrorStreamCaptureUnsupported;  // tacet records no events
    return emulation::submit(stream, [before = *event] { before.happen(); });
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = new CUevent_st;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    if (stream && stream->recording) return cudaErrorStreamCaptureUnsupported;
    auto const queue = stream ? stream->late : nullptr;
    *event = {queue, queue ? queue->put : 0};
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    event->happen();
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
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
    ++emulation::machine().graphs;
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
