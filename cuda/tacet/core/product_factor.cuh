// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/shape.hpp>
#include <cstdint>

// What the two factors of a matrix product (m, k) times (k, n) are for its kernels: a factor F has a constant `deep` and a function
// `line(product, index)`. The elements of a line are mostly neighbours in memory. Lines of a deep factor run along k, so that there is one
// for each row of the left one or column of the right one; the others run along the rows or columns, one for each place in k. A line
// gives its element `line(at)`, and several from there on by `line.load(to, at)`, or returns false where they are no neighbours.
namespace tacet::gpu {

/// N neighbours, read or written at once.
template <class T, int N> struct alignas(sizeof(T) * N) AlignedVector {
    T element[N];
};
/// to = N numbers of memory, read at once; false where they are not aligned for that.
template <class T, class S, int N> __device__ bool load_vector(T (&to)[N], S const* from) {
    if (reinterpret_cast<std::uintptr_t>(from) % alignof(AlignedVector<S, N>)) return false;
    auto const all = *reinterpret_cast<AlignedVector<S, N> const*>(from);
    for (int e = 0; e < N; ++e) to[e] = static_cast<T>(all.element[e]);
    return true;
}

template <class S> struct PlainLine {
    S const* data;
    __device__ S operator()(Index at) const { return data[at]; }
    template <class T, int N> __device__ bool load(T (&to)[N], Index at) const { return load_vector(to, data + at); }
};
/// A matrix of a batch whose lines lie `line_stride` apart.
template <class S, bool is_deep> struct Factor {
    static constexpr bool deep = is_deep;
    S const* data;
    Index batch_stride, line_stride;
    __device__ PlainLine<S> line(Index product, Index index) const { return {data + product * batch_stride + index * line_stride}; }
};

/// to = the eight elements of a line from `at` on, those from the `count`-th on as zeros.
template <class T, class L> __device__ void load_padded(AlignedVector<T, 8>& to, L const& line, Index at, Index count) {
    if (count >= 8 && line.load(to.element, at)) return;
    for (int half = 0; half < 8; half += 4) {
        T four[4];
        if (count - half < 4 || !line.load(four, at + half))
            for (int e = 0; e < 4; ++e) four[e] = half + e < count ? static_cast<T>(line(at + half + e)) : T(0);
        for (int e = 0; e < 4; ++e) to.element[half + e] = four[e];
    }
}

}  // namespace tacet::gpu
