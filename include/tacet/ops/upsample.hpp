// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/deferred.hpp>
#include <tacet/ops/rows.hpp>
#include <vector>

namespace tacet {

namespace detail {
/// Where element o of a resized line comes from: y[o] = (1 - t) x[i0] + t x[i1].
struct Tap {
    Index i0, i1;
    double t;
};
/// The resizing of n elements to m by linear interpolation, as PyTorch defines it. With `align_corners` the first and the last element keep
/// their places; without, elements are unit squares side by side, and the outermost ones continue beyond their centres.
struct LinearResize {
    Index n, m;
    bool align_corners;

    constexpr Tap tap(Index o) const {
        auto const from = static_cast<double>(n), to = static_cast<double>(m), at = static_cast<double>(o);
        double const aligned = m > 1 ? at * (from - 1) / (to - 1) : 0, centred = std::max((at + 0.5) * from / to - 0.5, 0.0);
        double const s = align_corners ? aligned : centred;
        Index const i0 = std::min(static_cast<Index>(s), n - 1), i1 = std::min(i0 + 1, n - 1);
        return {i0, i1, s - static_cast<double>(i0)};
    }
};
/// The two resizings of a bilinear one.
struct BilinearResize {
    LinearResize h, w;
};
}  // namespace detail

/// Device half of upsampling. x, gx (N, H, W, C); y, gy (N, OH, OW, C), which for `nearest` is (N, f H, f W, C).
template <class D> struct UpsampleKernel {
    static_assert(sizeof(D) == 0, "upsampling has no kernels for this device here: compile this file as .cu");
    static void nearest(auto const&...) {}
    static void nearest_backward(auto const&...) {}
    static void bilinear(auto const&...) {}
    static void bilinear_backward(auto const&...) {}
};

template <> struct UpsampleKernel<Cpu> {
    template <class T> static void nearest(Tensor<T, 4> const& y, Tensor<T, 4> const& x, Index f) {
        for_each_row(x.shape(), y.shape()[2] * f, [&](Index row, Index w, Index c) {
            T* const first = y.data() + row * f * f * w * c;
            for (Index p = 0; p < w * f; ++p) Rows::copy(first + p * c, x.data() + (row * w + p / f) * c, c);
            for (Index i = 1; i < f; ++i) Rows::copy(first + i * f * w * c, first, f * w * c);
        });
    }
    template <class T> static void nearest_backward(Tensor<T, 4> const& gx, Tensor<T, 4> const& gy, Index f) {
        for_each_row(gx.shape(), gy.shape()[2] * f, [&](Index row, Index w, Index c) {
            T* const to = gx.data() + row * w * c;
            Rows::fill(to, w * c, T(0));
            for (Index i = 0; i < f; ++i) {
                T const* const from = gy.data() + (row * f + i) * f * w * c;
                for (Index p = 0; p < w * f; ++p) Rows::add(to + p / f * c, from + p * c, c);
            }
        });
    }

    // Rows first: two rows of x are mixed in one long loop, then neighbouring pixels of the mixture.
    template <class T> static void bilinear(Tensor<T, 4> const& y, Tensor<T, 4> const& x, detail::BilinearResize const& resize) {
        auto const columns = taps(resize.w);
        Index const h = x.shape()[1], line = x.shape()[2] * x.shape()[3];
        for_each_row(y.shape(), y.shape()[2] + x.shape()[2], [&](Index row, Index ow, Index c) {
            std::vector<T> mixed(static_cast<std::size_t>(line));
            auto const tap = resize.h.tap(row % resize.h.m);
            T const* const image = x.data() + row / resize.h.m * h * line;
            mix(mixed.data(), image + tap.i0 * line, image + tap.i1 * line, static_cast<T>(tap.t), line);
            for (Index p = 0; p < ow; ++p) {
                auto const& [i0, i1, t] = columns[static_cast<std::size_t>(p)];
                mix(y.data() + (row * ow + p) * c, mixed.data() + i0 * c, mixed.data() + i1 * c, static_cast<T>(t), c);
            }
        });
    }
    // A row of gx sums, in order, the rows of gy that took from it.
    template <class T> static void bilinear_backward(Tensor<T, 4> const& gx, Tensor<T, 4> const& gy, detail::BilinearResize const& resize) {
        auto const columns = taps(resize.w), rows = taps(resize.h);
        Index const oh = gy.shape()[1], ow = gy.shape()[2], line = ow * gy.shape()[3], h = gx.shape()[1];
        for_each_row(gx.shape(), 2 * ow * (1 + oh / std::max<Index>(h, 1)), [&](Index row, Index w, Index c) {
            std::vector<T> sum(static_cast<std::size_t>(line));
            Index const i = row % h;
            T const* const image = gy.data() + row / h * oh * line;
            auto const first = std::partition_point(rows.begin(), rows.end(), [&](detail::Tap const& tap) { return tap.i1 < i; });
            for (auto tap = first; tap != rows.end() && tap->i0 <= i; ++tap) {
                double const weight = (tap->i0 == i ? 1 - tap->t : 0) + (tap->i1 == i ? tap->t : 0);
                Rows::add_scaled(sum.data(), static_cast<T>(weight), image + (tap - rows.begin()) * line, line);
            }
            T* const to = gx.data() + row * w * c;
            Rows::fill(to, w * c, T(0));
            for (Index p = 0; p < ow; ++p) {
                auto const& [i0, i1, t] = columns[static_cast<std::size_t>(p)];
                Rows::add_scaled(to + i0 * c, static_cast<T>(1 - t), sum.data() + p * c, c);
                Rows::add_scaled(to + i1 * c, static_cast<T>(t), sum.data() + p * c, c);
            }
        });
    }

private:
    using Rows = detail::Rows<Cpu>;

    /// Calls body(row, width, channels) for the rows of all images of `shape`, in parallel; a row costs `pixels` pixels.
    static void for_each_row(Shape<4> const& shape, Index pixels, auto&& body) {
        parallel_ranges(shape[0] * shape[1], Rows::per_task(pixels * shape[3]), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row) body(row, shape[2], shape[3]);
        });
    }
    static std::vector<detail::Tap> taps(detail::LinearResize const& resize) {
        std::vector<detail::Tap> all;
        for (Index o = 0; o < resize.m; ++o) all.push_back(resize.tap(o));
        return all;
    }
    /// y = (1 - t) a + t b; y must not overlap a and b.
    template <class T> static void mix(T* __restrict y, T const* a, T const* b, T t, Index n) {
        for (Index k = 0; k < n; ++k) y[k] = (1 - t) * a[k] + t * b[k];
    }
};

