// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/half.hpp>
#include <tacet/core/shape.hpp>
#include <type_traits>

namespace tacet {

/// What reading an element yields: the element, or of a number that is only stored its value, to compute with.
template <class T>
using Read = std::conditional_t<std::is_const_v<T> && is_16_bit<std::remove_const_t<T>>, Wide<std::remove_const_t<T>>, T&>;

/// A run of elements along the last dimension: what inner loops read. With Unit, the stride is known to be 1.
template <class T> struct Row {
    using value_type = std::remove_cvref_t<Read<T>>;
    T* data;
    Index stride;
    template <bool Unit> constexpr Read<T> at(Index j) const { return data[Unit ? j : j * stride]; }
};

/// A trivially copyable window on strided memory: a leaf of an expression after lowering, and what kernels receive.
template <class T, int R> struct View {
    using value_type = std::remove_cvref_t<Read<T>>;
    T* data;
    Shape<R> stride;  // 0 where the leaf is repeated (broadcast)

    constexpr Index offset(Shape<R> const& i) const {
        Index k = 0;
        for (int d = 0; d < R; ++d) k += i[d] * stride[d];
        return k;
    }
    constexpr Read<T> at(Shape<R> const& i) const { return data[offset(i)]; }
    /// The run that starts at i.
    constexpr Row<T> row(Shape<R> const& i) const { return Row<T>{data + offset(i), stride[R - 1]}; }
    /// The whole memory as one run: for contiguous views.
    constexpr Row<T> flat() const { return Row<T>{data, 1}; }
    constexpr bool unit() const { return stride[R - 1] == 1; }
    /// Whether a row-major walk over `shape` visits memory in order, without gaps.
    constexpr bool contiguous(Shape<R> const& shape) const {
        Index n = 1;
        for (int d = R; d-- > 0; n *= shape[d])
            if (shape[d] != 1 && stride[d] != n) return false;
        return true;
    }
};

/// A number: every element of any shape.
template <class T> struct Scalar {
    using value_type = T;
    T value;
    template <int R> constexpr T at(Shape<R> const&) const { return value; }
    template <bool> constexpr T at(Index) const { return value; }
    template <int R> constexpr Scalar row(Shape<R> const&) const { return *this; }
    constexpr Scalar flat() const { return *this; }
    constexpr bool unit() const { return true; }
    template <int R> constexpr bool contiguous(Shape<R> const&) const { return true; }
};

/// Strides that repeat a leaf of extents `from` over `target`: aligned at the right, 0 where an extent is 1.
/// Throws ShapeError where an extent is neither 1 nor the target's.
template <int R, int Q> Shape<R> broadcast(Shape<Q> const& stride, Shape<Q> const& from, Shape<R> const& target) {
    static_assert(Q <= R, "an operand has more dimensions than the result");
    Shape<R> s{};
    for (int d = 0; d < R; ++d) s[d] = 0;
    for (int d = 0; d < Q; ++d) {
        int const t = d + R - Q;
        check_shape(from[d] == target[t] || from[d] == 1, "cannot broadcast ", from, " to ", target);
        s[t] = from[d] == 1 ? 0 : stride[d];
    }
    return s;
}

}  // namespace tacet
