// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/optim/adam.hpp>

namespace tacet {
namespace gpu {

template <class T> struct AdamMove {
    T *mean, *square, *average;  // for all parameters; the average may be null
    detail::AdamStep<T> const* step;
    __device__ void operator()(typename ParameterBatch<T>::Entry const& entry, ParameterPiece const& piece, Index) const {
        auto const now = *step;  // a copy: what is written could overlap it
        for (Index k = piece.first; now.moves && k < piece.end; k += ParameterBatch<T>::threads) {
            T w = entry.w[k];
            Index const at = entry.place + k;
            if (entry.g) entry.w[k] = w = moved(now.factors, w, entry.g[k], mean[at], square[at]);
            if (average) average[at] += now.average_share * (w - average[at]);
        }
    }

private:
    __device__ static T moved(detail::AdamFactors<T> const& f, T w, T g, T& m, T& v) {
        T const g0 = std::fma(f.gradient_decay, w, f.gradient * g);
        m = std::fma(f.add1, g0 - m, m);
        v = std::fma(f.add2 * g0, g0, f.keep2 * v);
        return f.weight_factor * w - f.step * m / (std::sqrt(v) / f.root2 + f.epsilon);
    }
};

}  // namespace gpu

template <> struct AdamKernel<Cuda> {
    static void plan(auto const& p) { launch_each("adam_plan", 1, p); }
    template <class T>
    static void move(std::vector<ParameterRun<T, Cuda>> const& runs, Tensor<T, 1, Cuda> const& mean, Tensor<T, 1, Cuda> const& square,
                     Tensor<T, 1, Cuda> const& average, detail::AdamStep<T> const* step) {
        T* const followed = average.size() > 0 ? average.data() : nullptr;
        launch_over_parameters("adam", runs, gpu::AdamMove<T>{mean.data(), square.data(), followed, step});
    }
};

}  // namespace tacet
