// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <cassert>
#include <cstdint>

namespace tacet::gpu {

/// N neighbours, read or written at once.
template <class T, int N> struct alignas(sizeof(T) * N) AlignedVector {
    T element[N];
};
/// Whether N neighbours from p on can be.
template <int N, class T> __device__ bool is_aligned(T const* p) {
    return reinterpret_cast<std::uintptr_t>(p) % alignof(AlignedVector<T, N>) == 0;
}

/// to = N numbers of memory, read at once; false where they are not aligned for that.
template <class T, int N> __device__ bool load_vector(T (&to)[N], T const* from) {
    if (!is_aligned<N>(from)) return false;
    auto const all = *reinterpret_cast<AlignedVector<T, N> const*>(from);
#pragma unroll
    for (int e = 0; e < N; ++e) to[e] = all.element[e];
    return true;
}
/// Writes N numbers at once, where they must be aligned for that.
template <class T, int N> __device__ void store_vector(T* to, T const (&from)[N]) {
    assert(is_aligned<N>(to));
    AlignedVector<T, N> all;
#pragma unroll
    for (int e = 0; e < N; ++e) all.element[e] = from[e];
    *reinterpret_cast<AlignedVector<T, N>*>(to) = all;
}
/// Writes the first `count` of N numbers: at once where these are all of them and aligned for that.
template <class T, int N> __device__ void store_padded(T* to, T const (&from)[N], Index count) {
    if (count >= N && is_aligned<N>(to)) store_vector(to, from);
    else
#pragma unroll
        for (int e = 0; e < N; ++e)
            if (e < count) to[e] = from[e];
}

}  // namespace tacet::gpu
