// SPDX-License-Identifier: MIT
#pragma once

namespace tacet {

/// An aggregate of heterogeneous values; trivially copyable when its elements are, cheaper to compile than std::tuple.
template <class... E> struct Pack;
template <> struct Pack<> {
    constexpr decltype(auto) operator()(auto&& f, auto&... done) const { return f(done...); }
};
template <class H, class... T> struct Pack<H, T...> {
    H head;
    [[no_unique_address]] Pack<T...> tail;
    /// Calls f with all elements, in order.
    constexpr decltype(auto) operator()(auto&& f, auto&... done) const { return tail(f, done..., head); }
};

template <class... E> constexpr Pack<E...> pack(E... e) {
    if constexpr (sizeof...(E) == 0) return Pack<>{};
    else return [](auto h, auto... t) { return Pack<E...>{h, pack(t...)}; }(e...);
}

/// The K-th element.
template <int K, class H, class... T> constexpr auto const& get(Pack<H, T...> const& p) {
    if constexpr (K == 0) return p.head;
    else return get<K - 1>(p.tail);
}

}  // namespace tacet
