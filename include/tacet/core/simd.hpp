// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/config.hpp>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace tacet {
namespace detail {

/// The bytes of one vector register.
template <class I> inline constexpr int vector_bytes = 16;
template <> inline constexpr int vector_bytes<instruction_set::Avx512> = 64;
template <> inline constexpr int vector_bytes<instruction_set::Avx2> = 32;
template <> inline constexpr int vector_bytes<instruction_set::Scalar> = 1;

}  // namespace detail

/// Calls f(integral_constant 0), ..., f(integral_constant N - 1): a loop that is unrolled whatever the compiler thinks of it,
/// so that arrays of Simd indexed by its variable live in registers.
template <int N, class F> [[gnu::always_inline]] constexpr void unrolled(F&& f) {
    [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) { (f(std::integral_constant<int, i>{}), ...); }
    (std::make_integer_sequence<int, N>{});
}

/// One register of T (float or double) of instruction set I: arithmetic on all lanes at once, in the compiler's vector extension.
/// The instruction set is part of the type, hence of every kernel's name: units compiled with different flags do not mix.
template <class T, class I = instruction_set::Native> struct Simd {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "Simd holds float or double");
    using value_type = T;
    static constexpr int bytes =
        detail::vector_bytes<I> < static_cast<int>(sizeof(T)) ? static_cast<int>(sizeof(T)) : detail::vector_bytes<I>;
    static constexpr int lanes = bytes / static_cast<int>(sizeof(T));
    using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    typedef T Vector __attribute__((vector_size(bytes)));
    typedef Integer IntegerVector __attribute__((vector_size(bytes)));

    /// What comparisons give: all bits of a lane set, or none.
    struct Mask {
        IntegerVector v;
        bool operator[](int lane) const { return v[lane] != 0; }
    };

    Vector v;

    static Simd broadcast(T x) { return {x - Vector{}}; }  // x - 0 is x for every x, x + 0 is not
    static Simd zero() { return {Vector{}}; }
    /// p need not be aligned.
    static Simd load(T const* p) {
        Simd r;
        std::memcpy(&r.v, p, sizeof r.v);
        return r;
    }
    void store(T* p) const { std::memcpy(p, &v, sizeof v); }
    /// Stores past the caches where the instruction set can; p must be a multiple of the register's size. Others see it after fence().
    void stream(T* p) const {
#if defined(__AVX512F__)
        if constexpr (bytes == 64) return _mm512_stream_si512(reinterpret_cast<__m512i*>(p), std::bit_cast<__m512i>(v));
#elif defined(__FMA__)
        if constexpr (bytes == 32) return _mm256_stream_si256(reinterpret_cast<__m256i*>(p), std::bit_cast<__m256i>(v));
#endif
        store(p);
    }
    static void fence() {
#if defined(__FMA__) || defined(__AVX512F__)
        _mm_sfence();
#endif
    }
    /// The first n lanes (0 <= n <= lanes) from p, zero in the others; nothing beyond p[n - 1] is touched.
    static Simd load_partial(T const* p, int n) {
#if defined(__AVX512F__)
        if constexpr (bytes == 64) {
            if constexpr (sizeof(T) == 4) return {Vector(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p))};
            else return {Vector(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p))};
        }