namespace detail {
/// Images x (N, H, W, C) of which every pixel is seen factor x factor times.
template <class T, class D> struct Magnified {
    Variable<T, 4, D> x;
    Index factor = 1;

    Shape<4> shape() const {
        auto const [n, h, w, c] = x.shape().extent;
        return {{n, h * factor, w * factor, c}};
    }
    /// What is seen, in memory of its own.
    Variable<T, 4, D> image() const {
        if (factor == 1) return records(x) ? x : x.detach();
        Tensor<T, 4, D> y(shape());
        UpsampleKernel<D>::nearest(y, x.value(), factor);
        return record(y, [f = factor, slot = x.slot(), shape = x.shape()](Tensor<T, 4, D> const& gy) {
            Tensor<T, 4, D> gx(shape);
            UpsampleKernel<D>::nearest_backward(gx, gy, f);
            deliver(slot, gx);
        }, x);
    }
};

template <class T, class D> struct NearestUpsampling final : Pending<T, 4, D> {
    Magnified<T, D> const of;

    explicit NearestUpsampling(Magnified<T, D> x) : of(std::move(x)) {}
    Shape<4> shape() const override { return of.shape(); }
    Variable<T, 4, D> compute() const override { return of.image(); }
};

/// What an operation reads that can magnify by itself.
template <class T, class D> Magnified<T, D> magnified(Variable<T, 4, D> const& x) { return {x}; }
template <class T, class D> Magnified<T, D> magnified(Deferred<NearestUpsampling<T, D>>&& x) {
    auto const* const waiting = x.waiting();
    return waiting ? waiting->of : Magnified<T, D>{x.var()};
}
}  // namespace detail

/// Every pixel f x f times: (N, H, W, C) into (N, f H, f W, C). Keeps nothing. Deferred: a concatenation or a convolution magnifies
/// what it reads, and the larger images are never in memory.
template <class T, class D>
Deferred<detail::NearestUpsampling<T, D>> upsample_nearest(Variable<T, 4, D> const& x /* (N, H, W, C) */, Index f) {
    check(f > 0, "upsample_nearest: factor ", f, " is not positive");
    return defer<detail::NearestUpsampling<T, D>>(detail::Magnified<T, D>{x, f});
}

/// Bilinear interpolation of (N, H, W, C) to (N, OH, OW, C), `size` = (OH, OW), as PyTorch's interpolate(mode="bilinear"): with
/// `align_corners` the pixels in the corners keep their places and values. Smaller sizes are sampled without a low-pass. Keeps nothing.
template <class T, class D>
Variable<T, 4, D> upsample_bilinear(Variable<T, 4, D> const& x /* (N, H, W, C) */, Shape<2> const& size, bool align_corners = false) {
    auto const [n, h, w, c] = x.shape().extent;
    check_shape(std::min({h, w, size[0], size[1]}) > 0,  //
                "upsample_bilinear: from x ", x.shape(), " to size ", size, ": there must be pixels");
    detail::BilinearResize const resize{{h, size[0], align_corners}, {w, size[1], align_corners}};
    Tensor<T, 4, D> y(Shape{n, size[0], size[1], c});
    UpsampleKernel<D>::bilinear(y, x.value(), resize);
    return record(y, [resize, slot = x.slot(), shape = x.shape()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(shape);
        UpsampleKernel<D>::bilinear_backward(gx, gy, resize);
        deliver(slot, gx);
    }, x);
}
/// Bilinear interpolation to f times the height and width.
template <class T, class D>
Variable<T, 4, D> upsample_bilinear(Variable<T, 4, D> const& x /* (N, H, W, C) */, Index f, bool align_corners = false) {
    check(f > 0, "upsample_bilinear: factor ", f, " is not positive");
    return upsample_bilinear(x, Shape{x.shape()[1] * f, x.shape()[2] * f}, align_corners);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/upsample.cuh>
#endif
