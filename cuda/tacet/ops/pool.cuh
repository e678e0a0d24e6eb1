// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/candidate.cuh>
#include <tacet/core/launch.cuh>
#include <tacet/core/place.cuh>
#include <tacet/ops/pool.hpp>

namespace tacet {
namespace gpu {

/// The sum of term(i, j) over a rectangle, row by row.
template <class T, class F> __device__ Wide<T> sum_over(detail::PoolArea const& area, F const& term) {
    Wide<T> sum = 0;
    for (Index i = area.top; i < area.bottom; ++i)
        for (Index j = area.left; j < area.right; ++j) sum += term(i, j);
    return sum;
}

template <class T> struct MaxPool {
    T* y;                  // (N, OH, OW, C)
    std::uint8_t* argmax;  // (N, OH, OW, C), or null
    T const* x;            // (N, H, W, C)
    detail::PoolGrid grid;
    __device__ void operator()(Index k) const {
        Place const at(k, grid.y);
        auto const area = grid.pixels(at.image, at.i, at.j);
        Index const c = grid.x[3];
        T best = x[area.at(area.top, area.left) * c + at.channel];
        Index winner = grid.position(at.i, at.j, area.top, area.left);
        for (Index i = area.top; i < area.bottom; ++i)
            for (Index j = area.left; j < area.right; ++j)
                if (T const v = x[area.at(i, j) * c + at.channel]; v > best || (v != v && best == best))
                    best = v, winner = grid.position(at.i, at.j, i, j);
        y[k] = best;
        if (argmax) argmax[k] = static_cast<std::uint8_t>(winner);
    }
};
template <class T> struct MaxPoolBackward {
    T* gx;
    T const* gy;
    std::uint8_t const* argmax;
    detail::PoolGrid grid;
    __device__ void operator()(Index k) const {
        Place const at(k, grid.x);
        auto const area = grid.windows(at.image, at.i, at.j);
        gx[k] = static_cast<T>(sum_over<T>(area, [&](Index oi, Index oj) {
            Index const o = area.at(oi, oj) * grid.x[3] + at.channel;
            return argmax[o] == grid.position(oi, oj, at.i, at.j) ? gy[o] : T(0);
        }));
    }
};

template <class T> struct AvgPool {
    T* y;
    T const* x;
    detail::PoolGrid grid;
    bool count_padding;
    __device__ void operator()(Index k) const {
        Place const at(k, grid.y);
        auto const area = grid.pixels(at.image, at.i, at.j);
        Wide<T> const sum = sum_over<T>(area, [&](Index i, Index j) { return x[area.at(i, j) * grid.x[3] + at.channel]; });
        y[k] = static_cast<T>(sum / static_cast<Wide<T>>(grid.count(at.i, at.j, count_padding)));
    }
};
template <class T> struct AvgPoolBackward {
    T* gx;
    T const* gy;
    detail::PoolGrid grid;
    bool count_padding;
    __device__ void operator()(Index k) const {
        Place const at(k, grid.x);
        auto const area = grid.windows(at.image, at.i, at.j);
        gx[k] = static_cast<T>(sum_over<T>(area, [&](Index oi, Index oj) {
            return 1 / static_cast<Wide<T>>(grid.count(oi, oj, count_padding)) * gy[area.at(oi, oj) * grid.x[3] + at.channel];
        }));
    }
};

/// A warp for each channel of each image.
template <class T>
__global__ void global_max_pool(T* y, Index* argmax /* (N, C) */, T const* x /* (N, pixels, C) */, Index results, Index pixels, Index c) {
    Index const task = warp::task();
    if (task >= results) return;
    T const* const channel = x + task / c * pixels * c + task % c;
    Candidate<Wide<T>> best{0, -1};
    for (Index p = warp::lane(); p < pixels; p += warp::size) {
        Candidate<Wide<T>> const next{channel[p * c], p};
        if (next.beats(best)) best = next;
    }
    best = best_of_warp(best);
    if (warp::lane() == 0) y[task] = static_cast<T>(best.value), argmax[task] = best.position;
}
template <class T> struct GlobalMaxBackward {
    T* gx;               // (N, pixels, C)
    T const* gy;         // (N, C)
    Index const* argmax; // (N, C)
    Index pixels, c;
    __device__ void operator()(Index k) const {
        Index const o = k / (pixels * c) * c + k % c;
        gx[k] = argmax[o] == k / c % pixels ? gy[o] : T(0);
    }
};

}  // namespace gpu

template <> struct PoolKernel<Cuda> {
    template <class T> using Images = Tensor<T, 4, Cuda>;

    template <class T>
    static void max(Images<T> const& y, Images<std::uint8_t> const& argmax, Images<T> const& x, detail::PoolGrid const& grid) {
        launch_each("max_pool2d", y.shape(), gpu::MaxPool<T>{y.data(), argmax.data(), x.data(), grid});
    }
    template <class T>
    static void max_backward(Images<T> const& gx, Images<T> const& gy, Images<std::uint8_t> const& argmax, detail::PoolGrid const& grid) {
        launch_each("max_pool2d_backward", gx.shape(), gpu::MaxPoolBackward<T>{gx.data(), gy.data(), argmax.data(), grid});
    }
    template <class T> static void avg(Images<T> const& y, Images<T> const& x, detail::PoolGrid const& grid, bool count_padding) {
        launch_each("avg_pool2d", y.shape(), gpu::AvgPool<T>{y.data(), x.data(), grid, count_padding});
    }
    template <class T>
    static void avg_backward(Images<T> const& gx, Images<T> const& gy, detail::PoolGrid const& grid, bool count_padding) {
        launch_each("avg_pool2d_backward", gx.shape(), gpu::AvgPoolBackward<T>{gx.data(), gy.data(), grid, count_padding});
    }
    template <class T> static void global_max(Images<T> const& y, Images<Index> const& argmax, Images<T> const& x) {
        launch_warps({"global_max_pool", x.shape()}, y.size(), &gpu::global_max_pool<T>, y.data(), argmax.data(), x.data(), y.size(),
                     x.shape()[1] * x.shape()[2], x.shape()[3]);
    }
    template <class T> static void global_max_backward(Images<T> const& gx, Images<T> const& gy, Images<Index> const& argmax) {
        launch_each("global_max_pool_backward", gx.shape(),
                    gpu::GlobalMaxBackward<T>{gx.data(), gy.data(), argmax.data(), gx.shape()[1] * gx.shape()[2], gx.shape()[3]});
    }
    template <class T> static void global_avg(Images<T> const& y, Images<T> const& x) {
        Images<Wide<T>> const sum(y.shape());
        sum_into(sum, x);
        y.assign(cast<T>(sum / static_cast<Wide<T>>(x.shape()[1] * x.shape()[2])));
    }
    template <class T> static void global_avg_backward(Images<T> const& gx, Images<T> const& gy) {
        gx.assign(gy / static_cast<Wide<T>>(gx.shape()[1] * gx.shape()[2]));
    }
};

}  // namespace tacet
