// SPDX-License-Identifier: MIT
#include <tacet/core/half.hpp>
#include <support/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

namespace half_test {
using tacet::BFloat16;
using tacet::Half;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// The definition of the format, by arithmetic on the exponent and mantissa instead of on bits.
double meaning(std::uint16_t bits, int exponent_bits) {
    int const mantissa_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
    int const exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
    double const sign = bits & 0x8000 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1) return mantissa ? std::nan("") : sign * HUGE_VAL;
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

template <class T> T bits(unsigned pattern) { return T::from_bits(static_cast<std::uint16_t>(pattern)); }
template <class T> unsigned rounded(float x) { return T(x).bits; }

// Counts the patterns that decode wrongly or do not come back; every NaN has to stay a NaN of the same sign, made quiet.
template <class T> int wrong_patterns(int exponent_bits, unsigned quiet) {
    int wrong = 0;
    for (unsigned pattern = 0; pattern < 0x10000; ++pattern) {
        float const value = static_cast<float>(bits<T>(pattern));
        double const expected = meaning(static_cast<std::uint16_t>(pattern), exponent_bits);
        bool const nan = std::isnan(expected);
        bool const sign_kept = std::signbit(value) == ((pattern & 0x8000) != 0);
        bool const decoded = sign_kept && (nan ? std::isnan(value) : static_cast<double>(value) == expected);
        wrong += !decoded || rounded<T>(value) != (nan ? pattern | quiet : pattern);
    }
    return wrong;
}

// Counts wrong roundings at, just below and just above the middle between each two neighbours of the finite positive range.
template <class T> int wrong_roundings(unsigned largest) {
    int wrong = 0;
    for (unsigned pattern = 0; pattern < largest; ++pattern) {
        double const low = static_cast<double>(static_cast<float>(bits<T>(pattern)));
        double const high = static_cast<double>(static_cast<float>(bits<T>(pattern + 1)));
        float const middle = static_cast<float>((low + high) / 2);  // exact: one more bit than the format has
        unsigned const even = pattern % 2 ? pattern + 1 : pattern;
        for (unsigned const sign : {0u, 0x8000u}) {
            float const s = sign ? -1.f : 1.f;
            wrong += rounded<T>(s * middle) != (sign | even);
            wrong += rounded<T>(s * std::nextafter(middle, 0.f)) != (sign | pattern);
            wrong += rounded<T>(s * std::nextafter(middle, infinity)) != (sign | (pattern + 1));
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("Half decodes and encodes all 65536 patterns", "[half]") {
    CHECK(wrong_patterns<Half>(5, 0x200) == 0);
}

TEST_CASE("BFloat16 decodes and encodes all 65536 patterns", "[half]") {
    CHECK(wrong_patterns<BFloat16>(8, 0x40) == 0);
}

TEST_CASE("Half rounds to nearest, ties to even, between all neighbours", "[half]") {
    CHECK(wrong_roundings<Half>(0x7bff) == 0);
}

TEST_CASE("BFloat16 rounds to nearest, ties to even, between all neighbours", "[half]") {
    CHECK(wrong_roundings<BFloat16>(0x7f7f) == 0);
}

TEST_CASE("Half at the edges of its range", "[half]") {
    CHECK(rounded<Half>(65504.f) == 0x7bff);
    CHECK(rounded<Half>(std::nextafter(65520.f, 0.f)) == 0x7bff);
    CHECK(rounded<Half>(65520.f) == 0x7c00);
    CHECK(rounded<Half>(-infinity) == 0xfc00);
    CHECK(rounded<Half>(std::numeric_limits<float>::max()) == 0x7c00);
    CHECK(rounded<Half>(0x1p-14f) == 0x0400);
    CHECK(rounded<Half>(0x1p-24f) == 0x0001);
    CHECK(rounded<Half>(0x1p-25f) == 0x0000);  // the tie goes to zero
    CHECK(rounded<Half>(std::nextafter(0x1p-25f, 1.f)) == 0x0001);
    CHECK(rounded<Half>(-std::numeric_limits<float>::denorm_min()) == 0x8000);
    CHECK(rounded<Half>(-0.f) == 0x8000);
}

TEST_CASE("BFloat16 at the edges of its range", "[half]") {
    CHECK(rounded<BFloat16>(std::numeric_limits<float>::max()) == 0x7f80);
    CHECK(rounded<BFloat16>(-infinity) == 0xff80);
    CHECK(rounded<BFloat16>(std::numeric_limits<float>::denorm_min()) == 0x0000);
    CHECK(rounded<BFloat16>(std::bit_cast<float>(0x7f800001u)) == 0x7fc0);  // a NaN whose payload would be cut off
    CHECK(rounded<BFloat16>(-0.f) == 0x8000);
}

TEST_CASE("Half and BFloat16 convert in constant expressions", "[half]") {
    STATIC_REQUIRE(Half(1.f).bits == 0x3c00);
    STATIC_REQUIRE(static_cast<float>(Half::from_bits(0x3555)) == 0.333251953125f);
    STATIC_REQUIRE(static_cast<float>(Half::from_bits(0x8001)) == -0x1p-24f);
    STATIC_REQUIRE(BFloat16(3.14159274f).bits == 0x4049);
    STATIC_REQUIRE(static_cast<float>(BFloat16::from_bits(0x4049)) == 3.140625f);
}

#if defined(__aarch64__)
using CompilersHalf = __fp16;  // g++ 12 has no _Float16 there
#elif defined(__FLT16_MAX__)
using CompilersHalf = _Float16;
#endif
#if defined(__aarch64__) || defined(__FLT16_MAX__)
TEST_CASE("Half agrees with the compiler's own type", "[half]") {
    std::mt19937 engine(7);
    int wrong = 0;
    for (int i = 0; i < 2'000'000; ++i) {
        float const x = std::bit_cast<float>(static_cast<std::uint32_t>(engine()));
        if (!std::isnan(x)) wrong += rounded<Half>(x) != std::bit_cast<std::uint16_t>(static_cast<CompilersHalf>(x));
    }
    CHECK(wrong == 0);
}
#endif
}  // namespace half_test
