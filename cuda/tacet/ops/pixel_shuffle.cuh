// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/ops/pixel_shuffle.hpp>

namespace tacet {
namespace gpu {

/// Both shuffles of a piece of one row of `deep` (N, H, W, C r r): the same piece of r rows of `wide` (N, H r, W r, C), through shared
/// memory, so that both sides are read and written in runs. `R` is r where the compiler knows it, or 0.
struct ShuffleShape {
    Index h, w;           // of deep
    int channels, r;      // of wide
    int piece;            // pixels of deep that a block takes
    Index pieces;         // in a row
};
/// How many elements a block holds at most.
constexpr int shuffle_elements = 6144;
template <class T> struct ShuffleTile {
    T element[shuffle_elements];  // (r, piece r, C)
};

template <int R, bool to_deep, class T> __global__ void shuffle(T* y, T const* x, ShuffleShape s) {
    auto& tile = shared_memory<ShuffleTile<T>>();
    int const r = R ? R : s.r, c = s.channels, threads = static_cast<int>(blockDim.x), self = static_cast<int>(threadIdx.x);
    Index const row = blockIdx.x / s.pieces, first = blockIdx.x % s.pieces * s.piece;  // of deep, over all images
    int const pixels = static_cast<int>(std::min<Index>(s.piece, s.w - first)), line = pixels * r * c, n = line * r;
    // `wide` has r lines for this piece, `deep` one run.
    Index const in_wide = (row * r * s.w + first) * r * c, wide_line = s.w * r * c, in_deep = (row * s.w + first) * r * r * c;
    auto const in_tile = [&](int k) {  // where element k of the run of `deep` stands among the lines
        int const pixel = k / (r * r * c), channel = k / (r * r) % c, i = k / r % r, j = k % r;
        return i * line + (pixel * r + j) * c + channel;
    };
    if (to_deep)
        for (int k = self; k < n; k += threads) tile.element[k] = x[in_wide + k / line * wide_line + k % line];
    else
        for (int k = self; k < n; k += threads) tile.element[in_tile(k)] = x[in_deep + k];
    __syncthreads();
    if (to_deep)
        for (int k = self; k < n; k += threads) y[in_deep + k] = tile.element[in_tile(k)];
    else
        for (int k = self; k < n; k += threads) y[in_wide + k / line * wide_line + k % line] = tile.element[k];
}

/// Where a pixel has more elements than a block holds: element k of `deep` alone.
template <bool to_deep, class T> struct ShuffleElement {
    T* y;
    T const* x;
    ShuffleShape s;
    __device__ void operator()(Index k) const {
        Index const r = s.r, c = s.channels, pixel = k / (r * r * c), channel = k / (r * r) % c, i = k / r % r, j = k % r;
        Index const in_wide = ((pixel / s.w * r + i) * s.w * r + pixel % s.w * r + j) * c + channel;
        if (to_deep) y[k] = x[in_wide];
        else y[in_wide] = x[k];
    }
};

}  // namespace gpu

template <> struct PixelShuffleKernel<Cuda> {
    template <class T> static void to_wide(Tensor<T, 4, Cuda> const& wide, Tensor<T, 4, Cuda> const& deep, Index r) {
        run<false>("pixel_shuffle", wide.data(), deep.data(), wide.shape()[3], deep.shape(), r);
    }
    template <class T> static void to_deep(Tensor<T, 4, Cuda> const& deep, Tensor<T, 4, Cuda> const& wide, Index r) {
        run<true>("pixel_unshuffle", deep.data(), wide.data(), wide.shape()[3], deep.shape(), r);
    }

private:
    template <bool to_deep, class T> static void run(char const* name, T* y, T const* x, Index c, Shape<4> const& deep, Index r) {
        if (deep.size() == 0) return;
        Index const piece = std::min(gpu::shuffle_elements / deep[3], deep[2]);
        gpu::ShuffleShape const s{deep[1], deep[2], static_cast<int>(c), static_cast<int>(r), static_cast<int>(piece),
                                     piece ? detail::div_up(deep[2], piece) : 0};
        if (piece == 0) return launch_each(name, deep, gpu::ShuffleElement<to_deep, T>{y, x, s});
        auto const kernel = r == 2 ? &gpu::shuffle<2, to_deep, T> : r == 3 ? &gpu::shuffle<3, to_deep, T>
            : r == 4 ? &gpu::shuffle<4, to_deep, T> : r == 5 ? &gpu::shuffle<5, to_deep, T> : &gpu::shuffle<0, to_deep, T>;
        launch({name, deep}, Grid{deep[0] * deep[1] * s.pieces, 256, sizeof(gpu::ShuffleTile<T>)}, kernel, y, x, s);
    }
};

}  // namespace tacet
