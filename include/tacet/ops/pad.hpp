// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/rows.hpp>

namespace tacet {

/// Pixels at the four sides of an image.
struct Padding {
    Index top = 0, bottom = 0, left = 0, right = 0;

    /// What is missing below and to the right of x (N, H, W, C) to make H and W multiples of `multiple`.
    static Padding to_multiple(Shape<4> const& x, Index multiple) {
        check(multiple > 0, "Padding::to_multiple: ", multiple, " is not positive");
        auto const missing = [&](Index n) { return (multiple - n % multiple) % multiple; };
        return {0, missing(x[1]), 0, missing(x[2])};
    }
    friend std::string to_string(Padding const& p) {
        return concat_text("top ", p.top, ", bottom ", p.bottom, ", left ", p.left, ", right ", p.right);
    }
};

/// What stands beyond the edges of an image; here of a line a b c.
enum class PadMode {
    zero,       ///< 0 0 a b c 0 0
    constant,   ///< v v a b c v v
    reflect,    ///< c b a b c b a: the edge is not repeated; the padding must be smaller than the image
    bounce,     ///< as reflect, back and forth between the edges: for any image and any padding
    replicate,  ///< a a a b c c c
};

namespace detail {
/// The element in [0, n) that stands at position i of a line of n > 0 elements that is reflected at its ends again and again: for n = 3 and
/// i = -3, -2, ...: 1 2 1 0 1 2 1 0 1 ... A line of one element repeats it.
constexpr Index reflect_index(Index i, Index n) {
    if (n == 1) return 0;
    Index const period = 2 * (n - 1), k = (i % period + period) % period;
    return k < n ? k : period - k;
}

/// A line of n elements that becomes one of m: `before` elements are put before it, or taken away when negative.
struct PadLine {
    Index n, m, before;
    PadMode mode;

