// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/line_stream.hpp>
#include <tacet/ops/pixel_tile.hpp>
#include <tacet/ops/scratch.hpp>
#include <algorithm>
#include <array>
#include <type_traits>

namespace tacet::detail::kernel {

/// A row of (N, H, W, C r r) and the r rows of (N, H r, W r, C) that hold the same elements: on both sides one strip of memory.
/// C and R are integers or, for the usual ones, integral constants: then vectors of tiles are moved as far as there are any.
template <class T, class C, class R> struct PixelStrip {
    Index w;
    C c;
    R r;

    Index pixel() const { return c * r * r; }
    Index line() const { return w * r * c; }
    Index size() const { return w * pixel(); }
    /// How many pixels are made before they are written past the caches: few, so that reading and writing overlap.
    Index run() const { return std::max<Index>(1024 / std::max<Index>(pixel(), 1), 1); }

    void gather(T* pixels, T const* block) const { gather_run(pixels, block, w, true); }
    void gather(LineStream<T>& out, T const* block) const {
        for_each_run([&](Index p, Index n, bool last) {
            gather_run(out.room(), block + p * r * c, n, last);
            out.push(n * pixel());
        });
    }
    /// Past the caches if `stream` and R is a constant.
    void spread(T* block, T const* pixels, bool stream) const {
        if constexpr (!std::is_same_v<R, Index>) {
            if (stream) return spread_past_caches(block, pixels);
        }
        spread_run([&](Index i) { return block + i * line(); }, pixels, w, true);
    }

private:
    void spread_past_caches(T* block, T const* pixels) const {
        std::array<LineStream<T>, static_cast<std::size_t>(R::value)> out;
        Index const near = LineStream<T>::size_near(run() * r * c);
        T* const memory = scratch<T, window_slot>(r * near);
        for (Index i = 0; i < r; ++i) out[static_cast<std::size_t>(i)] = {block + i * line(), memory + i * near};
        for_each_run([&](Index p, Index n, bool last) {
            spread_run([&](Index i) { return out[static_cast<std::size_t>(i)].room(); }, pixels + p * pixel(), n, last);
            for (auto& lines : out) lines.push(n * r * c);
        });
        for (auto& lines : out) lines.finish();
    }
    void for_each_run(auto&& body) const {
        for (Index p = 0; p < w; p += run()) body(p, std::min(run(), w - p), p + run() >= w);
    }
    void gather_run(T* pixels, T const* block, Index n, bool last) const {
        Index p = for_each_tile(n, last, [&](auto tile, Index first) {
            tile.gather(pixels + first * pixel(), block + first * r * c, line());
        });
        for (; p < n; ++p)
            for (Index k = 0; k < c; ++k)
                for (Index i = 0; i < r; ++i)
                    for (Index j = 0; j < r; ++j) pixels[p * pixel() + (k * r + i) * r + j] = block[i * line() + (p * r + j) * c + k];
    }
    /// To line(0), ..., line(r - 1).
    void spread_run(auto const& to, T const* pixels, Index n, bool last) const {
        Index p = for_each_tile(n, last, [&](auto tile, Index first) {
            tile.spread([&](Index i) { return to(i) + first * r * c; }, pixels + first * pixel());
        });
        for (; p < n; ++p)
            for (Index k = 0; k < c; ++k)
                for (Index i = 0; i < r; ++i)
                    for (Index j = 0; j < r; ++j) to(i)[(p * r + j) * c + k] = pixels[p * pixel() + (k * r + i) * r + j];
    }
    /// Calls body(tile, first pixel) for the tiles of n pixels and returns how many pixels they have. The last tile of a strip would touch
    /// what lies behind it.
    static Index for_each_tile(Index n, bool last, auto&& body) {
        Index p = 0;
        if constexpr (Simd<T>::lanes >= 8 && !std::is_same_v<C, Index> && !std::is_same_v<R, Index>) {
            using Pixels = PixelTile<Simd<T>, C::value, R::value>;
            Index const end = n - (last ? Pixels::pixels : 0);
            for (; p + Pixels::pixels <= end; p += Pixels::pixels) body(Pixels(), p);
        }
        return p;
    }
};

}  // namespace tacet::detail::kernel
