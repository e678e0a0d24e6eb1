// SPDX-License-Identifier: MIT
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

namespace tacet {

/// IEEE 754 binary16 as a storage type: 11 significant bits, largest finite value 65504, smallest positive 2^-24.
/// It converts to float exactly, and so by itself, and from float by rounding to nearest, ties to even; arithmetic is done in float.
struct Half {
    std::uint16_t bits;

    Half() = default;
    /// Rounds to the nearest half; 65520 and more becomes infinity, a NaN stays one (quiet, upper payload bits kept).
    constexpr explicit Half(float value) : bits(encode(std::bit_cast<std::uint32_t>(value))) {}
    /// The exact value.
    constexpr operator float() const { return decode(bits); }
    /// The half with this bit pattern.
    static constexpr Half from_bits(std::uint16_t bits) {
        Half half{};
        half.bits = bits;
        return half;
    }

private:
    static constexpr std::uint16_t encode(std::uint32_t f) {
        std::uint32_t const sign = (f >> 16) & 0x8000u, magnitude = f & 0x7fffffffu;
        std::uint32_t y = 0;
        if (magnitude > 0x7f800000u) y = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
        else if (magnitude >= 0x477ff000u) y = 0x7c00u;  // 65520, half way between 65504 and 2^16
        else if (magnitude >= 0x38800000u) {             // 2^-14: a normal half; a carry out of the mantissa raises the exponent
            std::uint32_t const rebiased = magnitude - (112u << 23);
            y = (rebiased + 0xfffu + ((rebiased >> 13) & 1u)) >> 13;
        } else if (magnitude > 0x33000000u) {            // above 2^-25: counts multiples of 2^-24
            std::uint32_t const mantissa = (magnitude & 0x7fffffu) | 0x800000u, shift = 126u - (magnitude >> 23);
            std::uint32_t const rest = mantissa & ((1u << shift) - 1u), tie = 1u << (shift - 1u);
            y = mantissa >> shift;
            if (rest > tie || (rest == tie && (y & 1u))) ++y;
        }
        return static_cast<std::uint16_t>(sign | y);
    }

    static constexpr float decode(std::uint16_t h) {
        std::uint32_t const sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31u, mantissa = h & 0x3ffu;
        if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
        if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
        float const magnitude = static_cast<float>(mantissa) * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
};

/// bfloat16 as a storage type: the upper half of a float, 8 significant bits, the same range as float.
/// It converts to float exactly, and so by itself, and from float by rounding to nearest, ties to even; arithmetic is done in float.
struct BFloat16 {
    std::uint16_t bits;

    BFloat16() = default;
    /// Rounds to the nearest bfloat16; overflow becomes infinity, a NaN stays one (quiet, upper payload bits kept).
    constexpr explicit BFloat16(float value) : bits(encode(std::bit_cast<std::uint32_t>(value))) {}
    /// The exact value.
    constexpr operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
    /// The bfloat16 with this bit pattern.
    static constexpr BFloat16 from_bits(std::uint16_t bits) {
        BFloat16 value{};
        value.bits = bits;
        return value;
    }

private:
    static constexpr std::uint16_t encode(std::uint32_t f) {
        bool const nan = (f & 0x7fffffffu) > 0x7f800000u;
        return static_cast<std::uint16_t>(nan ? (f >> 16) | 0x40u : (f + 0x7fffu + ((f >> 16) & 1u)) >> 16);
    }
};

/// Whether T is a number that is stored alone, and computed with as a float.
template <class T> constexpr bool is_16_bit = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;
/// What a T is computed as: float for Half and BFloat16, else T itself. Parameters and sums of a layer whose images are T have this type.
template <class T> using Wide = std::conditional_t<is_16_bit<T>, float, T>;

}  // namespace tacet
