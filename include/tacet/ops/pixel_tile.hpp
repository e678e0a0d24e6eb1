// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <tacet/core/simd.hpp>
#include <algorithm>
#include <array>
#include <tuple>
#include <type_traits>

namespace tacet::detail::kernel {

/// Both pixel shuffles of a few neighbouring pixels in registers: their (pixels, C, R, R) elements against the R lines of (pixels, R, C)
/// elements they are made from. Which lane goes where is known at compile time. Whole registers are read and written: a tile
/// touches the pixel that follows on either side.
template <class V, int C, int R> struct PixelTile {
    using T = typename V::value_type;
    static constexpr int lanes = V::lanes;
    static constexpr int pixels = std::max(1, lanes / (R * C));
    static constexpr int line = pixels * R * C, line_registers = (line + lanes - 1) / lanes;
    static constexpr int size = line * R, registers = (size + lanes - 1) / lanes;
    static_assert(line_registers * lanes - line <= R * C && registers * lanes - size <= R * R * C, "a tile touches two pixels that follow");

    /// pixel = the tile at block, whose lines lie `stride` apart. They are fetched ahead: the processor itself does not see R streams soon
    /// enough.
    static void gather(T* pixel, T const* block, Index stride) {
        constexpr auto ahead = 1536 / sizeof(T);
        std::array<V, static_cast<std::size_t>(R * line_registers)> from;
        unrolled<R>([&](auto i) {
            __builtin_prefetch(block + i * stride + ahead);
            unrolled<line_registers>([&](auto s) { from[i * line_registers + s] = V::load(block + i * stride + s * lanes); });
        });
        unrolled<registers>([&](auto q) { collect<q, to_deep>(from).store(pixel + q * lanes); });
    }
    /// The lines at block(0), ..., block(R - 1) = pixel.
    static void spread(auto const& block, T const* pixel) {
        std::array<V, static_cast<std::size_t>(registers)> from;
        unrolled<registers>([&](auto q) { from[q] = V::load(pixel + q * lanes); });
        unrolled<R>([&](auto i) {
            unrolled<line_registers>([&](auto s) { collect<i * line_registers + s, to_wide>(from).store(block(i) + s * lanes); });
        });
    }

private:
    /// For each lane of one side, all registers in order, where it comes from on the other side; -1 where it holds no element.
    template <int N> using Places = std::array<int, static_cast<std::size_t>(N * lanes)>;

    /// Calls f(deep, wide), the two places of an element, for all of them.
    static constexpr void for_each_element(auto&& f) {
        for (int p = 0; p < pixels; ++p)
            for (int k = 0; k < C; ++k)
                for (int i = 0; i < R; ++i)
                    for (int j = 0; j < R; ++j)
                        f(static_cast<std::size_t>(((p * C + k) * R + i) * R + j),
                          static_cast<std::size_t>(i * line_registers * lanes + (p * R + j) * C + k));
    }
    static constexpr Places<registers> to_deep = [] {
        Places<registers> from;
        from.fill(-1);
        for_each_element([&](std::size_t deep, std::size_t wide) { from[deep] = static_cast<int>(wide); });
        return from;
    }();
    static constexpr Places<R * line_registers> to_wide = [] {
        Places<R * line_registers> from;
        from.fill(-1);
        for_each_element([&](std::size_t deep, std::size_t wide) { from[wide] = static_cast<int>(deep); });
        return from;
    }();

    /// How register `output` is made of register `source`: its lanes that come from there, and the others as they are.
    struct Blend {
        std::array<typename V::Integer, static_cast<std::size_t>(lanes)> lane{};
        bool any = false;
    };
    static constexpr Blend blend(auto const& from, int output, int source) {
        Blend b;
        for (int l = 0; l < lanes; ++l) {
            int const place = from[static_cast<std::size_t>(output * lanes + l)];
            bool const here = place >= 0 && place / lanes == source;
            b.lane[static_cast<std::size_t>(l)] = here ? lanes + place % lanes : l;
            b.any |= here;
        }
        return b;
    }
    template <int output, auto const& from> [[gnu::always_inline]] static V collect(auto const& in) {
        V out = in[static_cast<std::size_t>(from[output * lanes] / lanes)];
        unrolled<static_cast<int>(std::tuple_size_v<std::remove_cvref_t<decltype(in)>>)>([&](auto source) {
            constexpr Blend b = blend(from, output, source);
            if constexpr (b.any) out = V::template shuffle<b.lane>(out, in[source]);
        });
        return out;
    }
};

}  // namespace tacet::detail::kernel
