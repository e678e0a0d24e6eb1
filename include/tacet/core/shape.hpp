// SPDX-License-Identifier: MIT
#pragma once
#include <array>
#include <cstddef>
#include <string>

namespace tacet {

/// Counts and positions: signed, so that differences are what they look like.
using Index = std::ptrdiff_t;

/// The extents of a rank-R tensor, outermost first.
template <int R> struct Shape {
    std::array<Index, R> extent{};

    constexpr Index operator[](int i) const { return extent[static_cast<std::size_t>(i)]; }
    constexpr Index& operator[](int i) { return extent[static_cast<std::size_t>(i)]; }
    constexpr bool operator==(Shape const&) const = default;
    /// The number of elements: the product of the extents, 1 for rank 0.
    constexpr Index size() const {
        Index n = 1;
        for (Index e : extent) n *= e;
        return n;
    }
};
// std::array<Index, 0> has no operator[] fit for constant evaluation: rank 0 has no extents to index.
template <> struct Shape<0> {
    std::array<Index, 1> extent{1};

    constexpr Index operator[](int) const { return 1; }
    constexpr Index& operator[](int) { return extent[0]; }
    constexpr bool operator==(Shape const&) const { return true; }
    constexpr Index size() const { return 1; }
};

template <class... I> Shape(I...) -> Shape<sizeof...(I)>;

/// Row-major strides of a contiguous tensor.
template <int R> constexpr Shape<R> row_major(Shape<R> const& shape) {
    Shape<R> stride;
    Index n = 1;
    for (int i = R; i-- > 0;) {
        stride[i] = n;
        n *= shape[i];
    }
    return stride;
}

/// The multi-index of the n-th element in row-major order.
template <int R> constexpr Shape<R> unravel(Index n, Shape<R> const& shape) {
    Shape<R> i;
    for (int d = R; d-- > 0;) {
        i[d] = n % shape[d];
        n /= shape[d];
    }
    return i;
}

namespace detail {
constexpr Index div_up(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return div_up(a, b) * b; }
}  // namespace detail

namespace detail {
inline std::string extents_text(Index const* extent, int count) {
    std::string s = "(";
    for (int i = 0; i < count; ++i) s += (i ? ", " : "") + std::to_string(extent[i]);
    return s + ")";
}
}  // namespace detail

/// "(1, 48, 48, 60)".
template <int R> std::string to_string(Shape<R> const& shape) { return detail::extents_text(shape.extent.data(), R); }

}  // namespace tacet