    /// The element that stands at o, or -1 where the constant does.
    constexpr Index source(Index o) const {
        Index const i = o - before;
        if (i >= 0 && i < n) return i;
        if (mode == PadMode::replicate) return i < 0 ? 0 : n - 1;
        return mode == PadMode::reflect || mode == PadMode::bounce ? reflect_index(i, n) : -1;
    }
    /// The part [begin, end) of the m elements that stands as it was.
    constexpr Index begin() const { return std::clamp<Index>(before, 0, m); }
    constexpr Index end() const { return std::clamp<Index>(before + n, begin(), m); }
};
/// The columns and the rows of an image.
struct PadGrid {
    PadLine h, w;
};

inline PadGrid pad_grid(Shape<4> const& x, Padding const& p, PadMode mode) {
    auto const [n, h, w, c] = x.extent;
    return {{h, p.top + h + p.bottom, p.top, mode}, {w, p.left + w + p.right, p.left, mode}};
}
}  // namespace detail

/// Device half of pad and crop. x, gx (N, H, W, C); y, gy (N, OH, OW, C).
template <class D> struct PadKernel {
    static_assert(sizeof(D) == 0, "pad has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
    static void backward(auto const&...) {}
};

template <> struct PadKernel<Cpu> {
    template <class T> static void run(Tensor<T, 4> const& y, Tensor<T, 4> const& x, detail::PadGrid const& grid, T value) {
        Index const c = x.shape()[3], line = grid.w.m * c;
        parallel_ranges(y.shape()[0] * grid.h.m, Rows::per_task(line), [&](Index first, Index last) {
            for (Index row = first; row < last; ++row) {
                Index const i = grid.h.source(row % grid.h.m);
                T* const to = y.data() + row * line;
                if (i < 0) Rows::fill(to, line, value);
                else pad_row(to, x.data() + (row / grid.h.m * grid.h.n + i) * grid.w.n * c, grid.w, c, value);
            }
        });
    }
    // A row of gx sums the rows of gy that repeat it: the one inside, then those of the padding, from the top.
    template <class T> static void backward(Tensor<T, 4> const& gx, Tensor<T, 4> const& gy, detail::PadGrid const& grid) {
        Index const h = grid.h.n, oh = grid.h.m, c = gx.shape()[3], line = grid.w.n * c;
        parallel_ranges(gx.shape()[0] * h, Rows::per_task(line), [&](Index first, Index last) {
            for (Index row = first; row < last; ++row) {
                T* const to = gx.data() + row * line;
                T const* const image = gy.data() + row / h * oh * grid.w.m * c;
                auto const add = [&](Index o) { add_padded_row(to, image + o * grid.w.m * c, grid.w, c); };
                Rows::fill(to, line, T(0));
                Index const i = row % h, inside = i + grid.h.before;
                if (inside >= 0 && inside < oh) add(inside);
                for (Index o = 0; o < grid.h.begin(); ++o)
                    if (grid.h.source(o) == i) add(o);
                for (Index o = grid.h.end(); o < oh; ++o)
                    if (grid.h.source(o) == i) add(o);
            }
        });
    }

private:
    using Rows = detail::Rows<Cpu>;

    template <class T> static void pad_row(T* y, T const* x, detail::PadLine const& line, Index c, T value) {
        auto const pixel = [&](Index o) {
            Index const j = line.source(o);
            j < 0 ? Rows::fill(y + o * c, c, value) : Rows::copy(y + o * c, x + j * c, c);
        };
        Index const begin = line.begin(), end = line.end();
        for (Index o = 0; o < begin; ++o) pixel(o);
        if (begin < end) Rows::copy(y + begin * c, x + (begin - line.before) * c, (end - begin) * c);
        for (Index o = end; o < line.m; ++o) pixel(o);
    }
    template <class T> static void add_padded_row(T* gx, T const* gy, detail::PadLine const& line, Index c) {
        auto const pixel = [&](Index o) {
            Index const j = line.source(o);
            if (j >= 0) Rows::add(gx + j * c, gy + o * c, c);
        };
        Index const begin = line.begin(), end = line.end();
        if (begin < end) Rows::add(gx + (begin - line.before) * c, gy + begin * c, (end - begin) * c);
        for (Index o = 0; o < begin; ++o) pixel(o);
        for (Index o = end; o < line.m; ++o) pixel(o);
    }
};

namespace detail {
template <class T, class D> Variable<T, 4, D> pad_to(Variable<T, 4, D> const& x, PadGrid const& grid, T value) {
    Tensor<T, 4, D> y(Shape{x.shape()[0], grid.h.m, grid.w.m, x.shape()[3]});
    PadKernel<D>::run(y, x.value(), grid, value);
    return record(y, [grid, slot = x.slot(), shape = x.shape()](Tensor<T, 4, D> const& gy) {
        Tensor<T, 4, D> gx(shape);
        PadKernel<D>::backward(gx, gy, grid);
        deliver(slot, gx);
    }, x);
}
}  // namespace detail

/// Images with a margin: (N, H, W, C) into (N, top + H + bottom, left + W + right, C). `value` is for PadMode::constant only.
/// PadMode::reflect throws ShapeError when the padding is not smaller than the image: PadMode::bounce has no such limit. Keeps nothing.
template <class T, class D>
Variable<T, 4, D> pad(Variable<T, 4, D> const& x /* (N, H, W, C) */, Padding const& p, PadMode mode = PadMode::zero, T value = T(0)) {
    auto const [n, h, w, c] = x.shape().extent;
    check(std::min({p.top, p.bottom, p.left, p.right}) >= 0, "pad: padding ", p, " is negative: crop() takes pixels away");
    check_shape(mode != PadMode::reflect || (std::max(p.top, p.bottom) < h && std::max(p.left, p.right) < w),  //
                "pad: to reflect x ", x.shape(), ", padding must be smaller than height and width, not ", p, "; PadMode::bounce takes any");
    check_shape(mode <= PadMode::constant || (h > 0 && w > 0), "pad: x ", x.shape(), " has no pixels to repeat");
    return detail::pad_to(x, detail::pad_grid(x.shape(), p, mode), mode == PadMode::constant ? value : T(0));
}

/// The pixels [top, top + height) x [left, left + width) of every image: (N, H, W, C) into (N, height, width, C). Keeps nothing.
template <class T, class D>
Variable<T, 4, D> crop(Variable<T, 4, D> const& x /* (N, H, W, C) */, Index top, Index left, Index height, Index width) {
    auto const [n, h, w, c] = x.shape().extent;
    check_shape(top >= 0 && left >= 0 && height >= 0 && width >= 0 && top + height <= h && left + width <= w,  //
                "crop: ", height, " x ", width, " pixels at (", top, ", ", left, ") are not all inside x ", x.shape());
    return detail::pad_to(x, detail::pad_grid(x.shape(), {-top, top + height - h, -left, left + width - w}, PadMode::zero), T(0));
}
/// Takes away what pad() added.
template <class T, class D>
Variable<T, 4, D> unpad(Variable<T, 4, D> const& x /* (N, top + H + bottom, left + W + right, C) */, Padding const& p) {
    return crop(x, p.top, p.left, x.shape()[1] - p.top - p.bottom, x.shape()[2] - p.left - p.right);
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/pad.cuh>
#endif
