// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/upsample.hpp>
#include <array>
#include <concepts>
#include <type_traits>

namespace tacet {

/// One of the tensors that are joined: in each row of the whole, `length` elements are its own.
template <class T> struct ConcatPart {
    T* data;  // (rows, length); nullptr where nothing is wanted
    Index length;
};

/// Device half of concat. The whole (rows, sum of the parts' lengths) is the parts side by side.
template <class D> struct ConcatKernel {
    static_assert(sizeof(D) == 0, "concat has no kernels for this device here: compile this file as .cu");
    static void join(auto const&...) {}
    static void split(auto const&...) {}
};

template <> struct ConcatKernel<Cpu> {
    template <class T, std::size_t K> static void join(T* whole, std::array<ConcatPart<T>, K> const& parts, Index rows) {
        for_each_row(whole, parts, rows, [](T* in_whole, T* in_part, Index n) { Rows::copy(in_whole, in_part, n); });
    }
    template <class T, std::size_t K> static void split(T* whole, std::array<ConcatPart<T>, K> const& parts, Index rows) {
        for_each_row(whole, parts, rows, [](T* in_whole, T* in_part, Index n) { Rows::copy(in_part, in_whole, n); });
    }

private:
    using Rows = detail::Rows<Cpu>;

    template <class T, std::size_t K>
    static void for_each_row(T* whole, std::array<ConcatPart<T>, K> const& parts, Index rows, auto&& move) {
        Index length = 0;
        for (auto const& part : parts) length += part.length;
        parallel_ranges(rows, Rows::per_task(length), [&](Index begin, Index end) {
            for (Index row = begin; row < end; ++row) {
                T* at = whole + row * length;
                for (auto const& part : parts) {
                    if (part.data) move(at, part.data + row * part.length, part.length);
                    at += part.length;
                }
            }
        });
    }
};

namespace detail {
/// The shape of the joined tensors; throws unless they agree in all dimensions but `axis`.
template <int R, std::size_t K> Shape<R> joined_shape(int axis, std::array<Shape<R>, K> const& parts) {
    check(axis >= 0 && axis < R, "concat: a tensor of rank ", R, " has no dimension ", axis);
    Shape<R> whole = parts[0];
    for (std::size_t k = 1; k < K; ++k) {
        for (int d = 0; d < R; ++d)
            check_shape(d == axis || parts[k][d] == whole[d],  //
                        "concat: ", parts[0], " and ", parts[k], " differ in more than dimension ", axis);
        whole[axis] += parts[k][axis];
    }
    return whole;
}
}  // namespace detail

/// Joins variables along dimension `axis`; all other extents must agree. Keeps nothing.
template <class T, int R, class D, std::derived_from<Variable<T, R, D>>... More>
Variable<T, R, D> concat_along(int axis, Variable<T, R, D> const& x, More const&... more) {
    constexpr std::size_t K = 1 + sizeof...(More);
    std::array<Shape<R>, K> const shapes{x.shape(), more.shape()...};
    Tensor<T, R, D> y(detail::joined_shape(axis, shapes));
    Index rows = 1, inner = 1;  // dimensions before the axis make rows, those from it on lie within a row
    for (int d = 0; d < axis; ++d) rows *= y.shape()[d];
    for (int d = axis + 1; d < R; ++d) inner *= y.shape()[d];
    auto const part = [&](Tensor<T, R, D> const& t) { return ConcatPart<T>{t.data(), t.shape()[axis] * inner}; };
    ConcatKernel<D>::join(y.data(), std::array<ConcatPart<T>, K>{part(x.value()), part(more.value())...}, rows);
    std::array<std::shared_ptr<Slot<T, R, D>>, K> const slots{x.slot(), more.slot()...};
    return record(y, [shapes, slots, rows](Tensor<T, R, D> const& gy) {
        std::array<Tensor<T, R, D>, K> gradients;
        std::array<ConcatPart<T>, K> parts;
        for (std::size_t k = 0; k < K; ++k) {
            if (slots[k]) gradients[k] = Tensor<T, R, D>(shapes[k]);
            parts[k] = {gradients[k].data(), shapes[k].size() / std::max<Index>(rows, 1)};
        }
        ConcatKernel<D>::split(gy.data(), parts, rows);
        for (std::size_t k = 0; k < K; ++k)
            if (slots[k]) deliver(slots[k], gradients[k]);
    }, x, more...);
}

namespace detail {
/// Two images side by side, (N, H, W, C1) and (N, H, W, C2).
template <class T, class D> struct Concatenation final : Pending<T, 4, D> {
    Magnified<T, D> const first, second;

    Concatenation(Magnified<T, D> a, Magnified<T, D> b) : first(std::move(a)), second(std::move(b)) {}
    Shape<4> shape() const override { return joined_shape(3, std::array{first.shape(), second.shape()}); }
    Variable<T, 4, D> compute() const override { return concat_along(3, first.image(), second.image()); }
};
/// A variable of images, computed or deferred.
template <class X> concept ImageVariable = requires(X&& x) { detail::magnified(std::forward<X>(x)); };

template <class T, class D> Deferred<Concatenation<T, D>> concatenation(Magnified<T, D> const& a, Magnified<T, D> const& b) {
    joined_shape(3, std::array{a.shape(), b.shape()});
    return defer<Concatenation<T, D>>(a, b);
}
}  // namespace detail

/// Joins the channels of variables (..., C1), (..., C2), ... to (..., C1 + C2 + ...).
template <class T, int R, class D, std::derived_from<Variable<T, R, D>>... More> requires (R != 4 || sizeof...(More) != 1)
Variable<T, R, D> concat(Variable<T, R, D> const& x, More const&... more) {
    return concat_along(R - 1, x, more...);
}
/// Joins the channels of two variables of images, of which each may be upsampled. Deferred: a convolution reads them where they are.
template <class A, class B> requires (detail::ImageVariable<A> && detail::ImageVariable<B>) auto concat(A&& a, B&& b) {
    return detail::concatenation(detail::magnified(std::forward<A>(a)), detail::magnified(std::forward<B>(b)));
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/concat.cuh>
#endif
