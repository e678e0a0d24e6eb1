// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/shape.hpp>
#include <tacet/ops/window_grid.hpp>

// The parts of attention within windows as operations of their own: window_attention() does the same in one, and where it has what is
// wanted, it is the one to use.
namespace tacet {

/// Device half of relative_position_bias: gathers rows of the table ((2M-1)^2, heads) into bias (heads, M M, M M), and sums back.
template <class D> struct RelativePositionKernel {
    static_assert(sizeof(D) == 0, "relative_position_bias has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
    static void backward(auto const&...) {}
};

template <> struct RelativePositionKernel<Cpu> {
    template <class T> static void run(Tensor<T, 3> const& bias, Tensor<T, 2> const& table, Index window) {
        for_each(bias.shape(), window, [&](Index k, Index row, Index head) { bias.data()[k] = table(row, head); });
    }
    template <class T> static void backward(Tensor<T, 2> const& gtable, Tensor<T, 3> const& gbias, Index window) {
        gtable.assign(0);
        for_each(gbias.shape(), window, [&](Index k, Index row, Index head) { gtable(row, head) += gbias.data()[k]; });
    }

private:
    /// Calls body(element of the bias, row of the table, head): each head's elements in their order.
    static void for_each(Shape<3> const& bias, Index window, auto&& body) {
        Index const slots = window * window;
        detail::WindowGrid const grid{0, 0, 0, window, 0, bias[0], 0};
        parallel_for(bias[0], [&](Index head) {
            for (Index query = 0; query < slots; ++query)
                for (Index key = 0; key < slots; ++key) body((head * slots + query) * slots + key, grid.table_row(query, key), head);
        });
    }
};

/// Cuts images into windows of `window` x `window` tokens: (N, H, W, C) into (N H/M W/M, M M, C), image by image and row by row, the tokens
/// of a window likewise. Throws ShapeError unless H and W are multiples of M.
template <class T, class D> Variable<T, 3, D> window_partition(Variable<T, 4, D> const& x /* (N, H, W, C) */, Index window) {
    auto const [n, h, w, c] = x.shape().extent;
    check_shape(window > 0 && h % window == 0 && w % window == 0,  //
                "window_partition: height and width of x ", x.shape(), " are not multiples of the window ", window);
    auto const cut = reshape(x, Shape{n * (h / window), window, w / window, window * c});
    return reshape(permute<0, 2, 1, 3>(cut), Shape{n * (h / window) * (w / window), window * window, c});
}

/// The inverse of window_partition: windows (B, M M, C) into images (N, H, W, C). Throws ShapeError where they do not fill them.
template <class T, class D>
Variable<T, 4, D> window_merge(Variable<T, 3, D> const& x /* (B, M M, C) */, Index window, Index height, Index width) {
    auto const [b, tokens, c] = x.shape().extent;
    bool const whole = window > 0 && height > 0 && width > 0 && height % window == 0 && width % window == 0 && tokens == window * window;
    check_shape(whole && b % (height / window * (width / window)) == 0,  //
                "window_merge: windows ", x.shape(), " of ", window, " x ", window, " do not make images of ", height, " x ", width);
    Index const rows = height / window, columns = width / window, n = b / (rows * columns);
    auto const cut = reshape(x, Shape{n * rows, columns, window, window * c});
    return reshape(permute<0, 2, 1, 3>(cut), Shape{n, height, width, c});
}

/// What attention within M x M windows adds to the scores: (heads, M M queries, M M keys) from the table ((2M-1)^2, heads), where a key dy
/// pixels above and dx to the left of the query has the row (dy + M - 1)(2M - 1) + dx + M - 1 (Liu et al., Swin Transformer, 2021).
template <class T, class D>
Variable<T, 3, D> relative_position_bias(Variable<T, 2, D> const& table /* ((2M-1)^2, heads) */, Index window) {
    check_shape(window > 0 && table.shape()[0] == (2 * window - 1) * (2 * window - 1),  //
                "relative_position_bias: the table ", table.shape(), " does not have (2 ", window, " - 1)^2 rows");
    Index const slots = window * window;
    Tensor<T, 3, D> bias(Shape{table.shape()[1], slots, slots});
    RelativePositionKernel<D>::run(bias, table.value(), window);
    return record(bias, [window, shape = table.shape(), slot = table.slot()](Tensor<T, 3, D> const& gbias) {
        Tensor<T, 2, D> gtable(shape);
        RelativePositionKernel<D>::backward(gtable, gbias, window);
        deliver(slot, gtable);
    }, table);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/window_partition.cuh>
#endif
