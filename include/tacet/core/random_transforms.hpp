// SPDX-License-Identifier: MIT
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

// From random words to distributions, with the same bits on every instruction set, compiler and GPU: integer operations, + - * / and
// explicit fma only. A compiler may fuse a product with an addition: so no product is an operand of one, but exact products by powers of
// two, and a float's last step is an fma, whatever a caller adds to it. For the same reason, form a mean as std::fma(a, b, 0.), not as
// a * b. IEEE arithmetic is assumed: no -ffast-math, no flushed denormals.
namespace tacet::detail {

/// a b + c, rounded once.
template <class T> constexpr T fused(T a, T b, T c) { return std::fma(a, b, c); }

/// Horner's rule: c0 + z (c1 + z (...)).
template <class T> constexpr T horner(T, T c0) { return c0; }
template <class T, class... C> constexpr T horner(T z, T c0, C... c) { return fused(z, horner(z, c...), c0); }

/// log u for normal, positive u; within one unit in the last place. Polynomial: tests/golden/normal_coefficients.py.
constexpr float portable_log(float u) {
    auto const bits = std::bit_cast<std::uint32_t>(u) - 0x3f3504f3u;  // u = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2))
    auto const e = static_cast<float>(static_cast<std::int32_t>(bits) >> 23);
    float const f = std::bit_cast<float>((bits & 0x007fffffu) + 0x3f3504f3u) - 1;
    float const p = horner(f, 0.333333313f, -0.250008196f, 0.200012267f, -0.166233569f, 0.142017573f, -0.13160181f, 0.12761578f,
                           -0.0763450265f);
    return fused(e, 0.693147182f, fused(f * f, fused(f, p, -0.5f), f));
}

/// sqrt x for normal, positive x up to 1e30: two Newton steps to 1/sqrt(x) and a correction; the last bit may differ from IEEE's.
/// Own, because compilers keep a loop with std::sqrt scalar for the sake of errno.
constexpr float portable_sqrt(float x) {
    float y = std::bit_cast<float>(0x5f375a86u - (std::bit_cast<std::uint32_t>(x) >> 1));
    float const minus_half = -0.5f * x;
    y *= fused(minus_half, y * y, 1.5f);
    y *= fused(minus_half, y * y, 1.5f);
    float const root = x * y;
    return fused(fused(-root, root, x), 0.5f * y, root);
}

/// Two independent samples of N(0, 1).
struct NormalPair {
    float a, b;
};

/// Box and Muller's transform of two random words: 31 bits of the first for the radius, the second for the angle. At most 6.66.
constexpr NormalPair normal_pair(std::uint32_t radius_word, std::uint32_t angle_word) {
    auto const word = static_cast<float>(static_cast<std::int32_t>(radius_word >> 1));
    float const u = fused(word, 0x1p-31f, 0x1p-32f);                  // in [2^-32, 1]
    float const r = portable_sqrt(fused(portable_log(u), -2.f, 0x1p-60f));  // the addend keeps the argument positive, no more
    std::uint32_t const quadrant = (angle_word + 0x20000000u) >> 30;  // angle = pi/2 quadrant + x, |x| <= pi/4
    auto const rest = static_cast<float>(static_cast<std::int32_t>(angle_word - (quadrant << 30)));
    float const x = rest * 1.46291807e-9f, z = x * x;                 // pi / 2^31
    float const sine = fused(z * x, horner(z, -0.166666552f, 0.0083321603f, -0.000195152825f), x);
    float const cosine = fused(z, fused(z, horner(z, 0.0416666456f, -0.00138873165f, 2.44331568e-05f), -0.5f), 1.f);
    auto const s = std::bit_cast<std::uint32_t>(sine), c = std::bit_cast<std::uint32_t>(cosine);
    std::uint32_t const mask = 0u - (quadrant & 1u), swap = (s ^ c) & mask;
    std::uint32_t const sign_c = ((quadrant + 1) & 2u) << 30, sign_s = (quadrant & 2u) << 30;
    return NormalPair{fused(r, std::bit_cast<float>((c ^ swap) ^ sign_c), 0.f), fused(r, std::bit_cast<float>((s ^ swap) ^ sign_s), 0.f)};
}

/// A double in [0, 1) from 53 bits of two words.
constexpr double unit_double(std::uint32_t high, std::uint32_t low) {
    std::uint64_t const bits = (static_cast<std::uint64_t>(high) << 21) ^ (low >> 11);
    return static_cast<double>(bits) * 0x1p-53;
}

/// log x for normal, positive x, by 2 atanh((m - 1) / (m + 1)); within 2 units in the last place.
constexpr double portable_log(double x) {
    std::uint64_t const bits = std::bit_cast<std::uint64_t>(x) - 0x3fe6a09e667f3bcdu;  // x = 2^e m, m in [sqrt(1/2), sqrt(2))
    auto const e = static_cast<double>(static_cast<std::int64_t>(bits) >> 52);
    double const f = std::bit_cast<double>((bits & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1;
    double const s = f / (2 + f), z = s * s;
    double p = 2. / 25;
    for (int k = 23; k >= 3; k -= 2) p = fused(z, p, 2. / k);
    double const tail = fused(e, 1.90821492927058770002e-10, z * s * p);  // ln 2 in two parts: the first has 21 zero bits
    return fused(e, 6.93147180369123816490e-01, fused(2., s, tail));
}

/// e^-x for 0 <= x <= 100, by reduction to |r| <= ln(2)/2 and Taylor's series; within 2 units in the last place.
constexpr double portable_exp_minus(double x) {
    auto const k = static_cast<std::int64_t>(fused(x, 1.4426950408889634, 0.5));
    auto const n = static_cast<double>(k);
    double const r = fused(n, 1.90821492927058770002e-10, fused(n, 6.93147180369123816490e-01, -x));
    double p = 1. / 14;
    for (int i = 13; i >= 1; --i) p = fused(r, p, 1.) / i;  // 1/i (1 + r/(i+1) (1 + ...))
    return fused(r, p, 1.) * std::bit_cast<double>(static_cast<std::uint64_t>(1023 - k) << 52);
}

/// log(k!) - (k log k - k + log(2 pi k) / 2) for k >= 1: the rest of Stirling's formula (five terms; below 10 by recurrence).
constexpr double stirling_rest(double k) {
    double shift = 0;
    for (; k < 10; k += 1) {  // rest(k) = rest(k + 1) + (k + 1/2) log((k + 1) / k) - 1
        double const ratio = (k + 1) / k;
        shift = shift + fused(k + 0.5, portable_log(ratio), -1.);
    }
    double const i = 1 / k;
    return fused(i, horner(i * i, 1. / 12, -1. / 360, 1. / 1260, -1. / 1680, 1. / 1188), shift);
}

/// Poisson by inversion of the distribution function, for means below 10; u in [0, 1).
constexpr std::int64_t poisson_small(double mean, double u) {
    double p = portable_exp_minus(mean);
    std::int64_t k = 0;
    while (u >= p && k < 256) {  // beyond 256 lies less than the resolution of u
        u -= p;
        ++k;
        p = p * mean / static_cast<double>(k);
    }
    return k;
}

/// The constants of Poisson by transformed rejection with squeeze (PTRS) for one mean >= 10.
/// Source: W. Hoermann, The transformed rejection method for generating Poisson random variables, 1993.
struct PoissonLarge {
    double mean, a, b, inverse_alpha, v_r;

    static constexpr PoissonLarge of(double mean) {
        double const b = fused(2.53, std::sqrt(mean), 0.931);
        return PoissonLarge{mean, fused(0.02483, b, -0.059), b, 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)};
    }
    /// One try with two uniforms in [0, 1): the sample, or -1 for rejection.
    constexpr std::int64_t attempt(double u01, double v) const {
        double const u = u01 - 0.5, us = 0.5 - (u < 0 ? -u : u);
        if (us <= 0) return -1;
        double const at = fused(2 * a / us + b, u, mean + 0.43);
        if (!(at >= 0 && at < 0x1p62)) return -1;
        auto const k = static_cast<std::int64_t>(at);
        if (us >= 0.07 && v <= v_r) return k;
        if ((us < 0.013 && v > us) || v <= 0) return -1;
        auto const n = static_cast<double>(k);
        double const left = portable_log(v * inverse_alpha / (a / (us * us) + b));
        return left <= log_probability(n) ? k : -1;
    }
    /// log P(k) = -mean + k log mean - log k!, with the large terms joined before they are rounded.
    constexpr double log_probability(double k) const {
        if (k < 1) return -mean;
        double const stirling = fused(0.5, portable_log(6.283185307179586 * k), stirling_rest(k));
        return fused(k, portable_log(mean / k), (k - mean) - stirling);
    }
};

}  // namespace tacet::detail
