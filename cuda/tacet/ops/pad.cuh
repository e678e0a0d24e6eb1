// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/ops/pad.hpp>

namespace tacet {
namespace gpu {

template <class T> struct Pad {
    T* y;        // (N, OH, OW, C)
    T const* x;  // (N, H, W, C)
    detail::PadGrid grid;
    Index c;
    T value;
    __device__ void operator()(Index k) const {
        Index const pixel = k / c, row = pixel / grid.w.m;
        Index const i = grid.h.source(row % grid.h.m), j = grid.w.source(pixel % grid.w.m);
        y[k] = i < 0 || j < 0 ? value : x[((row / grid.h.m * grid.h.n + i) * grid.w.n + j) * c + k % c];
    }
};

/// An element of gx sums those of gy that repeat it, in the order of the CPU: rows inside, then those of the padding; columns likewise.
template <class T> struct PadBackward {
    T* gx;
    T const* gy;
    detail::PadGrid grid;
    Index c;

    __device__ void operator()(Index k) const {
        Index const pixel = k / c, row = pixel / grid.w.n, j = pixel % grid.w.n, i = row % grid.h.n;
        T const* const image = gy + row / grid.h.n * grid.h.m * grid.w.m * c + k % c;
        Wide<T> sum = 0;
        each_repeat(grid.h, i, [&](Index oi) { each_repeat(grid.w, j, [&](Index oj) { sum += image[(oi * grid.w.m + oj) * c]; }); });
        gx[k] = static_cast<T>(sum);
    }

private:
    /// Calls body(o) for every o of a line where element i stands.
    template <class F> __device__ static void each_repeat(detail::PadLine const& line, Index i, F const& body) {
        Index const inside = i + line.before;
        if (inside >= 0 && inside < line.m) body(inside);
        for (Index o = 0; o < line.begin(); ++o)
            if (line.source(o) == i) body(o);
        for (Index o = line.end(); o < line.m; ++o)
            if (line.source(o) == i) body(o);
    }
};

}  // namespace gpu

template <> struct PadKernel<Cuda> {
    template <class T>
    static void run(Tensor<T, 4, Cuda> const& y, Tensor<T, 4, Cuda> const& x, detail::PadGrid const& grid, T value) {
        launch_each("pad", y.shape(), gpu::Pad<T>{y.data(), x.data(), grid, x.shape()[3], value});
    }
    template <class T> static void backward(Tensor<T, 4, Cuda> const& gx, Tensor<T, 4, Cuda> const& gy, detail::PadGrid const& grid) {
        launch_each("pad_backward", gx.shape(), gpu::PadBackward<T>{gx.data(), gy.data(), grid, gx.shape()[3]});
    }
};

}  // namespace tacet
