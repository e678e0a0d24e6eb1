// SPDX-License-Identifier: MIT
// Our side of the comparison on a GPU (../peers/server.hpp), timed by the GPU's own clock. gpu.py asks.
#include "../peers/server.hpp"
#include "works.hpp"

namespace tacet::bench {
namespace {

/// A point in the work of the GPU.
class Event {
public:
    Event() { check_cuda(cudaEventCreate(&event_), "making an event"); }
    Event(Event const&) = delete;
    Event& operator=(Event const&) = delete;
    ~Event() { cudaEventDestroy(event_); }

    void record() { check_cuda(cudaEventRecord(event_, current_stream()), "recording an event"); }
    /// Waits for this one; seconds since the other.
    double since(Event const& other) {
        float milliseconds = 0;
        check_cuda(cudaEventSynchronize(event_), "waiting for the GPU");
        check_cuda(cudaEventElapsedTime(&milliseconds, other.event_, event_), "asking for a time");
        return milliseconds / 1e3;
    }

private:
    cudaEvent_t event_ = nullptr;
};

double gpu_seconds(std::function<void()> const& step, int count) {
    check_cuda(cudaDeviceSynchronize(), "waiting for the GPU");
    Event begin, end;
    begin.record();
    for (int i = 0; i < count; ++i) step();
    end.record();
    return end.since(begin);
}

Works all_works() {
    Works all = operation_works();
    for (Works more : {unet_works(), swinir_inference_works(), swinir_training_works()}) all.merge(more);
    return all;
}

/// The version of the CUDA runtime, as in "13.0".
std::string runtime_version() {
    int version = 0;
    check_cuda(cudaRuntimeGetVersion(&version), "asking for the version");
    return concat_text(version / 1000, '.', version % 1000 / 10);
}

void run() {
    check_gpu();
    auto const device = concat_text(device_name(), ", CUDA ", runtime_version());
    serve({.works = all_works(), .device = device, .seconds = gpu_seconds, .further = {}});
}

}  // namespace
}  // namespace tacet::bench

int main() {
    try {
        tacet::bench::run();
    } catch (std::exception const& error) {
        std::cerr << "gpu: " << error.what() << '\n';
        return 1;
    }
}
