// SPDX-License-Identifier: MIT
// The emulator itself: what kernels may rely on holds, what they may not is caught.
#include "../support/catch.hpp"
#include <tacet/core/async_copy.cuh>
#include <tacet/core/divisor.cuh>
#include <tacet/core/launch.cuh>
#include <tacet/core/mma.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/warp_reduce.cuh>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace emulator_kernels_test {
using namespace tacet;

namespace {

constexpr int threads = 128;
struct Numbers {
    float value[threads];
};

/// y[k] = x[threads - 1 - k], through shared memory; without the barrier, some threads read what nobody wrote yet.
template <bool barrier> void reverse(float* y, float const* x) {
    auto& shared = shared_memory<Numbers>();
    shared.value[threadIdx.x] = x[threadIdx.x];
    if (barrier) __syncthreads();
    y[threadIdx.x] = shared.value[threads - 1 - threadIdx.x];
}
/// The same within a warp.
template <bool sync> void reverse_warp(float* y, float const* x) {
    auto& shared = shared_memory<Numbers>();
    shared.value[threadIdx.x] = x[threadIdx.x];
    if (sync) warp::sync();
    y[threadIdx.x] = shared.value[warp::number() * warp::size + warp::size - 1 - warp::lane()];
}
/// y = x, copied to shared memory on the way; without the wait it has not arrived.
template <bool wait> void copy(float* y, float const* x) {
    auto& shared = shared_memory<Numbers>();
    copy_async<4>(&shared.value[threadIdx.x], x + threadIdx.x, threadIdx.x != 5);
    close_copies();
    if (wait) wait_for_copies();
    y[threadIdx.x] = shared.value[threadIdx.x];
}
void diverge(float* y) {
    if (warp::lane() < 7) y[threadIdx.x] = warp::exchange(1.f, 1);
}

using Kernel = void (*)(float*, float const*);
std::vector<float> result_of(Kernel kernel) {
    std::vector<float> x(threads), y(threads, -1.f);
    for (int k = 0; k < threads; ++k) x[static_cast<std::size_t>(k)] = static_cast<float>(k);
    launch("test", Grid{1, threads, sizeof(Numbers)}, kernel, y.data(), static_cast<float const*>(x.data()));
    return y;
}
/// In how many of ten orders the kernel gives something else than `expected`.
int failures(Kernel kernel, auto const& expected) {
    int count = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        emulation::set_seed(seed);
        auto const y = result_of(kernel);
        bool same = true;
        for (int k = 0; k < threads; ++k) same = same && y[static_cast<std::size_t>(k)] == expected(k);
        count += !same;
    }
    return count;
}

struct Matrices {
    alignas(16) std::uint16_t a[16][16], b[8][16];  // b transposed
};
/// c (16, 8) = a (16, 16) b (16, 8), of small whole numbers.
template <class T> void product(float* c) {
    auto& m = shared_memory<Matrices>();
    for (int k = warp::lane(); k < 256; k += warp::size) m.a[k / 16][k % 16] = T(static_cast<float>(k % 7 - 3)).bits;
    for (int k = warp::lane(); k < 128; k += warp::size) m.b[k / 16][k % 16] = T(static_cast<float>(k % 5 - 2)).bits;
    warp::sync();
    warp::MatrixA a;
    warp::MatrixC sum;
    int const lane = warp::lane(), row = lane % 8, part = lane / 8;
    warp::load_matrices(a.r, &m.a[row + part % 2 * 8][part / 2 * 8]);
    std::uint32_t r[4];
    warp::load_matrices(r, &m.b[row][part % 2 * 8]);
    warp::multiply<T>(sum, a, warp::MatrixB{{r[0], r[1]}});
    for (int i = 0; i < 4; ++i) c[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sum.v[i];
}
void product_tf32(float* c) {
    auto const bits = [](int x) { return std::bit_cast<std::uint32_t>(static_cast<float>(x)); };
    auto const a = [&](int i, int k) { return bits((i * 8 + k) % 7 - 3); };
    auto const b = [&](int k, int j) { return bits((j * 8 + k) % 5 - 2); };
    int const g = warp::lane() / 4, t = warp::lane() % 4;
    warp::MatrixC sum;
    warp::multiply<gpu::Tf32>(sum, {{a(g, t), a(g + 8, t), a(g, t + 4), a(g + 8, t + 4)}}, {{b(t, g), b(t + 4, g)}});
    for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + t * 2 + i % 2] = sum.v[i];
}
std::array<float, 128> product_of(void (*kernel)(float*)) {
    std::array<float, 128> c{};
    launch("product", Grid{1, 32, sizeof(Matrices)}, kernel, c.data());
    return c;
}

}  // namespace

