// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/operand.hpp>
#include <algorithm>
#include <cmath>
#include <vector>

namespace tacet {

/// Device half of total_variation: the sum over all elements, and its derivative.
template <class D> struct TotalVariationKernel {
    static_assert(sizeof(D) == 0, "total_variation has no kernels for this device here: compile this file as .cu");
    static void forward(auto const&...) {}
    static void backward(auto const&...) {}
};

template <> struct TotalVariationKernel<Cpu> {
    /// *y = the sum of sqrt(dx^2 + dy^2 + eps^2), over n.
    template <class T> static void forward(T* y, Tensor<T, 4> const& x, double eps, double n) {
        auto const rows = x.shape()[0] * x.shape()[1];
        std::vector<double> sums(static_cast<std::size_t>(rows));
        parallel_ranges(rows, grain(x.shape()), [&](Index begin, Index end) {
            for (Index r = begin; r < end; ++r) {
                Row<T> const row(x, r, eps);
                double sum = 0;
                for (Index k = 0; k < row.length; ++k) sum += static_cast<double>(row.norm(k));
                sums[static_cast<std::size_t>(r)] = sum;
            }
        });
        double total = 0;
        for (double s : sums) total += s;
        *y = static_cast<T>(total / n);
    }
    /// gx = *gy times the derivative. Every element stands in three norms: its own and those to its left and above.
    template <class T> static void backward(Tensor<T, 4> const& gx, T const* gy, Tensor<T, 4> const& x, double eps, double n) {
        T const scale = static_cast<T>(static_cast<double>(*gy) / n);
        auto const& s = x.shape();
        parallel_ranges(s[0] * s[1], grain(s), [&](Index begin, Index end) {
            for (Index r = begin; r < end; ++r) {
                bool const first = r % s[1] == 0;
                Row<T> const row(x, r, eps), above(x, first ? r : r - 1, eps);
                T* const g = gx.data() + r * row.length;
                for (Index k = 0; k < row.length; ++k) {
                    T sum = -(row.dx(k) + row.dy(k)) / row.norm(k);
                    if (k >= row.c) sum += row.dx(k - row.c) / row.norm(k - row.c);
                    if (!first) sum += above.dy(k) / above.norm(k);
                    g[k] = scale * sum;
                }
            }
        });
    }

private:
    static Index grain(Shape<4> const& s) { return std::max<Index>(1, 8192 / std::max<Index>(s[2] * s[3], 1)); }

    /// A row of W C elements and the row below; differences are 0 beyond the edges.
    template <class T> struct Row {
        T const* x;
        Index length, c;
        bool last;
        T eps2;
        Row(Tensor<T, 4> const& image, Index r, double eps)
            : x(image.data() + r * image.shape()[2] * image.shape()[3]), length(image.shape()[2] * image.shape()[3]), c(image.shape()[3]),
              last(r % image.shape()[1] == image.shape()[1] - 1), eps2(static_cast<T>(eps * eps)) {}
        T dx(Index k) const { return k + c < length ? x[k + c] - x[k] : T(0); }
        T dy(Index k) const { return last ? T(0) : x[k + length] - x[k]; }
        T norm(Index k) const { return std::sqrt(dx(k) * dx(k) + dy(k) * dy(k) + eps2); }
    };
};

/// The smooth total variation of images x (N, H, W, C): the mean over all elements of sqrt(dx^2 + dy^2 + eps^2), where dx and dy
/// are the differences to the next element to the right and below, 0 at the edges; eps > 0. Sources: Rudin, Osher and Fatemi,
/// Nonlinear total variation based noise removal algorithms, 1992; the smoothing: Vogel and Oman, Iterative methods for total
/// variation denoising, 1996.
template <Expression E> auto total_variation(E const& image /* (N, H, W, C) */, double eps = 1e-3) {
    static_assert(E::rank == 4, "total_variation takes images of shape (N, H, W, C)");
    using T = typename E::value_type;
    using D = typename E::device_type;
    check(eps > 0, "total_variation: eps is ", eps, ", it must be positive");
    check_shape(image.shape().size() > 0, "total_variation: there are no elements to average in ", image.shape());
    auto const x = detail::computed(image);
    auto const n = static_cast<double>(x.shape().size());
    Tensor<T, 0, D> y(Shape<0>{});
    auto const value = detail::tensor_of(x);
    TotalVariationKernel<D>::forward(y.data(), value, eps, n);
    return detail::record_on(x, y, [slot = detail::slot_of(x), value, eps, n](auto const& gy) {
        Tensor<T, 4, D> gx(value.shape());
        TotalVariationKernel<D>::backward(gx, gy.data(), value, eps, n);
        deliver(slot, gx);
    });
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/total_variation.cuh>
#endif
