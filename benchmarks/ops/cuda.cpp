// SPDX-License-Identifier: MIT
// How work is timed on a GPU, by its events, and what the GPU can do at best. A build with CUDA has this file, compiled by nvcc.
#include <gpu.hpp>
#include <device_case.hpp>
#include <tacet/core/launch.cuh>
#include <tacet/core/mma.cuh>
#include <tacet/core/replay.hpp>
#include <tacet/tensor/factory.hpp>
#include <algorithm>

#include "networks.hpp"
#include "place.hpp"

namespace tacet::bench {
namespace {

/// Two moments on the current stream.
class Stopwatch {
public:
    Stopwatch() {
        check_cuda(cudaEventCreate(&start_), "making an event");
        check_cuda(cudaEventCreate(&stop_), "making an event");
    }
    ~Stopwatch() {
        cudaEventDestroy(start_);
        cudaEventDestroy(stop_);
    }
    Stopwatch(Stopwatch const&) = delete;
    Stopwatch& operator=(Stopwatch const&) = delete;

    /// How long the GPU takes, in seconds.
    double seconds(auto&& work) {
        check_cuda(cudaEventRecord(start_, current_stream()), "timing");
        work();
        check_cuda(cudaEventRecord(stop_, current_stream()), "timing");
        check_cuda(cudaEventSynchronize(stop_), "computing on the GPU");
        float milliseconds = 0;
        check_cuda(cudaEventElapsedTime(&milliseconds, start_, stop_), "timing");
        return static_cast<double>(milliseconds) / 1e3;
    }
    /// The best of several runs, after one that warms up.
    double best(auto&& work, int runs = 7) {
        work();
        double best = 1e300;
        for (int i = 0; i < runs; ++i) best = std::min(best, seconds(work));
        return best;
    }

private:
    cudaEvent_t start_ = nullptr, stop_ = nullptr;
};

/// Does the work often enough between two events to last a millisecond, as one recorded graph: the host, which takes longer than short
/// kernels, has no part in it. The label says so, or why the work is launched by the host each time.
void time_work(benchmark::State& state, std::function<void()> const& work) {
    Stopwatch watch;
    double const once = watch.best(work, 3);
    auto const times = static_cast<benchmark::IterationCount>(std::clamp(1e-3 / once, 2.0, 100.0));
    Replay repeated([&] {
        for (benchmark::IterationCount k = 0; k < times; ++k) work();
        return times;
    });
    for (int call = 0; call < 3; ++call) repeated();  // warms up, is recorded, is launched
    while (state.KeepRunningBatch(times)) state.SetIterationTime(watch.seconds([&] { repeated(); }));
    state.SetLabel(repeated.recorded() ? concat_text("graph of ", times) : "launched by the host: " + repeated.why());
}

/// Copies 512 MB: far more than any cache holds.
double copy_bandwidth() {
    Index const n = Index(1) << 27;
    Tensor<float, 1, Cuda> const from(Shape{n}), to(Shape{n});
    auto const bytes = static_cast<std::size_t>(n) * sizeof(float);
    double const time = Stopwatch().best(
        [&] { check_cuda(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, current_stream()), "copying"); });
    return 2 * static_cast<double>(bytes) / time / 1e9;
}

constexpr int chains = 8, threads = 256;  // independent sums of a thread, enough to wait for none

__global__ void fma_chains(float* sink, int rounds, float a, float b) {
    float sum[chains];
    for (int k = 0; k < chains; ++k) sum[k] = static_cast<float>(threadIdx.x + k);
    for (int r = 0; r < rounds; ++r) {
        #pragma unroll
        for (int k = 0; k < chains; ++k) sum[k] = fmaf(sum[k], a, b);
    }
    float total = 0;
    for (float const s : sum) total += s;
    sink[blockIdx.x * blockDim.x + threadIdx.x] = total;
}
template <class T> __global__ void mma_chains(float* sink, int rounds, std::uint32_t pair) {
    warp::MatrixA const a{{pair, pair, pair, pair}};
    warp::MatrixB const b{{pair, pair}};
    warp::MatrixC sum[chains];
    for (int r = 0; r < rounds; ++r) {
        #pragma unroll
        for (int k = 0; k < chains; ++k) warp::multiply<T>(sum[k], a, b);
    }
    float total = 0;
    for (auto const& s : sum) total += s.v[0] + s.v[1] + s.v[2] + s.v[3];
    sink[blockIdx.x * blockDim.x + threadIdx.x] = total;
}

/// GFLOP/s of a kernel of chains, each thread of which does `flops` in a round.
template <class... P, class... A> double peak_of(char const* name, double flops, void (*kernel)(float*, int, P...), A const&... args) {
    Index const blocks = 8 * device_attribute(cudaDevAttrMultiProcessorCount);
    constexpr int rounds = 1 << 14;
    Tensor<float, 1, Cuda> const sink(Shape{blocks * threads});
    double const time = Stopwatch().best([&] { launch(name, Grid{blocks, threads}, kernel, sink.data(), rounds, args...); });
    return flops * rounds * static_cast<double>(blocks) * threads / time / 1e9;
}

/// In float, multiply-adds; in 16 bits, the products of warps on the tensor cores that kernels are made of (core/mma.cuh), m16n8k16.
template <class X> double peak() {
    if constexpr (std::is_same_v<X, float>) return peak_of("fma peak", 2.0 * chains, &fma_chains, 1.0000001f, 1e-9f);
    else {
        std::uint32_t const small = X(0.01f).bits;
        return peak_of("mma peak", 2.0 * 16 * 8 * 16 / warp::size * chains, &mma_chains<X>, small | small << 16);
    }
}

template <class X> Place place_of(test::MakeRun const& (*run)(test::DeviceCase const&)) {
    Place place{.bytes_of_number = sizeof(X), .ceilings = {copy_bandwidth(), peak<X>()}, .manual_time = true, .time = time_work,
                .train_step = unet_train_step<X, Cuda>, .inference = unet_inference<X, Cuda>};
    for (auto const& c : test::device_cases()) place.operations.push_back({&c.op, &run(c)});
    place.context = {{"device", device_name()}, {"peak", is_16_bit<X> ? "mma.sync m16n8k16" : "fused multiply-add"}, {"L2 cache", "warm"}};
    return place;
}
Place place_of_type(std::string const& type) {
    if (type == "bfloat16") return place_of<BFloat16>([](test::DeviceCase const& c) -> test::MakeRun const& { return c.bfloat16; });
    if (type == "half") return place_of<Half>([](test::DeviceCase const& c) -> test::MakeRun const& { return c.half; });
    return place_of<float>([](test::DeviceCase const& c) -> test::MakeRun const& { return c.op.f32; });
}

}  // namespace

Place cuda_place(std::string const& type) {
    auto const missing = test::missing_gpu();
    check(missing.empty(), missing, "; --device=cpu times the processor");
    Place place = place_of_type(type);
    place.context.emplace_back("type", type);
    return place;
}

}  // namespace tacet::bench