#endif
        if constexpr (lanes == 1) return n > 0 ? load(p) : zero();
        Simd r = zero();
        if (n > 0) std::memcpy(&r.v, p, static_cast<std::size_t>(n) * sizeof(T));
        return r;
    }
    /// Writes the first n lanes (0 <= n <= lanes).
    void store_partial(T* p, int n) const {
#if defined(__AVX512F__)
        if constexpr (bytes == 64) {
            if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
            else _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
            return;
        }
#endif
        if constexpr (lanes == 1) {
            if (n > 0) store(p);
            return;
        }
        if (n > 0) std::memcpy(p, &v, static_cast<std::size_t>(n) * sizeof(T));
    }

    /// Lane i is lane from[i] of a or, where from[i] >= lanes, lane from[i] - lanes of b.
    template <std::array<Integer, lanes> from> static Simd shuffle(Simd a, Simd b) {
#if defined(__clang__)
        return [&]<int... i>(std::integer_sequence<int, i...>) { return Simd{__builtin_shufflevector(a.v, b.v, from[i]...)}; }
        (std::make_integer_sequence<int, lanes>{});
#else
        return {__builtin_shuffle(a.v, b.v, std::bit_cast<IntegerVector>(from))};
#endif
    }

    /// The same value, held in a register: g++ may otherwise read it from memory again wherever it is used.
    Simd pinned() const {
        Simd r = *this;
#if defined(__AVX512F__)
        if constexpr (bytes == 64) asm("" : "+v"(r.v));
#endif
#if defined(__AVX__)
        if constexpr (bytes == 32) asm("" : "+x"(r.v));
#endif
        return r;
    }

    T operator[](int lane) const { return v[lane]; }
    friend Simd operator+(Simd a, Simd b) { return {a.v + b.v}; }
    friend Simd operator-(Simd a, Simd b) { return {a.v - b.v}; }
    friend Simd operator*(Simd a, Simd b) { return {a.v * b.v}; }
    friend Simd operator/(Simd a, Simd b) { return {a.v / b.v}; }
    Simd& operator+=(Simd b) { return v += b.v, *this; }

    friend Mask operator<(Simd a, Simd b) { return {a.v < b.v}; }
    friend Mask operator<=(Simd a, Simd b) { return {a.v <= b.v}; }
    friend Mask operator>(Simd a, Simd b) { return {a.v > b.v}; }
    friend Mask operator>=(Simd a, Simd b) { return {a.v >= b.v}; }
    friend Mask operator==(Simd a, Simd b) { return {a.v == b.v}; }
    /// a where the mask is set, else b.
    friend Simd select(Mask m, Simd a, Simd b) { return {m.v ? a.v : b.v}; }
    /// The smaller one; b where either is NaN.
    friend Simd min(Simd a, Simd b) { return {a.v < b.v ? a.v : b.v}; }
    /// The larger one; b where either is NaN.
    friend Simd max(Simd a, Simd b) { return {a.v > b.v ? a.v : b.v}; }

    /// a * b + c, rounded once where the instruction set can (the compiler's own contraction depends on its flags, this does not).
    friend Simd fma(Simd a, Simd b, Simd c) {
#if defined(__AVX512F__)
        if constexpr (bytes == 64 && sizeof(T) == 4) return {Vector(_mm512_fmadd_ps(a.v, b.v, c.v))};
        else if constexpr (bytes == 64) return {Vector(_mm512_fmadd_pd(a.v, b.v, c.v))};
#endif
#if defined(__FMA__)
        if constexpr (bytes == 32 && sizeof(T) == 4) return {Vector(_mm256_fmadd_ps(a.v, b.v, c.v))};
        else if constexpr (bytes == 32) return {Vector(_mm256_fmadd_pd(a.v, b.v, c.v))};
#elif defined(__aarch64__) && defined(__ARM_NEON)
        if constexpr (bytes == 16 && sizeof(T) == 4) return {Vector(vfmaq_f32(c.v, a.v, b.v))};
        else if constexpr (bytes == 16) return {Vector(vfmaq_f64(c.v, a.v, b.v))};
#endif
        return {a.v * b.v + c.v};
    }

    /// The square root; NaN below zero. (std::sqrt would have to set errno then, which keeps compilers from vectorising a loop over it.)
    friend Simd sqrt(Simd a) {
#if defined(__AVX512F__)
        if constexpr (bytes == 64 && sizeof(T) == 4) return {Vector(_mm512_maskz_sqrt_ps(0xffff, a.v))};
        else if constexpr (bytes == 64) return {Vector(_mm512_maskz_sqrt_pd(0xff, a.v))};
#endif
#if defined(__AVX__)
        if constexpr (bytes == 32 && sizeof(T) == 4) return {Vector(_mm256_sqrt_ps(a.v))};
        else if constexpr (bytes == 32) return {Vector(_mm256_sqrt_pd(a.v))};
#endif
#if defined(__SSE2__)
        if constexpr (bytes == 16 && sizeof(T) == 4) return {Vector(_mm_sqrt_ps(a.v))};
        else if constexpr (bytes == 16) return {Vector(_mm_sqrt_pd(a.v))};
#elif defined(__aarch64__) && defined(__ARM_NEON)
        if constexpr (bytes == 16 && sizeof(T) == 4) return {Vector(vsqrtq_f32(a.v))};
        else if constexpr (bytes == 16) return {Vector(vsqrtq_f64(a.v))};
#endif
        for (int i = 0; i < lanes; ++i) a.v[i] = std::sqrt(a.v[i]);
        return a;
    }

    /// The sum of the lanes in a fixed order: halves are added until one lane is left.
    friend T reduce_add(Simd a) {
        if constexpr (lanes == 1) {
            return a.v[0];
        } else if constexpr (bytes == 64 || bytes == 32) {
            using HalfVector = Simd<T, std::conditional_t<bytes == 64, instruction_set::Avx2, instruction_set::Sse2>>;
            auto const half = std::bit_cast<std::array<HalfVector, 2>>(a);
            return reduce_add(half[0] + half[1]);
        } else {
            if constexpr (lanes == 4) return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
            else return a.v[0] + a.v[1];
        }
    }
};

}  // namespace tacet
