// SPDX-License-Identifier: MIT
#include <support/op_case.hpp>
#include <tacet/core/simd.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/tensor/factory.hpp>
#include <chrono>

#include "networks.hpp"
#include "place.hpp"

// What the processor can do at best with the threads of the pool, and how work is timed there.
namespace tacet::bench {
namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The best of several runs of `work`, in seconds.
double best_time(auto&& work, int runs = 7) {
    double best = 1e300;
    for (int i = 0; i < runs; ++i) {
        double const start = seconds();
        work();
        best = std::min(best, seconds() - start);
    }
    return best;
}

/// Copies 256 MB: far more than any cache holds.
double copy_bandwidth() {
    Index const n = Index(1) << 26;
    auto const from = full(Shape{n}, 1.f), to = full(Shape{n}, 0.f);
    double const time = best_time([&] { to.assign(from); });
    return 2 * static_cast<double>(n) * sizeof(float) / time / 1e9;
}

/// Independent chains of fused multiply-adds in registers.
double fma_peak() {
    using V = Simd<float>;
    constexpr int chains = 12;
    constexpr Index rounds = 4'000'000;
    std::vector<float> sink(static_cast<std::size_t>(num_threads()));
    double const time = best_time([&] {
        parallel_for(num_threads(), [&](Index task) {
            V const a = V::broadcast(1.0000001f), b = V::broadcast(1e-9f);
            V sum[chains];
            for (auto& s : sum) s = V::broadcast(static_cast<float>(task));
            for (Index r = 0; r < rounds; ++r)
                for (auto& s : sum) s = fma(s, a, b);
            V total = sum[0];
            for (int k = 1; k < chains; ++k) total = total + sum[k];
            sink[static_cast<std::size_t>(task)] = reduce_add(total);
        });
    });
    return 2.0 * chains * V::lanes * static_cast<double>(rounds) * num_threads() / time / 1e9;
}

void time_work(benchmark::State& state, std::function<void()> const& work) {
    for (auto _ : state) {
        work();
        benchmark::ClobberMemory();
    }
}

}  // namespace

Place cpu_place() {
    Place place{.ceilings = {copy_bandwidth(), fma_peak()}, .time = time_work, .train_step = unet_train_step<float, Cpu>,
                .inference = unet_inference<float, Cpu>};
    for (auto const& op : test::op_cases()) place.operations.push_back({&op, &op.f32});
    place.context = {{"device", "cpu"}, {"type", "float"}, {"isa", isa()}, {"threads", std::to_string(num_threads())}};
    return place;
}

}  // namespace tacet::bench
