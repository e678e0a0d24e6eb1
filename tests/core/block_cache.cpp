// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/block_cache.hpp>
#include <cstring>
#include <set>

namespace block_cache_test {
using namespace tacet;
using tacet::detail::SizeClass;
using Cache = tacet::detail::BlockCache<Cpu>;

TEST_CASE("sizes of blocks: never too small, at most a quarter too large, each with an index of its own") {
    std::size_t last_index = 0, last_bytes = 64;
    for (std::size_t n = 1; n < 70'000; ++n) {
        auto const [index, bytes] = SizeClass::of(n);
        REQUIRE(bytes >= n);
        REQUIRE((bytes - 64 < n || bytes * 4 <= n * 5));
        REQUIRE((bytes == last_bytes ? index == last_index : index == last_index + 1));
        last_index = index, last_bytes = bytes;
        REQUIRE(SizeClass::of(bytes).index == index);
    }
    REQUIRE(SizeClass::of(std::size_t(1) << 47).index < SizeClass::count);
}

TEST_CASE("a block that came back serves the next tensor of its size") {
    Cache cache;
    std::size_t n = 1000, m = 1000, small = 100;
    void* const a = cache.take(n);
    REQUIRE(n >= 1000);
    REQUIRE(cache.statistics().live == n);
    cache.give(a, n);
    REQUIRE(cache.statistics().live == 0);
    REQUIRE(cache.statistics().cached == n);
    void* const b = cache.take(m);
    REQUIRE(b == a);
    void* const c = cache.take(small);  // far smaller: a block of its own
    REQUIRE(c != a);
    REQUIRE(cache.statistics().allocations == 2);
    REQUIRE(cache.statistics().peak == m + small);
    cache.give(b, m), cache.give(c, small);
    cache.trim();
    REQUIRE(cache.statistics().cached == 0);
}

TEST_CASE("what is held stays within twice what was live at once, whatever the sizes") {
    Cache cache;
    for (std::size_t k = 1; k < 40; ++k) {
        std::size_t n = std::size_t(1) << (k % 5 + 10), m = 3000 * k;
        void* const a = cache.take(n);
        void* const b = cache.take(m);
        cache.give(a, n), cache.give(b, m);
        auto const s = cache.statistics();
        REQUIRE(s.live == 0);
        REQUIRE(s.cached <= 2 * s.peak);
    }
    cache.trim();
}

TEST_CASE("a limit holds, and the message says what was asked and what is held") {
    Cache cache;
    cache.set_limit(std::size_t(8) << 20);
    std::size_t n = std::size_t(5) << 20, m = std::size_t(4) << 20;
    void* const a = cache.take(n);
    std::memset(a, 1, n);
    REQUIRE_THROWS_WITH(cache.take(m), "out of memory: 4 MB were asked for, tensors hold 5 MB of at most 8 MB");
    cache.give(a, n);
    void* const b = cache.take(m);  // what was cached makes room
    REQUIRE(cache.statistics().live + cache.statistics().cached <= std::size_t(8) << 20);
    cache.give(b, m);
    cache.trim();
}

TEST_CASE("while memory is spared, what waits is given back before more is taken") {
    Cache cache;
    auto const cycle = [&](std::size_t bytes) {
        void* const p = cache.take(bytes);
        cache.give(p, bytes);
    };
    cycle(100'000), cycle(400'000);
    CHECK(cache.statistics().cached >= 500'000);  // up to twice what was live
    auto& wanted = tacet::detail::wanted_held_bytes<Cpu>();
    auto const before = std::exchange(wanted, 450'000);
    cycle(300'000);
    wanted = before;
    CHECK(cache.statistics().cached <= 450'000);
    HeldMemory<> const outer(1000);
    HeldMemory<> const inner(std::numeric_limits<std::size_t>::max());
    CHECK(wanted <= memory_statistics().live + 1000);  // the inner one cannot allow more
}

TEST_CASE("a sealed cache gives what it has and asks for nothing") {
    Cache cache;
    std::size_t bytes = 1000;
    void* const p = cache.take(bytes);
    cache.give(p, bytes);
    cache.seal();
    std::size_t again = 1000, more = 100'000;
    CHECK(cache.take(again) == p);
    CHECK_THROWS_WITH(cache.take(more), "more memory is needed than the time before");
    cache.give(p, again);
}

TEST_CASE("what a repeatable cache gave once it gives again, however much is spared") {
    Cache cache(tacet::detail::CachePolicy::repeatable);
    HeldMemory<> const spare(1000);
    auto const work = [&] {
        auto const take = [&](std::size_t bytes) {
            void* const p = cache.take(bytes);
            return std::pair(p, bytes);
        };
        auto const give = [&](auto const& block) { cache.give(block.first, block.second); };
        give(take(170'000));
        auto const a = take(100'000), b = take(100'000);  // elsewhere, `a` would have had the large block
        give(a);
        auto const c = take(170'000);
        give(b), give(c);
    };
    work();
    cache.seal();
    CHECK_NOTHROW(work());
    CHECK(cache.statistics().allocations == 3);
}
}  // namespace block_cache_test
