// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/core/shape.hpp>
#include <tacet/core/vector_access.cuh>

// What the two factors of a matrix product (m, k) times (k, n) are for its kernels: lines of elements that are mostly neighbours in memory.
// Lines of a deep factor run along k, so that there is one for each row of the left one or column of the right one; the others run along
// the rows or columns, one for each place in k. A kernel goes along k with what it has found out once: from spot to spot of the lines of a
// deep factor, from line to line of another. A factor F has a constant `deep` and
//   Element, Line, Spot                   types: of what is read, of a line, and of a place in a line, the same for all lines
//   line(product, index), spot(at)        where line `index` of a product is, and element `at` of any line
//   advance(line, n), advance(spot, n)    n further: those of a deep factor need no way from line to line
//   operator()(line, spot)                an element
//   load(to, line, spot)                  several elements from there on, or false where they are no neighbours
namespace tacet::gpu {

/// A matrix of a batch whose lines lie `line_stride` apart.
template <class S, bool is_deep> struct Factor {
    static constexpr bool deep = is_deep;
    using Element = S;
    using Line = S const*;
    using Spot = Index;
    S const* data;
    Index batch_stride, line_stride;

    __device__ Line line(Index product, Index index) const { return data + product * batch_stride + index * line_stride; }
    __device__ Spot spot(Index at) const { return at; }
    __device__ void advance(Line& line, Index n) const { line += n * line_stride; }
    __device__ void advance(Spot& spot, Index n) const { spot += n; }
    __device__ S operator()(Line line, Spot spot) const { return line[spot]; }
    template <int N> __device__ bool load(S (&to)[N], Line line, Spot spot) const { return load_vector(to, line + spot); }
};

/// to = the N elements of a line from `spot` on, those from the `count`-th on as zeros.
template <int N, class F>
__device__ void load_padded(typename F::Element (&to)[N], F const& factor, typename F::Line const& line, typename F::Spot spot,
                            Index count) {
    using S = typename F::Element;
    constexpr int half = N / 2;
    if (count >= N && factor.load(to, line, spot)) return;
#pragma unroll
    for (int begin = 0; begin < N; begin += half) {
        S part[half];
        if (count - begin < half || !factor.load(part, line, spot)) {
            typename F::Spot next = spot;
#pragma unroll
            for (int e = 0; e < half; ++e, factor.advance(next, 1)) part[e] = begin + e < count ? factor(line, next) : S(0);
        }
#pragma unroll
        for (int e = 0; e < half; ++e) to[begin + e] = part[e];
        factor.advance(spot, half);
    }
}

}  // namespace tacet::gpu
