// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <tacet/core/simd.hpp>

namespace tacet::detail::kernel {

/// All lanes of a vector.
template <class V, class T = typename V::value_type> struct AllLanes {
    [[gnu::always_inline]] static V load(T const* p) { return V::load(p); }
    [[gnu::always_inline]] static void store(T* p, V v) { v.store(p); }
    static constexpr int count() { return V::lanes; }
};
/// The first lanes of a vector: the others are read as zeros, and what lies behind in memory is left alone.
template <class V, class T = typename V::value_type> struct FirstLanes {
    int n;
    [[gnu::always_inline]] V load(T const* p) const { return V::load_partial(p, n); }
    [[gnu::always_inline]] void store(T* p, V v) const { v.store_partial(p, n); }
    int count() const { return n; }
};

/// The largest of the vectors offered so far, and its number, for each lane. Of equal ones the first stays; NaN is larger than any number.
template <class V> struct Largest {
    V best, number;
    [[gnu::always_inline]] void offer(V v, V its_number) {
        auto const comparable = v == v, larger = v > best;
        number = select(comparable, select(larger, its_number, number), its_number);
        best = select(comparable, select(larger, v, best), v);
    }
};

/// Calls body(k, lanes) for the vectors that cover n neighbouring numbers, from the k-th on: whole vectors, then what is left.
template <class V> [[gnu::always_inline]] inline void for_vectors(Index n, auto&& body) {
    Index k = 0;
    for (; k + V::lanes <= n; k += V::lanes) body(k, AllLanes<V>{});
    if (k < n) body(k, FirstLanes<V>{static_cast<int>(n - k)});
}

}  // namespace tacet::detail::kernel
