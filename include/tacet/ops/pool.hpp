// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/pool_geometry.hpp>
#include <tacet/ops/rows.hpp>
#include <tacet/ops/vectors.hpp>
#include <array>
#include <cstdint>

namespace tacet {

/// Device half of the poolings. x, gx (N, H, W, C); y, gy, argmax (N, OH, OW, C), where argmax is the winner's number within its window;
/// of the global ones y, gy, argmax (N, 1, 1, C), where argmax is the winner's number within the image. Undefined, argmax is not wanted.
template <class D> struct PoolKernel {
    static_assert(sizeof(D) == 0, "pooling has no kernels for this device here: compile this file as .cu");
    static void max(auto const&...) {}
    static void max_backward(auto const&...) {}
    static void avg(auto const&...) {}
    static void avg_backward(auto const&...) {}
    static void global_max(auto const&...) {}
    static void global_max_backward(auto const&...) {}
    static void global_avg(auto const&...) {}
    static void global_avg_backward(auto const&...) {}
};

template <> struct PoolKernel<Cpu> {
    template <class T>
    static void max(Tensor<T, 4> const& y, Tensor<std::uint8_t, 4> const& argmax, Tensor<T, 4> const& x, detail::PoolGrid const& grid) {
        Index const c = x.shape()[3], ow = y.shape()[2];
        bool const wanted = argmax.size() > 0;
        for_rows(y.shape(), grid, [&](Index image, Index oi, Index row) {
            std::vector<T> winner(static_cast<std::size_t>(wanted ? ow * c : 0));
            for (Index oj = 0; oj < ow; ++oj) {
                Taps taps;
                taps.collect(grid.pixels(image, oi, oj), [&](Index i, Index j) { return grid.position(oi, oj, i, j); });
                max_pixel(y.data() + (row + oj) * c, wanted ? winner.data() + oj * c : nullptr, x.data(), taps, c);
            }
            if (wanted) to_bytes(argmax.data() + row * c, winner.data(), ow * c);
        });
    }
    // A row of gx collects from the rows of windows that it lies in. So no two tasks write the same row.
    template <class T>
    static void max_backward(Tensor<T, 4> const& gx, Tensor<T, 4> const& gy, Tensor<std::uint8_t, 4> const& argmax,
                             detail::PoolGrid const& grid) {
        Index const w = gx.shape()[2], c = gx.shape()[3], ow = gy.shape()[2];
        for_rows(gx.shape(), grid, [&](Index image, Index i, Index row) {
            std::vector<T> winner(static_cast<std::size_t>(ow * c));
            Rows::fill(gx.data() + row * c, w * c, T(0));
            auto const rows = grid.windows(image, i, 0);
            for (Index oi = rows.top; oi < rows.bottom; ++oi) {
                Index const first = rows.at(oi, 0) * c;
                from_bytes(winner.data(), argmax.data() + first, ow * c);
                for (Index oj = 0; oj < ow; ++oj) {
                    auto const area = grid.pixels(image, oi, oj);
                    for (Index j = area.left; j < area.right; ++j)
                        add_where(gx.data() + (row + j) * c, gy.data() + first + oj * c, winner.data() + oj * c,
                                  static_cast<T>(grid.position(oi, oj, i, j)), c);
                }
            }
        });
    }

    template <class T> static void avg(Tensor<T, 4> const& y, Tensor<T, 4> const& x, detail::PoolGrid const& grid, bool count_padding) {
        Index const c = x.shape()[3], ow = y.shape()[2];
        for_rows(y.shape(), grid, [&](Index image, Index oi, Index row) {
            for (Index oj = 0; oj < ow; ++oj) {
                auto const area = grid.pixels(image, oi, oj);
                T* const sum = y.data() + (row + oj) * c;
                Rows::fill(sum, c, T(0));
                for (Index i = area.top; i < area.bottom; ++i)
                    for (Index j = area.left; j < area.right; ++j) Rows::add(sum, x.data() + area.at(i, j) * c, c);
                Rows::divide(sum, c, static_cast<T>(grid.count(oi, oj, count_padding)));
            }
        });
    }
    template <class T>
    static void avg_backward(Tensor<T, 4> const& gx, Tensor<T, 4> const& gy, detail::PoolGrid const& grid, bool count_padding) {
        Index const w = gx.shape()[2], c = gx.shape()[3];
        for_rows(gx.shape(), grid, [&](Index image, Index i, Index row) {
            for (Index j = 0; j < w; ++j) {
                auto const area = grid.windows(image, i, j);
                T* const g = gx.data() + (row + j) * c;
                Rows::fill(g, c, T(0));
                for (Index oi = area.top; oi < area.bottom; ++oi)
                    for (Index oj = area.left; oj < area.right; ++oj)
                        Rows::add_scaled(g, 1 / static_cast<T>(grid.count(oi, oj, count_padding)), gy.data() + area.at(oi, oj) * c, c);
            }
        });
    }

    template <class T> static void global_max(Tensor<T, 4> const& y, Tensor<Index, 4> const& argmax, Tensor<T, 4> const& x) {
        Index const pixels = x.shape()[1] * x.shape()[2], c = x.shape()[3], block = 64;  // channels that one task looks at
        Index const blocks = (c + block - 1) / block;
        parallel_for(x.shape()[0] * blocks, [&](Index task) {
            Index const image = task / blocks, first = task % blocks * block, n = std::min(block, c - first);
            T const* const v = x.data() + image * pixels * c + first;
            T* const best = y.data() + image * c + first;
            Index* const at = argmax.data() + image * c + first;
            Rows::copy(best, v, n);
            Rows::fill(at, n, Index(0));
            for (Index p = 1; p < pixels; ++p) take_larger(best, at, v + p * c, p, n);
        });
    }
    template <class T> static void global_max_backward(Tensor<T, 4> const& gx, Tensor<T, 4> const& gy, Tensor<Index, 4> const& argmax) {
        Index const pixels = gx.shape()[1] * gx.shape()[2], c = gx.shape()[3];
        parallel_ranges(gx.shape()[0] * pixels, Rows::per_task(c), [&](Index begin, Index end) {
            for (Index p = begin; p < end; ++p) {
                Index const o = p / pixels * c;
                Rows::fill(gx.data() + p * c, c, T(0));
                add_where(gx.data() + p * c, gy.data() + o, argmax.data() + o, p % pixels, c);
            }
        });
    }

    template <class T> static void global_avg(Tensor<T, 4> const& y, Tensor<T, 4> const& x) {
        Index const pixels = x.shape()[1] * x.shape()[2], c = x.shape()[3];
        auto const sums = detail::channel_sums<1>(x.shape()[0], pixels, c, [&](Index begin, Index end, double* sum /* (c) */) {
            Index p = begin;
            for (; p + 4 <= end; p += 4) add_four(sum, x.data() + p * c, c);
            for (; p < end; ++p) Rows::add(sum, x.data() + p * c, c);
        });
        for (Index k = 0; k < y.size(); ++k) y.data()[k] = static_cast<T>(sums[static_cast<std::size_t>(k)] / static_cast<double>(pixels));
    }
    template <class T> static void global_avg_backward(Tensor<T, 4> const& gx, Tensor<T, 4> const& gy) {
        gx.assign(gy / static_cast<T>(gx.shape()[1] * gx.shape()[2]));
    }

private:
    using Rows = detail::Rows<Cpu>;

    /// Calls body(image, row within the image, number of the row's first pixel) for all rows of images of `shape`, in parallel.
    static void for_rows(Shape<4> const& shape, detail::PoolGrid const& grid, auto&& body) {
        Index const work = shape[2] * shape[3] * grid.window.kernel * grid.window.kernel;
        parallel_ranges(shape[0] * shape[1], Rows::per_task(work), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row) body(row / shape[1], row % shape[1], row * shape[2]);
        });
    }
    /// The pixels of a window, or the windows of a pixel: the numbers of the pixels, and the positions within the windows.
    struct Taps {
        std::size_t count = 0;
        std::array<Index, 256> pixel;
        std::array<int, 256> position;

        void collect(detail::PoolArea const& area, auto&& position_of) {
            for (Index i = area.top; i < area.bottom; ++i)
                for (Index j = area.left; j < area.right; ++j, ++count) {
                    pixel[count] = area.at(i, j);
                    position[count] = static_cast<int>(position_of(i, j));
                }
        }
    };
    template <class T> static Simd<T> everywhere(int position) { return Simd<T>::broadcast(static_cast<T>(position)); }
    /// y = the largest of the taps; NaN is larger than any number. `winner` (c) gets its position unless it is nullptr.
    template <class T> static void max_pixel(T* y, T* winner, T const* x, Taps const& taps, Index c) {
        detail::kernel::for_vectors<Simd<T>>(c, [&](Index k, auto lanes) {
            detail::kernel::Largest<Simd<T>> largest{lanes.load(x + taps.pixel[0] * c + k), everywhere<T>(taps.position[0])};
            for (std::size_t t = 1; t < taps.count; ++t)
                largest.offer(lanes.load(x + taps.pixel[t] * c + k), everywhere<T>(taps.position[t]));
            lanes.store(y + k, largest.best);
            if (winner) lanes.store(winner + k, largest.number);
        });
    }
    // Positions are numbers of type T while they are compared, and bytes while they are kept: both loops become vector code.
    template <class T> static void to_bytes(std::uint8_t* __restrict to, T const* __restrict from, Index n) {
        for (Index k = 0; k < n; ++k) to[k] = static_cast<std::uint8_t>(static_cast<int>(from[k]));
    }
    template <class T> static void from_bytes(T* __restrict to, std::uint8_t const* __restrict from, Index n) {
        for (Index k = 0; k < n; ++k) to[k] = static_cast<T>(static_cast<int>(from[k]));
    }

    template <class T> static void take_larger(T* __restrict best, Index* __restrict at, T const* __restrict v, Index here, Index n) {
        for (Index k = 0; k < n; ++k) {
            bool const larger = bool((v[k] > best[k]) | (v[k] != v[k]));
            best[k] = larger ? v[k] : best[k];
            at[k] = larger ? here : at[k];
        }
    }
    /// sum += the four rows of x (4, c): fewer trips to `sum`.
    template <class T> static void add_four(double* __restrict sum, T const* __restrict x, Index c) {
        for (Index k = 0; k < c; ++k) sum[k] += (x[k] + x[c + k]) + (x[2 * c + k] + x[3 * c + k]);
    }
    /// gx += gy where winner == here
    template <class T, class P>
    static void add_where(T* __restrict gx, T const* __restrict gy, P const* __restrict winner, P here, Index n) {
        for (Index k = 0; k < n; ++k) gx[k] += winner[k] == here ? gy[k] : T(0);
    }
};

