// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/simd.hpp>

// The transforms of Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray, "Fast algorithms for convolutional neural networks",
// 2016): y = A^T [(G g G^T) * (B^T d B)] A makes 4 x 4 outputs from a window of 6 x 6 with 36 products instead of 144. The points are
// 0, +-sqrt(1/2), +-sqrt(2) and infinity: as their product polynomial x^4 - 5/2 x^2 + 1 reads the same in both directions, the
// constants stay near 1, which halves the error of the usual points 0, +-1, +-2.
namespace tacet::detail::kernel {

inline constexpr int winograd_tile = 4;        // outputs of a tile to either side
inline constexpr int winograd_window = 6;      // inputs that they see
inline constexpr int winograd_positions = 36;  // products per channel

inline constexpr double winograd_a = 0.70710678118654752, winograd_b = 1.41421356237309505;  // the points; a b = 1, a^2 = 1/2, b^2 = 2

template <class V> [[gnu::always_inline]] inline V constant(double x) { return V::broadcast(static_cast<typename V::value_type>(x)); }

/// B^T: a line of the input, 6 -> 6.
struct WinogradInput {
    static constexpr int in = 6, out = 6;
    template <class V> [[gnu::always_inline]] static void apply(V const (&d)[6], V (&r)[6]) {
        V const even_a = fma(constant<V>(-2), d[2], d[4]), odd_a = fma(constant<V>(-2), d[1], d[3]);
        V const even_b = fma(constant<V>(-0.5), d[2], d[4]), odd_b = fma(constant<V>(-0.5), d[1], d[3]);
        r[0] = fma(constant<V>(-2.5), d[2], d[0]) + d[4];
        r[1] = fma(constant<V>(winograd_a), odd_a, even_a);
        r[2] = fma(constant<V>(-winograd_a), odd_a, even_a);
        r[3] = fma(constant<V>(winograd_b), odd_b, even_b);
        r[4] = fma(constant<V>(-winograd_b), odd_b, even_b);
        r[5] = fma(constant<V>(-2.5), d[3], d[1]) + d[5];
    }
};

/// A^T: a line of the products, 6 -> 4.
struct WinogradOutput {
    static constexpr int in = 6, out = 4;
    template <class V> [[gnu::always_inline]] static void apply(V const (&m)[6], V (&r)[4]) {
        V const sum_a = m[1] + m[2], difference_a = m[1] - m[2], sum_b = m[3] + m[4], difference_b = m[3] - m[4];
        r[0] = m[0] + sum_a + sum_b;
        r[1] = fma(constant<V>(winograd_b), difference_b, constant<V>(winograd_a) * difference_a);
        r[2] = fma(constant<V>(2), sum_b, constant<V>(0.5) * sum_a);
        r[3] = fma(constant<V>(2 * winograd_b), difference_b, fma(constant<V>(winograd_a / 2), difference_a, m[5]));
    }
};

/// A: a line of the output's gradient, 4 -> 6.
struct WinogradGradient {
    static constexpr int in = 4, out = 6;
    template <class V> [[gnu::always_inline]] static void apply(V const (&g)[4], V (&r)[6]) {
        V const even_a = fma(constant<V>(0.5), g[2], g[0]), odd_a = fma(constant<V>(0.5), g[3], g[1]);
        V const even_b = fma(constant<V>(2), g[2], g[0]), odd_b = fma(constant<V>(2), g[3], g[1]);
        r[0] = g[0];
        r[1] = fma(constant<V>(winograd_a), odd_a, even_a);
        r[2] = fma(constant<V>(-winograd_a), odd_a, even_a);
        r[3] = fma(constant<V>(winograd_b), odd_b, even_b);
        r[4] = fma(constant<V>(-winograd_b), odd_b, even_b);
        r[5] = g[3];
    }
};

/// G: a line of the weights, 3 -> 6.
struct WinogradWeight {
    static constexpr int in = 3, out = 6;
    template <class V> [[gnu::always_inline]] static void apply(V const (&w)[3], V (&r)[6]) {
        V const even_a = constant<V>(-2.0 / 3) * fma(constant<V>(0.5), w[2], w[0]), odd_a = constant<V>(-2.0 / 3 * winograd_a) * w[1];
        V const even_b = constant<V>(1.0 / 6) * fma(constant<V>(2), w[2], w[0]), odd_b = constant<V>(winograd_b / 6) * w[1];
        r[0] = w[0];
        r[1] = even_a + odd_a;
        r[2] = even_a - odd_a;
        r[3] = even_b + odd_b;
        r[4] = even_b - odd_b;
        r[5] = w[2];
    }
};

/// G^T: a line of the products' gradient, 6 -> 3.
struct WinogradWeightGradient {
    static constexpr int in = 6, out = 3;
    template <class V> [[gnu::always_inline]] static void apply(V const (&u)[6], V (&r)[3]) {
        V const sum_a = constant<V>(-2.0 / 3) * (u[1] + u[2]), difference_a = u[1] - u[2];
        V const sum_b = constant<V>(1.0 / 6) * (u[3] + u[4]), difference_b = u[3] - u[4];
        r[0] = u[0] + sum_a + sum_b;
        r[1] = fma(constant<V>(winograd_b / 6), difference_b, constant<V>(-2.0 / 3 * winograd_a) * difference_a);
        r[2] = fma(constant<V>(0.5), sum_a, fma(constant<V>(2), sum_b, u[5]));
    }
};

/// Applies F to the columns, then to the rows of F::in x F::in vectors load(i, j), and calls store(i, j, vector) for the F::out x F::out
/// results. i and j are integral constants.
template <class F, class V, class Load, class Store> [[gnu::always_inline]] inline void transform_tile(Load&& load, Store&& store) {
    V half[F::out][F::in];
    unrolled<F::in>([&](auto j) __attribute__((always_inline)) {
        V column[F::in], r[F::out];
        unrolled<F::in>([&](auto i) __attribute__((always_inline)) { column[i] = load(i, j); });
        F::apply(column, r);
        unrolled<F::out>([&](auto i) __attribute__((always_inline)) { half[i][j] = r[i]; });
    });
    unrolled<F::out>([&](auto i) __attribute__((always_inline)) {
        V r[F::out];
        F::apply(half[i], r);
        unrolled<F::out>([&](auto j) __attribute__((always_inline)) { store(i, j, r[j]); });
    });
}

}  // namespace tacet::detail::kernel
