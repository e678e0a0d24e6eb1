// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/random.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

namespace random_test {
using namespace tacet;

namespace {

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

/// FNV-1a over 32-bit words: one number that stands for all bits of a fill.
struct Hash {
    std::uint64_t value = 0xcbf29ce484222325u;
    void add(std::uint64_t word) { value = (value ^ word) * 0x100000001b3u; }
};

/// How many standard deviations chi-square lies above its mean (Wilson and Hilferty's normal approximation).
double chi_square_z(std::vector<double> const& seen, std::vector<double> const& expected) {
    double chi2 = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) chi2 += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    double const dof = static_cast<double>(seen.size()) - 1;
    return (std::cbrt(chi2 / dof) - (1 - 2 / (9 * dof))) / std::sqrt(2 / (9 * dof));
}

/// Units in the last place of `exact` (as float) between it and x.
double ulps(float x, double exact) {
    auto const near = std::abs(static_cast<float>(exact));
    double const unit = static_cast<double>(std::nextafter(near, std::numeric_limits<float>::infinity())) - static_cast<double>(near);
    return std::abs(static_cast<double>(x) - exact) / unit;
}

/// chi-square of Poisson samples against the distribution, classes of expectation >= 20 joined.
double poisson_z(double mean, int samples) {
    auto const probability = [&](double k) { return std::exp(k * std::log(mean) - mean - std::lgamma(k + 1)); };
    double const spread = 8 * std::sqrt(mean) + 8;
    auto const low = static_cast<Index>(std::max(0., mean - spread)), high = static_cast<Index>(mean + spread) + 30;
    std::vector<double> count(static_cast<std::size_t>(high - low + 1));
    Rng rng(7, Purpose::noise);
    for (int i = 0; i < samples; ++i) {
        auto const k = std::clamp<Index>(rng.poisson(mean), low, high);
        count[static_cast<std::size_t>(k - low)] += 1;
    }
    std::vector<double> seen{0}, expected{0};
    for (Index k = low; k <= high; ++k) {
        if (expected.back() >= 20) seen.push_back(0), expected.push_back(0);
        seen.back() += count[static_cast<std::size_t>(k - low)];
        expected.back() += samples * probability(static_cast<double>(k));
    }
    if (expected.back() < 20 && expected.size() > 2) {
        seen[seen.size() - 2] += seen.back(), expected[expected.size() - 2] += expected.back();
        seen.pop_back(), expected.pop_back();
    }
    return chi_square_z(seen, expected);
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the known answers of Random123", "[core][random]") {
    static_assert(philox4x32(PhiloxBlock{{0, 0, 0, 0}}, 0, 0) == PhiloxBlock{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
    constexpr std::uint32_t f = 0xffffffff;
    static_assert(philox4x32(PhiloxBlock{{f, f, f, f}}, f, f) == PhiloxBlock{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
    static_assert(philox4x32(PhiloxBlock{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0) ==
                  PhiloxBlock{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
    CHECK(philox4x32(PhiloxBlock{{0, 0, 0, 0}}, 0, 0) == PhiloxBlock{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
    CHECK(Rng(0).next_u32() == 0x6627e8d5);  // the first stream's first words are that block
    CHECK(u32_at(Stream{}, 3) == 0x9b00dbd8);
}

TEST_CASE("a stream's counter holds block, kind, purpose, image and epoch where the documentation says", "[core][random]") {
    Stream const s{0x0123456789abcdef, Purpose::mask, 77, 5};
    auto const purpose = static_cast<std::uint32_t>(Purpose::mask);
    auto const expect = [&](std::uint32_t low, std::uint32_t name) {
        return philox4x32(PhiloxBlock{{low, name, 77, 5}}, 0x89abcdef, 0x01234567);
    };
    CHECK(u32_at(s, 4 * 9 + 2) == expect(9, purpose).word[2]);
    CHECK(u32_at(s, (std::uint64_t{3} << 34) + 1) == expect(0, 3u << 16 | purpose).word[1]);
    PhiloxBlock const normals = expect(0, 1u << 30 | purpose), wide = expect(128, 2u << 30 | purpose);
    CHECK(bits(normal_at(s, 1)) == bits(detail::normal_pair(normals.word[0], normals.word[1]).b));
    CHECK(uniform_double_at(s, 2) == detail::unit_double(wide.word[0], wide.word[1]));
}

TEST_CASE("streams differ in every part of their name", "[core][random]") {
    Stream const base{1, Purpose::noise, 2, 3};
    std::uint64_t const high_bit = std::uint64_t{1} << 40;
    for (Stream const& other : {Stream{2, Purpose::noise, 2, 3}, Stream{1 | high_bit, Purpose::noise, 2, 3}, Stream{1, Purpose::crop, 2, 3},
                                Stream{1, Purpose::noise, 3, 3}, Stream{1, Purpose::noise, 2, 2}, Stream{1, Purpose{1000}, 2, 3}}) {
        int same = 0;
        for (std::uint64_t i = 0; i < 256; ++i) same += u32_at(base, i) == u32_at(other, i);
        CHECK(same == 0);
    }
}

TEST_CASE("fills equal single draws for every partition", "[core][random]") {
    Stream const s{42, Purpose::noise, 3, 1};
    constexpr std::size_t n = 3001;
    std::vector<float> normals(n), uniforms(n), parts(n);
    fill_normal(s, 5, normals);
    fill_uniform(s, 5, uniforms);
    for (std::size_t i = 0; i < n; ++i) {
        REQUIRE(bits(normals[i]) == bits(normal_at(s, 5 + i)));
        REQUIRE(bits(uniforms[i]) == bits(uniform_at(s, 5 + i)));
    }
    Rng split(9);
    for (int repeat = 0; repeat < 50; ++repeat) {
        std::fill(parts.begin(), parts.end(), -99.f);
        Rng rng(s, 5);
        for (std::size_t at = 0; at < n;) {
            auto const m = std::min<std::size_t>(n - at, static_cast<std::size_t>(split.below(700)));
            rng.fill_normal(parts.data() + at, static_cast<Index>(m));
            at += m;
        }
        REQUIRE(parts == normals);
        REQUIRE(rng.position() == 5 + n);
    }
    fill_normal(s, 0, std::span<float>{});
}

TEST_CASE("each draw advances the position by one, and the position is all the state", "[core][random]") {
    Rng rng(11, Purpose::augment, 1, 2);
    auto const draw = [](Rng& r) {
        std::vector<double> v;
        std::array<float, 5> five{};
        v.push_back(r.next_u32()), v.push_back(r.uniform()), v.push_back(r.uniform_double()), v.push_back(r.normal());
        v.push_back(static_cast<double>(r.below(1000)));
        for (double mean : {3., 300.}) v.push_back(static_cast<double>(r.poisson(mean)));
        r.fill_uniform(five);
        v.insert(v.end(), five.begin(), five.end());
        v.push_back(r.uniform(2, 3));
        return v;
    };
    draw(rng);
    CHECK(rng.position() == 13);
    Rng saved(rng.stream(), rng.position()), copy = rng;
    auto const expected = draw(rng);
    CHECK(draw(saved) == expected);
    CHECK(draw(copy) == expected);
    rng.set_position(13);
    CHECK(draw(rng) == expected);
}

TEST_CASE("known bits: the same on every compiler, instruction set and optimisation level", "[core][random]") {
    Stream const s{2024, Purpose::noise, 1, 2};
    std::array<std::uint32_t, 8> const first{0xbf15316e, 0x3f744432, 0xbe915b37, 0xbfde3a2d,
                                             0x3e5d3ca8, 0xbf9c91b9, 0xbef77a6b, 0xbe2fd910};
    for (std::size_t i = 0; i < 8; ++i) {
        CAPTURE(i);
        CHECK(bits(normal_at(s, i)) == first[i]);
    }
    std::vector<float> v(1 << 18);
    Hash normals, uniforms, poisson, below, sums;
    fill_normal(s, 1, v);
    for (float x : v) normals.add(bits(x));
    CHECK(normals.value == 0x853da6b3d23f81b1);
    for (float x : v) sums.add(bits(x + 0.1f));  // an addition after the draw must not be fused with it
    CHECK(sums.value == 0xa6d915e861125371);
    fill_uniform(s, 1, v);
    for (float x : v) uniforms.add(bits(x));
    CHECK(uniforms.value == 0xf2a80c25a5d191c6);
    Rng rng(s);
    for (int i = 0; i < 100000; ++i) poisson.add(static_cast<std::uint64_t>(rng.poisson(i * 0.001)));
    for (int i = 0; i < 20000; ++i) poisson.add(static_cast<std::uint64_t>(rng.poisson(100 + i * 50.)));
    CHECK(poisson.value == 0x558630dc83a950a3);
    for (Index i = 1; i < 10000; ++i) below.add(static_cast<std::uint64_t>(rng.below(i * i * i * 7)));
    CHECK(below.value == 0x3d60be3acc228bf);
    CHECK(std::bit_cast<std::uint64_t>(rng.uniform_double()) == 0x3fe8bd068e19d8d7);
}

TEST_CASE("a normal and an addition round separately even in one expression", "[core][random]") {
    Stream const s{5, Purpose::noise, 0, 0};
    for (std::uint64_t i = 0; i < 2000; ++i) {
        float volatile const stored = normal_at(s, i);
        REQUIRE(bits(stored + 0.7f) == bits(normal_at(s, i) + 0.7f));
    }
}

TEST_CASE("the transforms are accurate", "[core][random]") {
    Rng rng(3);
    double worst_log = 0, worst_root = 0, worst_pair = 0, worst_wide = 0;
    for (int i = 0; i < 200000; ++i) {
        auto const exponent = static_cast<int>(rng.below(32));
        float const u = std::ldexp(1 + rng.uniform(), -1 - exponent);
        auto const exact = static_cast<double>(u);
        if (u < 1) worst_log = std::max(worst_log, ulps(detail::portable_log(u), std::log(exact)));
        worst_root = std::max(worst_root, ulps(detail::portable_sqrt(u * 50), std::sqrt(static_cast<double>(u * 50))));
        auto const a = rng.next_u32(), b = rng.next_u32();
        auto const pair = detail::normal_pair(a, b);
        double const r = std::sqrt(-2 * std::log(static_cast<double>(std::fma(static_cast<float>(a >> 1), 0x1p-31f, 0x1p-32f))));
        double const angle = 2 * std::numbers::pi * b * 0x1p-32;
        worst_pair = std::max(worst_pair, std::abs(static_cast<double>(pair.a) - r * std::cos(angle)));
        worst_pair = std::max(worst_pair, std::abs(static_cast<double>(pair.b) - r * std::sin(angle)));
        double const x = std::ldexp(rng.uniform_double() + 0.5, exponent * 3 - 40);
        worst_wide = std::max(worst_wide, std::abs(detail::portable_log(x) / std::log(x) - 1));
        double const y = rng.uniform_double() * 30;
        worst_wide = std::max(worst_wide, std::abs(detail::portable_exp_minus(y) / std::exp(-y) - 1));
    }
    CHECK(worst_log < 1.5);
    CHECK(worst_root < 1);
    CHECK(worst_pair < 1e-6);
    CHECK(worst_wide < 6e-16);
    CHECK(detail::portable_log(1.f) == 0);
    for (double mean : {10., 1000., 1e6})
        for (double k : {0., 1., 2., 9., 10., 11., 400., 1000., 1e6}) {
            double const exact = k * std::log(mean) - mean - std::lgamma(k + 1);
            CHECK(detail::PoissonLarge::of(mean).log_probability(k) == Approx(exact).epsilon(1e-12).margin(3e-9));
        }
}

TEST_CASE("normals are normal, also in the tails", "[core][random]") {
    std::vector<float> v(1 << 22);
    fill_normal(Stream{99, Purpose::noise, 0, 0}, 0, v);
    auto const n = static_cast<double>(v.size());
    auto const below_of = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
    double sum = 0, square = 0, fourth = 0, neighbours = 0, pairs = 0;
    std::vector<double> seen(202), expected(202);
    for (std::size_t i = 0; i < v.size(); ++i) {
        double const x = static_cast<double>(v[i]);
        sum += x, square += x * x, fourth += x * x * x * x;
        if (i) neighbours += x * static_cast<double>(v[i - 1]);
        if (i % 2) pairs += (x * x - 1) * (static_cast<double>(v[i - 1]) * static_cast<double>(v[i - 1]) - 1);
        seen[static_cast<std::size_t>(std::clamp(std::floor((x + 4) * 25), -1., 200.) + 1)] += 1;
    }
    for (int i = 0; i < 202; ++i) {
        double const low = i == 0 ? 0 : below_of((i - 1) / 25. - 4), high = i == 201 ? 1 : below_of(i / 25. - 4);
        expected[static_cast<std::size_t>(i)] = n * (high - low);
    }
    CHECK(std::abs(sum / n) < 4 / std::sqrt(n));
    CHECK(std::abs(square / n - 1) < 4 * std::sqrt(2 / n));
    CHECK(std::abs(fourth / n - 3) < 4 * std::sqrt(96 / n));
    CHECK(std::abs(neighbours / n) < 4 / std::sqrt(n));
    CHECK(std::abs(pairs / (n / 2)) < 4 * 2 / std::sqrt(n / 2));
    CHECK(std::abs(chi_square_z(seen, expected)) < 4);
    CHECK(ulps(detail::normal_pair(0, 0).a, std::sqrt(64 * std::numbers::ln2)) < 1);  // the largest radius
    CHECK(detail::normal_pair(0xffffffff, 0).a >= 0);
}

TEST_CASE("uniform values stay below one and are uniform", "[core][random]") {
    CHECK(detail::unit_double(0xffffffff, 0xffffffff) == 1 - 0x1p-53);
    std::vector<float> v(1 << 20);
    fill_uniform(Stream{4, {}, 0, 0}, 0, v);
    std::vector<double> seen(256), expected(256, static_cast<double>(v.size()) / 256);
    for (float x : v) {
        REQUIRE((x >= 0 && x < 1));
        seen[static_cast<std::size_t>(x * 256)] += 1;
    }
    CHECK(std::abs(chi_square_z(seen, expected)) < 4);
    Rng rng(1);
    for (int i = 0; i < 1000; ++i) {
        float const x = rng.uniform(-2, 5);
        REQUIRE((x >= -2 && x <= 5));
    }
    CHECK(rng.uniform(3, 3) == 3);
}

TEST_CASE("below is unbiased for small and for awkward bounds", "[core][random]") {
    Rng rng(8);
    std::vector<double> seen(6), expected(6, 10000);
    for (int i = 0; i < 60000; ++i) seen[static_cast<std::size_t>(rng.below(6))] += 1;
    CHECK(std::abs(chi_square_z(seen, expected)) < 4);
    // Two thirds of 2^64: a plain modulus would hit the lower half of the range twice as often as the upper.
    std::uint64_t const bound = 12297829382473034411u;
    std::vector<double> thirds(3);
    for (std::uint64_t i = 0; i < 60000; ++i) {
        auto const x = below_at(Stream{8, Purpose::crop, 0, 0}, i, bound);
        REQUIRE(x < bound);
        thirds[static_cast<std::size_t>(x / (bound / 3 + 1))] += 1;
    }
    CHECK(std::abs(chi_square_z(thirds, {20000, 20000, 20000})) < 4);
    for (int i = 0; i < 100; ++i) CHECK(rng.below(1) == 0);
    // Against 128-bit arithmetic.
    for (std::uint64_t n : std::array<std::uint64_t, 4>{3, 8589934592, 5497558151225, 9999999999999999999u}) {
        __extension__ using Wide = unsigned __int128;
        for (std::uint64_t i = 0; i < 100; ++i) {
            Wide product = 0;
            std::uint64_t block = 64 * i;
            do {
                PhiloxBlock const b = detail::block_of(Stream{}, detail::Draw::wide, block++);
                product = static_cast<Wide>(n) * ((std::uint64_t{b.word[1]} << 32) | b.word[0]);
            } while (static_cast<std::uint64_t>(product) < (0 - n) % n);
            REQUIRE(below_at(Stream{}, i, n) == static_cast<std::uint64_t>(product >> 64));
        }
    }
    CHECK_THROWS_WITH(rng.below(0), "Rng::below: the bound 0 is not positive");
    CHECK_THROWS_AS(rng.below(-3), Error);
}

TEST_CASE("Poisson samples follow the distribution on both sides of the change of method", "[core][random]") {
    for (double mean : {0.1, 3., 9.9, 10.1, 30., 50., 1000., 1e5}) {
        CAPTURE(mean);
        CHECK(std::abs(poisson_z(mean, 400000)) < 4);
    }
    for (double mean : {1e9, 1e12}) {
        double sum = 0, square = 0;
        Rng rng(5);
        for (int i = 0; i < 100000; ++i) {
            double const z = (static_cast<double>(rng.poisson(mean)) - mean) / std::sqrt(mean);
            sum += z, square += z * z;
        }
        CHECK(std::abs(sum / 1e5) < 4 / std::sqrt(1e5));
        CHECK(std::abs(square / 1e5 - 1) < 4 * std::sqrt(2 / 1e5));
    }
}

TEST_CASE("Poisson refuses what is not a mean", "[core][random]") {
    Rng rng(1);
    CHECK(rng.poisson(0) == 0);
    CHECK(rng.poisson(1e-300) == 0);
    CHECK(rng.position() == 2);
    CHECK_THROWS_WITH(rng.poisson(-1), "Rng::poisson: the mean -1 is not between 0 and 1e12");
    CHECK_THROWS_AS(rng.poisson(std::nan("")), Error);
    CHECK_THROWS_AS(rng.poisson(2e12), Error);
    CHECK_THROWS_AS(rng.poisson(std::numeric_limits<double>::infinity()), Error);
    CHECK(rng.position() == 2);
}
}  // namespace random_test