/// The largest element of every kernel x kernel window, per channel: (N, H, W, C) into (N, OH, OW, C) with
/// OH = (H + 2 padding - kernel) / stride + 1, rounded down. Stride 0 means stride = kernel; kernel <= 16; padding never wins.
/// Of equal elements the first gets the gradient; NaN is larger than any number. Keeps the winners' positions, one byte each.
template <class T, class D>
Variable<T, 4, D> max_pool2d(Variable<T, 4, D> const& x /* (N, H, W, C) */, Index kernel, Index stride = 0, Index padding = 0) {
    check(kernel <= 16, "max_pool2d: kernel ", kernel, " is larger than 16");
    auto const grid = detail::pool_grid("max_pool2d", x.shape(), kernel, stride, padding);
    Tensor<T, 4, D> y(grid.y);
    Tensor<std::uint8_t, 4, D> argmax;
    if (records(x)) argmax = Tensor<std::uint8_t, 4, D>(grid.y);
    PoolKernel<D>::max(y, argmax, x.value(), grid);
    return record(y, [argmax, grid, slot = x.slot()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(grid.x);
        PoolKernel<D>::max_backward(gx, gy, argmax, grid);
        deliver(slot, gx);
    }, x);
}

/// The mean of every kernel x kernel window, per channel; shapes as for max_pool2d. Padding counts as zeros, as is PyTorch's default,
/// unless `count_padding` is false: then it is left out of the mean. Keeps nothing.
template <class T, class D>
Variable<T, 4, D> avg_pool2d(Variable<T, 4, D> const& x /* (N, H, W, C) */, Index kernel, Index stride = 0, Index padding = 0,
                             bool count_padding = true) {
    auto const grid = detail::pool_grid("avg_pool2d", x.shape(), kernel, stride, padding);
    Tensor<T, 4, D> y(grid.y);
    PoolKernel<D>::avg(y, x.value(), grid, count_padding);
    return record(y, [grid, count_padding, slot = x.slot()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(grid.x);
        PoolKernel<D>::avg_backward(gx, gy, grid, count_padding);
        deliver(slot, gx);
    }, x);
}

