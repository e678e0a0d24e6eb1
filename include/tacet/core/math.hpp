// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

// Elementary functions for expressions. The float versions are straight-line polynomials without tables or calls, so that
// the compiler turns a loop over them into vector code; every other type goes to the standard library. They are constexpr because nvcc
// compiles such functions for the GPU, too: an expression that calls another one there is compiled without a word, and gives NaN.
namespace tacet::math {

/// a where c, else b. By bits, because compilers move what only one arm of ?: needs into a branch, which they cannot vectorise again
/// unless the instruction set has masks (AVX-512).
constexpr float choose(bool c, float a, float b) {
    std::int32_t const mask = -static_cast<std::int32_t>(c);
    return std::bit_cast<float>((std::bit_cast<std::int32_t>(a) & mask) | (std::bit_cast<std::int32_t>(b) & ~mask));
}
constexpr double choose(bool c, double a, double b) {
    std::int64_t const mask = -static_cast<std::int64_t>(c);
    return std::bit_cast<double>((std::bit_cast<std::int64_t>(a) & mask) | (std::bit_cast<std::int64_t>(b) & ~mask));
}
template <class T> constexpr T choose(bool c, T a, T b) { return c ? a : b; }

/// e^x. Float: relative error below 1.5e-7 for results in the normal range; 0 below -87.3, infinity above 88.7; NaN stays.
constexpr float exp(float x) {
    float const above = choose(x < -87.33654f, -87.33654f, x), in = choose(above > 89.f, 89.f, above);  // NaN stays
    // Rounded to an integer by adding 3 2^22, whose last bit is 1 (std::nearbyint is a call where the instruction set lacks it).
    std::int32_t const n = std::bit_cast<std::int32_t>(in * 1.44269504f + 12582912.f) - 0x4b400000;
    float const k = static_cast<float>(n);
    float r = in - k * 0.693359375f;                 // ln 2 in two parts: the first product is exact
    r = r - k * -2.12194440e-4f;
    float p = 1.9841270e-4f;                         // Taylor's coefficients do within |r| <= ln(2)/2: 1/7!, 1/6!, ...
    p = p * r + 1.3888889e-3f;
    p = p * r + 8.3333333e-3f;
    p = p * r + 4.1666667e-2f;
    p = p * r + 1.6666667e-1f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.f;
    std::int32_t const half = n / 2, rest = n - half;  // 2^128 needs two factors
    float const y = p * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((rest + 127) << 23);
    return choose(x < -87.33654f, 0.f, y);
}
template <class T> constexpr T exp(T x) { return std::exp(x); }

/// Natural logarithm. Float: relative error below 2e-7; -infinity at 0, NaN below.
constexpr float log(float x) {
    bool const tiny = x < 1.17549435e-38f;           // denormals are scaled into the normal range
    float const scaled = choose(tiny, x * 8388608.f, x);
    auto const bits = std::bit_cast<std::uint32_t>(scaled);
    auto const e = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;  // scaled = m 2^e, m in [sqrt(1/2), sqrt(2))
    float const m = std::bit_cast<float>(bits - static_cast<std::uint32_t>(e) * 8388608u);
    float const n = static_cast<float>(e) - choose(tiny, 23.f, 0.f);
    float const s = (m - 1) / (m + 1), z = s * s;    // log m = 2 atanh(s)
    float const p = z * (0.66666667f + z * (0.4f + z * (0.28571429f + z * (0.22222222f + z * 0.18181818f))));
    float const y = n * 0.693359375f + (2 * s + (s * p + n * -2.12194440e-4f));
    float const at_zero = choose(x == 0, -INFINITY, y), below = choose(x < 0, NAN, at_zero);
    return choose(x < INFINITY, below, x);           // false for NaN and infinity: both stay
}
template <class T> constexpr T log(T x) { return std::log(x); }

/// The value at z of the polynomial with coefficients c0, c..., lowest power first (Horner).
constexpr float polynomial(float, float c0) { return c0; }
template <class... C> constexpr float polynomial(float z, float c0, C... c) { return c0 + z * polynomial(z, c...); }

/// The smaller of two floats that are not negative, x perhaps NaN: the bits of such floats are ordered as the floats are, and integers
/// have a vector minimum without comparisons and masks. NaN counts as large.
constexpr float smaller(float x, float limit) {
    return std::bit_cast<float>(std::min(std::bit_cast<std::int32_t>(x), std::bit_cast<std::int32_t>(limit)));
}

/// x, or 0 where its sign bit is set.
constexpr float not_negative(float x) { return std::bit_cast<float>(std::max(std::bit_cast<std::int32_t>(x), 0)); }

/// Error function. Float: relative error below 3e-7. erf(x) / x is an entire function of x^2: one polynomial serves all of it, a near
/// minimax fit in s = 2 x^2 / 3.92^2 - 1, whose coefficients add up to little more than 1, so that nothing cancels.
constexpr float erf(float x) {
    float const a = smaller(std::fabs(x), 3.92f);  // erf(3.92) rounds to 1
    float const s = a * a * (2 / (3.92f * 3.92f)) - 1;
    float const s2 = s * s, s4 = s2 * s2;  // four short chains instead of a long one: a processor overlaps them
    auto const cubic = [&](float c0, float c1, float c2, float c3) { return (c0 + c1 * s) + s2 * (c2 + c3 * s); };
    float const p = polynomial(s4, cubic(0.360736817f, -0.180108622f, 0.134084553f, -0.109179229f),
                               cubic(0.0905969739f, -0.0740198195f, 0.058395993f, -0.0434368476f),
                               cubic(0.0296975803f, -0.0199950691f, 0.0142099299f, -0.00766046997f),
                               cubic(0.00191998784f, -0.00139458012f, 0.00209875382f, -0.00084391603f));
    return choose(x == x, std::copysign(smaller(a * p, 1), x), x);
}
template <class T> constexpr T erf(T x) { return std::erf(x); }

/// Distribution function of the standard normal, Phi(x). Float: absolute error below 2e-7; 0 below -5.65; 1, not NaN, for NaN.
/// Phi(-|x|) is the fourth power of a polynomial in |x|, a near minimax fit: the root is so smooth that half the coefficients of erf do.
constexpr float normal_cdf(float x) {
    float const a = smaller(std::fabs(x), 5.65f);
    float const a2 = a * a, a4 = a2 * a2;
    auto const cubic = [&](float c0, float c1, float c2, float c3) { return (c0 + c1 * a) + a2 * (c2 + c3 * a); };
    float const p = 0.84089643f + a * (cubic(-0.167733908f, -0.0501987226f, 0.00465284241f, 0.00379078859f)
                                       + a4 * cubic(-3.1286414e-05f, -0.000309118972f, 5.87835420e-05f, -3.43181250e-06f));
    float const root = not_negative(p), root2 = root * root, beyond = root2 * root2;
    return choose(x < 0, beyond, 1 - beyond);
}
template <class T> constexpr T normal_cdf(T x) { return T(0.5) * std::erfc(x * T(-0.70710678118654752)); }

/// Hyperbolic tangent. Float: relative error below 4e-7.
constexpr float tanh(float x) {
    float const a = choose(std::fabs(x) < 9.1f, std::fabs(x), 9.1f);         // tanh(9.1) rounds to 1
    float const small = a * polynomial(a * a, 0.999999998f, -0.333332833f, 0.133316889f, -0.053768703f, 0.0207536236f, -0.00585216281f);
    float const large = 1 - 2 / (exp(2 * a) + 1);
    return choose(x == x, std::copysign(choose(a < 0.6f, small, large), x), x);
}
template <class T> constexpr T tanh(T x) { return std::tanh(x); }

/// 1 / (1 + e^-x), without overflow at either end.
template <class T> constexpr T sigmoid(T x) {
    T const e = exp(-std::fabs(x));
    return choose(x < 0, e, T(1)) / (1 + e);
}

}  // namespace tacet::math
