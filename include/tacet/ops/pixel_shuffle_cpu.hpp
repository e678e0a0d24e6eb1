// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/pixel_strip.hpp>
#include <tacet/ops/rows.hpp>
#include <type_traits>

// Both pixel shuffles of the host, between `wide` (N, H r, W r, C) and `deep` (N, H, W, C r r).
namespace tacet::detail::kernel {

/// Calls f(c, r), the usual factors and the channels of grey and colour images as constants.
void with_shuffle_constants(Index c, Index r, auto&& f) {
    auto const factor = [&](auto channels) {
        if (r == 2) f(channels, std::integral_constant<int, 2>());
        else if (r == 3) f(channels, std::integral_constant<int, 3>());
        else if (r == 4) f(channels, std::integral_constant<int, 4>());
        else if (r == 5) f(channels, std::integral_constant<int, 5>());
        else f(channels, r);
    };
    if (c == 1) factor(std::integral_constant<int, 1>());
    else if (c == 3) factor(std::integral_constant<int, 3>());
    else factor(c);
}

/// Calls body(first row, rows, strip, whether results are written past the caches) for tasks of rows of `deep`.
template <class V> void for_each_strip(Index channels, Shape<4> const& deep, Index r, auto&& body) {
    using T = typename V::value_type;
    bool const stream = Rows<V>::streams(deep.size() * static_cast<Index>(sizeof(T)));
    with_shuffle_constants(channels, r, [&](auto c, auto factor) {
        PixelStrip<T, decltype(c), decltype(factor)> const strip{deep[2], c, factor};
        parallel_ranges(deep[0] * deep[1], Rows<V>::per_task(strip.size()),
                        [&](Index begin, Index end) { body(begin, end - begin, strip, stream); });
    });
}

/// wide, of `channels` channels, from deep.
template <class V, class T = typename V::value_type>
void shuffle_to_wide(T* wide, T const* deep, Index channels, Shape<4> const& shape, Index r) {
    for_each_strip<V>(channels, shape, r, [&](Index begin, Index rows, auto const& strip, bool stream) {
        for (Index at = begin * strip.size(); at < (begin + rows) * strip.size(); at += strip.size())
            strip.spread(wide + at, deep + at, stream);
    });
}

/// deep from wide, of `channels` channels.
template <class V, class T = typename V::value_type>
void shuffle_to_deep(T* deep, T const* wide, Index channels, Shape<4> const& shape, Index r) {
    for_each_strip<V>(channels, shape, r, [&](Index begin, Index rows, auto const& strip, bool stream) {
        T* const pixels = deep + begin * strip.size();
        T const* const blocks = wide + begin * strip.size();
        Index const end = rows * strip.size();
        if (!stream) {
            for (Index at = 0; at < end; at += strip.size()) strip.gather(pixels + at, blocks + at);
            return;
        }
        LineStream<T> out(pixels, scratch<T, window_slot>(LineStream<T>::size_near(strip.run() * strip.pixel())));
        for (Index at = 0; at < end; at += strip.size()) strip.gather(out, blocks + at);
        out.finish();
    });
}

}  // namespace tacet::detail::kernel

#if TACET_WITH_KERNELS  // library tacet::kernels has these
namespace tacet::detail::kernel {
extern template void shuffle_to_wide<Simd<float>>(float*, float const*, Index, Shape<4> const&, Index);
extern template void shuffle_to_deep<Simd<float>>(float*, float const*, Index, Shape<4> const&, Index);
extern template void shuffle_to_wide<Simd<double>>(double*, double const*, Index, Shape<4> const&, Index);
extern template void shuffle_to_deep<Simd<double>>(double*, double const*, Index, Shape<4> const&, Index);
}  // namespace tacet::detail::kernel
#endif