/// The mean of every channel of every image: (N, H, W, C) into (N, 1, 1, C), which broadcasts over x. Keeps nothing.
template <class T, class D> Variable<T, 4, D> global_avg_pool(Variable<T, 4, D> const& x /* (N, H, W, C) */) {
    check_shape(x.shape()[1] * x.shape()[2] > 0, "global_avg_pool: x ", x.shape(), " has no pixels");
    Tensor<T, 4, D> y(Shape{x.shape()[0], 1, 1, x.shape()[3]});
    PoolKernel<D>::global_avg(y, x.value());
    return record(y, [slot = x.slot(), shape = x.shape()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(shape);
        PoolKernel<D>::global_avg_backward(gx, gy);
        deliver(slot, gx);
    }, x);
}

/// The largest element of every channel of every image: (N, H, W, C) into (N, 1, 1, C); ties and NaN as for max_pool2d.
template <class T, class D> Variable<T, 4, D> global_max_pool(Variable<T, 4, D> const& x /* (N, H, W, C) */) {
    check_shape(x.shape()[1] * x.shape()[2] > 0, "global_max_pool: x ", x.shape(), " has no pixels");
    Tensor<T, 4, D> y(Shape{x.shape()[0], 1, 1, x.shape()[3]});
    Tensor<Index, 4, D> const argmax(y.shape());
    PoolKernel<D>::global_max(y, argmax, x.value());
    return record(y, [argmax, slot = x.slot(), shape = x.shape()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(shape);
        PoolKernel<D>::global_max_backward(gx, gy, argmax);
        deliver(slot, gx);
    }, x);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/pool.cuh>
#endif
