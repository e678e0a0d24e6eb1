// SPDX-License-Identifier: MIT
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

// Elementary functions for expressions. The float versions are straight-line polynomials without tables or calls, so that
// the compiler turns a loop over them into vector code; every other type goes to the standard library.
namespace tacet::math {

/// e^x. Float: relative error below 1.5e-7 for results in the normal range; 0 below -87.3, infinity above 88.7; NaN stays.
inline float exp(float x) {
    float const in = x < -87.33654f ? -87.33654f : (x > 88.72284f ? 88.72284f : x);
    float const k = std::nearbyint(in * 1.44269504f);
    float r = in - k * 0.693359375f;                 // ln 2 in two parts: the first product is exact
    r = r - k * -2.12194440e-4f;
    float p = 1.9841270e-4f;                         // Taylor's coefficients do within |r| <= ln(2)/2: 1/7!, 1/6!, ...
    p = p * r + 1.3888889e-3f;
    p = p * r + 8.3333333e-3f;
    p = p * r + 4.1666667e-2f;
    p = p * r + 1.6666667e-1f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.f;
    auto const half = static_cast<std::int32_t>(k) / 2, rest = static_cast<std::int32_t>(k) - half;  // 2^128 needs two factors
    float const y = p * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((rest + 127) << 23);
    float const low = x < -87.33654f ? 0.f : y, high = x > 88.72283f ? INFINITY : low;
    return x == x ? high : x;
}
template <class T> T exp(T x) { return std::exp(x); }

/// Natural logarithm. Float: relative error below 2e-7; -infinity at 0, NaN below.
inline float log(float x) {
    bool const tiny = x < 1.17549435e-38f;           // denormals are scaled into the normal range
    float const scaled = tiny ? x * 8388608.f : x;
    auto const bits = std::bit_cast<std::int32_t>(scaled);
    auto const e = (bits - 0x3f3504f3) >> 23;        // scaled = m 2^e, m in [sqrt(1/2), sqrt(2))
    float const m = std::bit_cast<float>(bits - e * 8388608);
    float const n = static_cast<float>(e) - (tiny ? 23.f : 0.f);
    float const s = (m - 1) / (m + 1), z = s * s;    // log m = 2 atanh(s)
    float const p = z * (0.66666667f + z * (0.4f + z * (0.28571429f + z * (0.22222222f + z * 0.18181818f))));
    float const y = n * 0.693359375f + (2 * s + (s * p + n * -2.12194440e-4f));
    float const at_zero = x == 0 ? -INFINITY : y, below = x < 0 ? NAN : at_zero;
    return x < INFINITY ? below : x;                 // false for NaN and infinity: both stay
}
template <class T> T log(T x) { return std::log(x); }

/// The value at z of the polynomial with coefficients c0, c..., lowest power first (Horner).
inline float polynomial(float, float c0) { return c0; }
template <class... C> float polynomial(float z, float c0, C... c) { return c0 + z * polynomial(z, c...); }

/// Error function. Float: relative error below 3e-7; the coefficients are weighted least-squares (near minimax) fits.
inline float erf(float x) {
    float const a = std::fabs(x) < 3.92f ? std::fabs(x) : 3.92f, z = a * a;  // erf(3.92) rounds to 1
    float const small = a * polynomial(z, 1.12837917f, -0.376126258f, 0.112835851f, -0.0268538118f, 0.00518832749f, -0.000801019188f,
                                       7.8538556e-05f);
    float const t = 1 / (1 + 0.4f * a);                                      // erfc(a) = exp(-a^2) times a polynomial in t
    float const large = 1 - exp(-z) * polynomial(t, -0.00131050788f, 0.243461723f, 0.123471285f, 0.52805344f, -0.412062072f,
                                                 0.714452386f, -0.195919688f);
    float const y = a < 1 ? small : large;
    return x == x ? std::copysign(y, x) : x;
}
template <class T> T erf(T x) { return std::erf(x); }

/// Hyperbolic tangent. Float: relative error below 4e-7.
inline float tanh(float x) {
    float const a = std::fabs(x) < 9.1f ? std::fabs(x) : 9.1f;               // tanh(9.1) rounds to 1
    float const small = a * polynomial(a * a, 0.999999998f, -0.333332833f, 0.133316889f, -0.053768703f, 0.0207536236f, -0.00585216281f);
    float const large = 1 - 2 / (exp(2 * a) + 1);
    float const y = a < 0.6f ? small : large;
    return x == x ? std::copysign(y, x) : x;
}
template <class T> T tanh(T x) { return std::tanh(x); }

/// 1 / (1 + e^-x), without overflow at either end.
template <class T> T sigmoid(T x) {
    T const e = exp(-(x < 0 ? -x : x));
    T const near = 1 / (1 + e);
    return x < 0 ? e * near : near;
}

}  // namespace tacet::math
