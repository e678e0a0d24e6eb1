// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/simd.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/tensor/factory.hpp>
#include <chrono>

namespace tacet::bench {

/// What this machine can do at best, with the threads of the pool: the ceilings that results are compared with.
struct Ceilings {
    double copy_gb_s = 0;     // bytes read plus bytes written
    double fma_gflop_s = 0;   // float
};

inline double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The best of several runs of `work`, in seconds.
inline double best_time(auto&& work, int runs = 7) {
    double best = 1e300;
    for (int i = 0; i < runs; ++i) {
        double const start = seconds();
        work();
        best = std::min(best, seconds() - start);
    }
    return best;
}

/// Copies 256 MB: far more than any cache holds.
inline double copy_bandwidth() {
    Index const n = Index(1) << 26;
    auto const from = full(Shape{n}, 1.f), to = full(Shape{n}, 0.f);
    double const time = best_time([&] { to.assign(from); });
    return 2 * static_cast<double>(n) * sizeof(float) / time / 1e9;
}

/// Independent chains of fused multiply-adds in registers.
inline double fma_peak() {
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

inline Ceilings measure_ceilings() { return {copy_bandwidth(), fma_peak()}; }

}  // namespace tacet::bench