TEST_CASE("A missing barrier changes the result", "[emulator]") {
    auto const expected = [](int k) { return static_cast<float>(threads - 1 - k); };
    CHECK(failures(&reverse<true>, expected) == 0);
    CHECK(failures(&reverse<false>, expected) == 10);
}
TEST_CASE("So does a missing barrier of a warp", "[emulator]") {
    auto const expected = [](int k) { return static_cast<float>(k / 32 * 32 + 31 - k % 32); };
    CHECK(failures(&reverse_warp<true>, expected) == 0);
    CHECK(failures(&reverse_warp<false>, expected) == 10);
}
TEST_CASE("A copy arrives when it is waited for, and not before", "[emulator]") {
    auto const expected = [](int k) { return k == 5 ? 0.f : static_cast<float>(k); };
    CHECK(failures(&copy<true>, expected) == 0);
    CHECK(failures(&copy<false>, expected) == 10);
}
TEST_CASE("Lanes that take no part in what their warp does are found", "[emulator]") {
    std::vector<float> y(threads);
    CHECK_THROWS_WITH(launch("diverge", Grid{1, threads}, &diverge, y.data()), test::contains("has ended where others of its warp meet"));
}
TEST_CASE("Too much shared memory and too many threads are refused, by name and shape", "[emulator]") {
    std::vector<float> y(threads);
    CHECK_THROWS_WITH(launch("diverge", Grid{1, 2048}, &diverge, y.data()), test::contains("diverge in 1 blocks of 2048 threads"));
    CHECK_THROWS_WITH(launch({"diverge", Shape{2, 3}}, Grid{1, 2048}, &diverge, y.data()), test::contains("diverge of (2, 3) in 1 blocks"));
    CHECK_THROWS_WITH(launch("diverge", Grid{1, 32, 1 << 20}, &diverge, y.data()), test::contains("on emulated device: invalid argument"));
}
TEST_CASE("Products on the tensor cores", "[emulator]") {
    auto const expected = [](int depth) {
        std::array<float, 128> c{};
        for (int i = 0; i < 16; ++i)
            for (int j = 0; j < 8; ++j)
                for (int k = 0; k < depth; ++k)
                    c[static_cast<std::size_t>(i * 8 + j)] += static_cast<float>(((i * depth + k) % 7 - 3) * ((j * depth + k) % 5 - 2));
        return c;
    };
    CHECK(product_of(&product<Half>) == expected(16));
    CHECK(product_of(&product<BFloat16>) == expected(16));
    CHECK(product_of(&product_tf32) == expected(8));
}
TEST_CASE("Division by a product", "[emulator]") {
    for (Index const d : {1, 2, 3, 5, 7, 60, 64, 641, 65535, 65536, 65537, 2147483646, 2147483647}) {
        gpu::Divisor const quotient(d);
        for (Index const about : {Index(0), d, 2 * d, 1000 * d, Index(1) << 30, (Index(1) << 31) - 2, (Index(1) << 31) / d * d})
            for (Index n = about - 1; n <= about + 1; ++n)
                if (n >= 0 && n < Index(1) << 31) REQUIRE(quotient(static_cast<int>(n)) == n / d);
    }
}
TEST_CASE("Floats are rounded to TF32 as the manual says", "[emulator]") {
    auto const rounded = [](float x) { return std::bit_cast<float>(gpu::Tf32(x).bits); };
    CHECK(rounded(1 + 0x1p-10f) == 1 + 0x1p-10f);
    CHECK(rounded(1 + 0x1p-11f) == 1 + 0x1p-10f);  // a tie, away from zero
    CHECK(rounded(-1 - 0x1p-11f) == -1 - 0x1p-10f);
    CHECK(rounded(1 + 0x1.fp-12f) == 1);
    CHECK(rounded(std::numeric_limits<float>::infinity()) == std::numeric_limits<float>::infinity());
    CHECK(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
}
}  // namespace emulator_kernels_test
