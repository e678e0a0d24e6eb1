// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/expr/functions.hpp>
#include <tacet/ops/window_attention_cpu.hpp>

namespace tacet {

/// How images are cut into windows for attention, and into heads.
struct WindowAttentionOptions {
    Index window = 8;  ///< windows are window x window pixels
    Index shift = 0;   ///< they begin `shift` pixels further down and right, cyclically; less than `window`
    Index heads = 1;   ///< head h owns the channels [h d, (h + 1) d), where d is their number by `heads`
};

/// Device half of window_attention, on a WindowGrid. qkv, gqkv (N, H, W, 3C); table, gtable ((2M-1)^2, heads); keep (N, H, W) or
/// undefined; y, gy (N, H, W, C). gqkv or gtable may be undefined where they are not wanted.
template <class D> struct WindowAttentionKernel {
    static_assert(sizeof(D) == 0, "window_attention has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
    static void backward(auto const&...) {}
};

template <> struct WindowAttentionKernel<Cpu> {
    using Keep = Tensor<std::uint8_t, 3>;

    template <class T>
    static void run(Tensor<T, 4> const& y, Tensor<T, 4> const& qkv, Tensor<T, 2> const& table, Keep const& keep,
                    detail::WindowGrid const& grid) {
        detail::kernel::window_attention<Simd<T>>(grid, y.data(), qkv.data(), table.data(), keep.data());
    }
    template <class T>
    static void backward(Tensor<T, 4> const& gqkv, Tensor<T, 2> const& gtable, Tensor<T, 4> const& gy, Tensor<T, 4> const& qkv,
                         Tensor<T, 2> const& table, Keep const& keep, detail::WindowGrid const& grid) {
        detail::kernel::window_attention_gradients<Simd<T>>(grid, gqkv.data(), gtable.data(), gy.data(), qkv.data(), table.data(),
                                                            keep.data());
    }
};

namespace detail {
template <class T, class D> struct WindowAttentionPull {
    Tensor<T, 4, D> qkv;                // (N, H, W, 3C)
    Tensor<Wide<T>, 2, D> table;              // ((2M-1)^2, heads)
    Tensor<std::uint8_t, 3, D> keep;    // (N, H, W) or undefined
    WindowGrid grid;
    std::shared_ptr<Slot<T, 4, D>> qkv_slot;
    std::shared_ptr<Slot<Wide<T>, 2, D>> table_slot;

    void operator()(Tensor<T, 4, D> const& gy) const {
        Tensor<T, 4, D> gqkv;
        Tensor<Wide<T>, 2, D> gtable;
        if (qkv_slot) gqkv = Tensor<T, 4, D>(qkv.shape());
        if (table_slot) gtable = Tensor<Wide<T>, 2, D>(table.shape());
        WindowAttentionKernel<D>::backward(gqkv, gtable, gy, qkv, table, keep, grid);
        deliver(qkv_slot, gqkv);
        deliver(table_slot, gtable);
    }
};

inline WindowGrid window_grid(Shape<4> const& qkv, Shape<2> const& table, WindowAttentionOptions const& o) {
    check_shape(o.window >= 1 && o.window <= 64, "window_attention: the window ", o.window, " is not between 1 and 64");
    check_shape(o.shift >= 0 && o.shift < o.window, "window_attention: the shift ", o.shift, " is not at least 0 and below the window ",
                o.window);
    check_shape(o.heads >= 1, "window_attention: ", o.heads, " heads");
    check_shape(qkv[3] > 0 && qkv[3] % (3 * o.heads) == 0, "window_attention: the channels of qkv ", qkv, " are not 3 times ", o.heads,
                " heads");
    WindowGrid const grid{qkv[0], qkv[1], qkv[2], o.window, o.shift, o.heads, qkv[3] / (3 * o.heads)};
    check_shape(grid.depth <= 64, "window_attention: heads of ", grid.depth, " channels, at most 64 are possible");
    check_shape(table == Shape{grid.table_rows(), o.heads}, "window_attention: the table of biases ", table, " is not ",
                Shape{grid.table_rows(), o.heads}, ", (2 window - 1)^2 by heads");
    return grid;
}
}  // namespace detail

/// Attention of every token (pixel) to those of its window that `keep` (1: seen, 0: not) admits: softmax(q k / sqrt(d) + bias) v for
/// each head, with d channels per head (Vaswani et al., 2017; windows, shift and bias as in Swin, Liu et al., 2021). qkv holds the
/// queries, keys and values of all heads as q | k | v; bias is the row (dy + M - 1)(2M - 1) + dx + M - 1 of `table` for a key dy pixels
/// above and dx to the left of the query. With a shift, pixels of opposite edges of the image that come together in a window do not see
/// each other. Extents need not be multiples of the window: windows at the right and at the bottom edge hold fewer tokens. A token that
/// sees none, because none of its region is kept, gives 0. Keeps qkv, table and keep. Throws ShapeError for what does not fit.
template <class T, class D>
Variable<T, 4, D> window_attention(Variable<T, 4, D> const& qkv /* (N, H, W, 3C) */,
                                   Variable<Wide<T>, 2, D> const& table /* ((2M-1)^2, heads) */,
                                   WindowAttentionOptions const& options, Tensor<std::uint8_t, 3, D> const& keep /* (N, H, W) */) {
    auto const& shape = qkv.shape();
    auto const grid = detail::window_grid(shape, table.shape(), options);
    check_shape(!keep.data() || keep.shape() == Shape{shape[0], shape[1], shape[2]}, "window_attention: the mask ", keep.shape(),
                " does not fit qkv ", shape);
    Tensor<T, 4, D> y(Shape{shape[0], shape[1], shape[2], grid.channels()});
    WindowAttentionKernel<D>::run(y, qkv.value(), table.value(), keep, grid);
    detail::WindowAttentionPull<T, D> pull{qkv.value(), table.value(), keep, grid, qkv.slot(), table.slot()};
    return record(y, std::move(pull), qkv, table);
}
/// The same where all tokens are seen.
template <class T, class D>
Variable<T, 4, D> window_attention(Variable<T, 4, D> const& qkv /* (N, H, W, 3C) */,
                                   Variable<Wide<T>, 2, D> const& table /* ((2M-1)^2, heads) */,
                                   WindowAttentionOptions const& options) {
    return window_attention(qkv, table, options, Tensor<std::uint8_t, 3, D>());
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/window_attention.cuh>
#endif
