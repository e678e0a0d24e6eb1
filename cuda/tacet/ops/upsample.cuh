// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/place.cuh>
#include <tacet/ops/upsample.hpp>

namespace tacet {
namespace gpu {

template <class T> struct UpsampleNearest {
    T* y;        // (N, f H, f W, C)
    T const* x;  // (N, H, W, C)
    Index w, c, f;
    __device__ void operator()(Index k) const {
        RowPlace const at(k, w * f, c);
        y[k] = x[(at.row / f * w + at.j / f) * c + at.channel];
    }
};
template <class T> struct UpsampleNearestBackward {
    T* gx;
    T const* gy;
    Index w, c, f;
    __device__ void operator()(Index k) const {
        RowPlace const at(k, w, c);
        Wide<T> sum = 0;
        for (Index i = 0; i < f; ++i)
            for (Index j = 0; j < f; ++j) sum += gy[((at.row * f + i) * w * f + at.j * f + j) * c + at.channel];
        gx[k] = static_cast<T>(sum);
    }
};

template <class T> struct UpsampleBilinear {
    T* y;        // (N, OH, OW, C)
    T const* x;  // (N, H, W, C)
    detail::BilinearResize resize;
    Index c;
    __device__ void operator()(Index k) const {
        RowPlace const at(k, resize.w.m, c);
        auto const rows = resize.h.tap(at.row % resize.h.m), columns = resize.w.tap(at.j);
        T const* const image = x + at.row / resize.h.m * resize.h.n * resize.w.n * c + at.channel;
        auto const mixed = [&](Index j) {
            return mix(image[(rows.i0 * resize.w.n + j) * c], image[(rows.i1 * resize.w.n + j) * c], static_cast<Wide<T>>(rows.t));
        };
        y[k] = static_cast<T>(mix(mixed(columns.i0), mixed(columns.i1), static_cast<Wide<T>>(columns.t)));
    }

private:
    __device__ static Wide<T> mix(Wide<T> a, Wide<T> b, Wide<T> t) { return (1 - t) * a + t * b; }
};

/// An element of gx sums, in order, the elements of gy that took from it.
template <class T> struct UpsampleBilinearBackward {
    T* gx;
    T const* gy;
    detail::BilinearResize resize;
    Index c;

    __device__ void operator()(Index k) const {
        RowPlace const at(k, resize.w.n, c);
        Index const i = at.row % resize.h.n, j = at.j;
        T const* const image = gy + at.row / resize.h.n * resize.h.m * resize.w.m * c + at.channel;
        Wide<T> sum = 0;
        for (Index oi = first(resize.h, i); oi < resize.h.m && resize.h.tap(oi).i0 <= i; ++oi) {
            Wide<T> of_row = 0;
            for (Index oj = first(resize.w, j); oj < resize.w.m && resize.w.tap(oj).i0 <= j; ++oj)
                of_row += weight(resize.w, oj, j) * image[(oi * resize.w.m + oj) * c];
            sum += weight(resize.h, oi, i) * of_row;
        }
        gx[k] = static_cast<T>(sum);
    }

private:
    /// The first element of a resized line that may take from i: taps move with it.
    __device__ static Index first(detail::LinearResize const& line, Index i) {
        Index low = 0, high = line.m;
        while (low < high) {
            Index const middle = (low + high) / 2;
            if (line.tap(middle).i1 < i) low = middle + 1;
            else high = middle;
        }
        return low;
    }
    /// How much of element i stands in o.
    __device__ static Wide<T> weight(detail::LinearResize const& line, Index o, Index i) {
        auto const tap = line.tap(o);
        return static_cast<Wide<T>>((tap.i0 == i ? 1 - tap.t : 0) + (tap.i1 == i ? tap.t : 0));
    }
};

}  // namespace gpu

template <> struct UpsampleKernel<Cuda> {
    template <class T> using Images = Tensor<T, 4, Cuda>;

    template <class T> static void nearest(Images<T> const& y, Images<T> const& x, Index f) {
        launch_each("upsample_nearest", y.shape(), gpu::UpsampleNearest<T>{y.data(), x.data(), x.shape()[2], x.shape()[3], f});
    }
    template <class T> static void nearest_backward(Images<T> const& gx, Images<T> const& gy, Index f) {
        launch_each("upsample_nearest_backward", gx.shape(),
                    gpu::UpsampleNearestBackward<T>{gx.data(), gy.data(), gx.shape()[2], gx.shape()[3], f});
    }
    template <class T> static void bilinear(Images<T> const& y, Images<T> const& x, detail::BilinearResize const& resize) {
        launch_each("upsample_bilinear", y.shape(), gpu::UpsampleBilinear<T>{y.data(), x.data(), resize, x.shape()[3]});
    }
    template <class T> static void bilinear_backward(Images<T> const& gx, Images<T> const& gy, detail::BilinearResize const& resize) {
        launch_each("upsample_bilinear_backward", gx.shape(),
                    gpu::UpsampleBilinearBackward<T>{gx.data(), gy.data(), resize, gx.shape()[3]});
    }
};

}  // namespace tacet
