// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/simd.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace simd_test {
using namespace tacet;

namespace {
/// Small integers, negative and positive, whose sums and products are exact.
template <class V, class T> V ramp(T first, T step) {
    std::array<T, V::lanes> a;
    for (int i = 0; i < V::lanes; ++i) a[static_cast<std::size_t>(i)] = first + step * static_cast<T>(i);
    return V::load(a.data());
}

template <class T, class I> void check_all() {
    using V = Simd<T, I>;
    int const n = V::lanes;
    auto const a = ramp<V, T>(-3, 1), b = ramp<V, T>(5, 2), c = V::broadcast(7);
    for (int i = 0; i < n; ++i) {
        T const x = T(-3 + i), y = T(5 + 2 * i);
        REQUIRE((a + b)[i] == x + y);
        REQUIRE((a - b)[i] == x - y);
        REQUIRE((a * b)[i] == x * y);
        REQUIRE((a / b)[i] == x / y);
        REQUIRE(fma(a, b, c)[i] == x * y + 7);
        REQUIRE(min(a, c)[i] == std::min(x, T(7)));
        REQUIRE(max(a, c)[i] == std::max(x, T(7)));
        REQUIRE((a < c)[i] == (x < 7));
        REQUIRE((a <= V::zero())[i] == (x <= 0));
        REQUIRE((a > V::zero())[i] == (x > 0));
        REQUIRE((a >= c)[i] == (x >= 7));
        REQUIRE((a == V::zero())[i] == (x == 0));
        REQUIRE(select(a < V::zero(), b, c)[i] == (x < 0 ? y : 7));
    }
    for (int i = 0; i < n; ++i) REQUIRE(sqrt(b * b)[i] == T(5 + 2 * i));
    REQUIRE(std::isnan(sqrt(V::broadcast(-1))[n - 1]));
    REQUIRE(reduce_add(b) == T(n * (5 + 5 + 2 * (n - 1)) / 2));
    auto sum = a;
    sum += b;
    REQUIRE(sum[n - 1] == (a + b)[n - 1]);
    constexpr auto crossed = [] {  // the lanes of a, last first, and every other one from b
        std::array<typename V::Integer, V::lanes> from{};
        for (int i = 0; i < V::lanes; ++i) from[static_cast<std::size_t>(i)] = V::lanes - 1 - i + i % 2 * V::lanes;
        return from;
    }();
    for (int i = 0; i < n; ++i) REQUIRE(V::template shuffle<crossed>(a, b)[i] == (i % 2 ? b : a)[n - 1 - i]);
}

template <class T, class I> void check_partial() {
    using V = Simd<T, I>;
    int const n = V::lanes;
    for (int k = 0; k <= n; ++k) {
        std::vector<T> source;  // exactly k elements: a sanitizer sees any read beyond
        for (int i = 0; i < k; ++i) source.push_back(T(i + 1));
        auto const v = V::load_partial(source.data(), k);
        for (int i = 0; i < n; ++i) REQUIRE(v[i] == (i < k ? T(i + 1) : T(0)));
        std::vector<T> target(static_cast<std::size_t>(n) + 1, T(-1));
        V::broadcast(9).store_partial(target.data(), k);
        for (int i = 0; i <= n; ++i) REQUIRE(target[static_cast<std::size_t>(i)] == (i < k ? T(9) : T(-1)));
    }
}
}  // namespace

TEMPLATE_TEST_CASE("Simd does what one lane at a time does", "", float, double) {
    check_all<TestType, instruction_set::Native>();
    check_all<TestType, instruction_set::Scalar>();
}

TEMPLATE_TEST_CASE("partial loads and stores touch nothing beyond their lanes", "", float, double) {
    check_partial<TestType, instruction_set::Native>();
    check_partial<TestType, instruction_set::Scalar>();
}

TEST_CASE("unaligned memory is welcome") {
    using V = Simd<float>;
    std::vector<float> a(static_cast<std::size_t>(V::lanes) + 1, 2.f);
    V::broadcast(3).store(a.data() + 1);
    CHECK(a[0] == 2.f);
    CHECK(V::load(a.data() + 1)[V::lanes - 1] == 3.f);
}

TEST_CASE("fma rounds once where the instruction set can") {
    using V = Simd<float>;
    float const x = 1 + std::numeric_limits<float>::epsilon();
    float const once = std::fma(x, x, -1.f), twice = x * x - 1.f;
    float const got = fma(V::broadcast(x), V::broadcast(x), V::broadcast(-1))[0];
    std::string const set = isa();
    bool const fused = set == "avx512" || set == "avx2" || (set == "neon" && sizeof(void*) == 8);
    if (fused) CHECK(got == once);
    else CHECK((got == once || got == twice));
}

TEST_CASE("comparisons with NaN are false; min and max then give their second argument") {
    using V = Simd<float>;
    auto const nan = V::broadcast(std::numeric_limits<float>::quiet_NaN()), one = V::broadcast(1);
    CHECK_FALSE((nan < one)[0]);
    CHECK_FALSE((nan == nan)[0]);
    CHECK(min(nan, one)[0] == 1.f);
    CHECK(max(nan, one)[0] == 1.f);
    CHECK(std::isnan(max(one, nan)[0]));
}

TEST_CASE("reduce_add adds halves: the order does not depend on the values") {
    using V = Simd<double>;
    std::array<double, V::lanes> a{};
    a[0] = 1e17;
    if (V::lanes > 1) a[V::lanes / 2] = -1e17;  // meets a[0] first: cancels exactly
    if (V::lanes > 2) a[1] = 1;
    CHECK(reduce_add(V::load(a.data())) == (V::lanes > 2 ? 1. : V::lanes > 1 ? 0. : 1e17));
}

TEST_CASE("the instruction set is what the compiler's flags allow, and names the width of a register") {
#if TACET_WITH_SCALAR
    CHECK(std::string(isa()) == "scalar");
    CHECK(Simd<float>::lanes == 1);
#elif defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    CHECK(std::string(isa()) == "avx512");
    CHECK(Simd<float>::lanes == 16);
#elif defined(__AVX2__) && defined(__FMA__)
    CHECK(std::string(isa()) == "avx2");
    CHECK(Simd<float>::lanes == 8);
#elif defined(__x86_64__)
    CHECK(std::string(isa()) == "sse2");
    CHECK(Simd<float>::lanes == 4);
#elif defined(__aarch64__)
    CHECK(std::string(isa()) == "neon");
    CHECK(Simd<float>::lanes == 4);
#endif
}

TEST_CASE("broadcast keeps the sign of zero") {
    CHECK(std::signbit(Simd<float>::broadcast(-0.f)[0]));
    CHECK_FALSE(std::signbit(Simd<float>::broadcast(0.f)[0]));
}

TEST_CASE("unrolled calls its function with each index in order") {
    std::vector<int> seen;
    unrolled<3>([&](auto i) { seen.push_back(i); });
    CHECK(seen == std::vector<int>{0, 1, 2});
}
}  // namespace simd_test
