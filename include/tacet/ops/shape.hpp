// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/operand.hpp>
#include <tacet/ops/strided_copy.hpp>

// Other arrangements of the same elements. They take tensors, variables and expressions (which are computed first), and give a
// Variable where there is one, else a Tensor. Nothing is kept for the backward pass.
namespace tacet {

namespace detail {
template <class T, int R, class D> View<T const, R> readable(Tensor<T, R, D> const& t) { return {t.data(), row_major(t.shape())}; }

/// The part of a view that begins at i.
template <class T, int R> View<T, R> from_index(View<T, R> v, Shape<R> const& i) {
    v.data += v.offset(i);
    return v;
}

/// A view whose d-th dimension is the axes[d]-th of v.
template <class T, int R> View<T, R> permuted(View<T, R> const& v, std::array<int, std::size_t(R)> const& axes) {
    View<T, R> p{v.data, {}};
    for (int d = 0; d < R; ++d) p.stride[d] = v.stride[axes[static_cast<std::size_t>(d)]];
    return p;
}
template <class T, int R, class D> Tensor<T, R, D> permute_tensor(Tensor<T, R, D> const& x, std::array<int, std::size_t(R)> const& axes) {
    Shape<R> shape;
    for (int d = 0; d < R; ++d) shape[d] = x.shape()[axes[static_cast<std::size_t>(d)]];
    Tensor<T, R, D> y(shape);
    StridedCopy<D>::run(y.view(), permuted(readable(x), axes), shape);
    return y;
}

template <int R> void check_slice(Shape<R> const& shape, Shape<R> const& begin, Shape<R> const& end) {
    for (int d = 0; d < R; ++d)
        check_shape(0 <= begin[d] && begin[d] <= end[d] && end[d] <= shape[d], "slice: [", begin, ", ", end, ") is not inside ", shape);
}
template <int R> Shape<R> difference(Shape<R> a, Shape<R> const& b) {
    for (int d = 0; d < R; ++d) a[d] -= b[d];
    return a;
}

template <class T, int R, class D> Tensor<T, R, D> flip_tensor(Tensor<T, R, D> const& x, std::array<bool, std::size_t(R)> const& flipped) {
    Tensor<T, R, D> y(x.shape());
    auto from = readable(x);
    for (int d = 0; d < R; ++d)
        if (flipped[static_cast<std::size_t>(d)] && x.size() > 0) {
            from.data += (x.shape()[d] - 1) * from.stride[d];
            from.stride[d] = -from.stride[d];
        }
    StridedCopy<D>::run(y.view(), from, x.shape());
    return y;
}

/// y[i] = x[i - shift], indices modulo the extents; 0 <= shift < extent. Each shifted axis parts x in two.
template <class T, int R, class D> Tensor<T, R, D> roll_tensor(Tensor<T, R, D> const& x, Shape<R> const& shift) {
    Tensor<T, R, D> y(x.shape());
    for (unsigned corner = 0; corner < 1u << R; ++corner) {
        Shape<R> from{}, to{}, extent = x.shape();
        for (int d = 0; d < R; ++d) {
            Index const wrapped = shift[d], kept = x.shape()[d] - wrapped;
            bool const end = corner >> d & 1;
            extent[d] = end ? wrapped : kept;
            from[d] = end ? kept : 0;
            to[d] = end ? 0 : wrapped;
        }
        StridedCopy<D>::run(from_index(y.view(), to), from_index(readable(x), from), extent);
    }
    return y;
}
}  // namespace detail

/// The same elements, in row-major order, with other extents; the memory is shared. Throws ShapeError when their number differs.
template <Expression E, int Q> auto reshape(E const& e, Shape<Q> const& shape) {
    auto const x = detail::computed(e);
    return detail::record_on(x, detail::tensor_of(x).reshape(shape), [shape = x.shape(), slot = detail::slot_of(x)](auto const& gy) {
        deliver(slot, gy.reshape(shape));
    });
}

/// y[i, j, k] = x[...] with the axes in another order: axis d of the result is axis Axes[d] of x, `permute<0, 3, 1, 2>(x)` makes
/// (N, C, H, W) of (N, H, W, C). The memory is new.
template <int... Axes, Expression E> auto permute(E const& e) {
    constexpr int R = E::rank;
    static_assert(sizeof...(Axes) == R && detail::distinct_axes<R, Axes...>, "permute names every axis of its operand once");
    constexpr std::array<int, std::size_t(R)> axes{detail::axis_of<R>(Axes)...};
    auto const x = detail::computed(e);
    return detail::record_on(x, detail::permute_tensor(detail::tensor_of(x), axes), [slot = detail::slot_of(x)](auto const& gy) {
        constexpr auto inverse = [] {
            std::array<int, std::size_t(R)> a{};
            int d = 0;
            ((a[static_cast<std::size_t>(detail::axis_of<R>(Axes))] = d++), ...);
            return a;
        }();
        deliver(slot, detail::permute_tensor(gy, inverse));
    });
}

/// The elements with begin <= index < end along every axis, in new memory. Throws ShapeError unless 0 <= begin <= end <= extent.
template <Expression E> auto slice(E const& e, Shape<E::rank> const& begin, Shape<E::rank> const& end) {
    using D = typename E::device_type;
    using Dense = Tensor<typename E::value_type, E::rank, D>;
    auto const x = detail::computed(e);
    detail::check_slice(x.shape(), begin, end);
    auto const extent = detail::difference(end, begin);
    Dense y(extent);
    StridedCopy<D>::run(y.view(), detail::from_index(detail::readable(detail::tensor_of(x)), begin), extent);
    return detail::record_on(x, y, [shape = x.shape(), begin, extent, slot = detail::slot_of(x)](auto const& gy) {
        Dense gx(Constant<typename E::value_type, E::rank, D>{shape, 0});
        StridedCopy<D>::run(detail::from_index(gx.view(), begin), detail::readable(gy), extent);
        deliver(slot, gx);
    });
}
/// The elements with begin <= index < end along one axis.
template <int Axis, Expression E> auto slice(E const& e, Index begin, Index end) {
    static_assert(detail::distinct_axes<E::rank, Axis>, "slice names an axis that the operand does not have");
    Shape<E::rank> first{}, last = e.shape();
    first[detail::axis_of<E::rank>(Axis)] = begin, last[detail::axis_of<E::rank>(Axis)] = end;
    return slice(e, first, last);
}

/// The elements in reverse order along Axes, in new memory.
template <int... Axes, Expression E> auto flip(E const& e) {
    constexpr int R = E::rank;
    static_assert(sizeof...(Axes) > 0 && detail::distinct_axes<R, Axes...>, "flip names axes of its operand, each once");
    constexpr auto flipped = [] {
        std::array<bool, std::size_t(R)> f{};
        ((f[static_cast<std::size_t>(detail::axis_of<R>(Axes))] = true), ...);
        return f;
    }();
    auto const x = detail::computed(e);
    return detail::record_on(x, detail::flip_tensor(detail::tensor_of(x), flipped), [flipped, slot = detail::slot_of(x)](auto const& gy) {
        deliver(slot, detail::flip_tensor(gy, flipped));
    });
}

/// The elements moved by `shifts` (one per axis; any integers) towards higher indices along Axes; what leaves at the end enters at
/// the front. The memory is new: `roll<1, 2>(x, -4, -4)`.
template <int... Axes, Expression E, std::integral... I> auto roll(E const& e, I... shifts) {
    constexpr int R = E::rank;
    static_assert(sizeof...(Axes) > 0 && detail::distinct_axes<R, Axes...>, "roll names axes of its operand, each once");
    static_assert(sizeof...(Axes) == sizeof...(I), "roll takes one shift for every axis that it names");
    auto const x = detail::computed(e);
    Shape<R> forward{}, backward{};
    auto const set = [&](int axis, Index shift) {
        Index const n = std::max<Index>(x.shape()[axis], 1);
        forward[axis] = (shift % n + n) % n;
        backward[axis] = (n - forward[axis]) % n;
    };
    (set(detail::axis_of<R>(Axes), static_cast<Index>(shifts)), ...);
    return detail::record_on(x, detail::roll_tensor(detail::tensor_of(x), forward), [backward, slot = detail::slot_of(x)](auto const& gy) {
        deliver(slot, detail::roll_tensor(gy, backward));
    });
}

}  // namespace tacet
