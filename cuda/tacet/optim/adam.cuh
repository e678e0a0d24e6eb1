// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/optim/adam.hpp>

namespace tacet {
namespace gpu {

template <class T> struct AdamStep {
    T* w;
    T const* g;
    T *m, *v;
    detail::AdamFactors<T> f;
    __device__ void operator()(Index k) const {
        T const g0 = std::fma(f.gradient_decay, w[k], g[k]);
        T const m1 = std::fma(f.add1, g0 - m[k], m[k]), v1 = std::fma(f.add2 * g0, g0, f.keep2 * v[k]);
        m[k] = m1;
        v[k] = v1;
        w[k] = f.weight_factor * w[k] - f.step * m1 / (std::sqrt(v1) / f.root2 + f.epsilon);
    }
};

}  // namespace gpu

template <> struct AdamKernel<Cuda> {
    template <class T> static void step(T* w, T const* g, T* m, T* v, Index n, detail::AdamFactors<T> const& factors) {
        launch_each("adam", n, gpu::AdamStep<T>{w, g, m, v, factors});
    }
};

}  // namespace tacet
