// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/buffer.hpp>
#include <cstdint>

namespace buffer_test {
using namespace tacet;

TEST_CASE("owned memory is aligned to cache lines, and counted") {
    for (Index n : {1, 3, 64, 1000}) {
        Buffer<Cpu> const a(n, sizeof(float));
        REQUIRE(a.data() != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
        std::memset(a.data(), 1, static_cast<std::size_t>(n) * sizeof(float));
        CHECK(a.unique());
        Buffer<Cpu> const b = a;
        CHECK(b.data() == a.data());
        CHECK_FALSE(a.unique());
    }
}

TEST_CASE("no elements need no memory") {
    CHECK(Buffer<Cpu>(0, 4).data() == nullptr);
    CHECK(Buffer<Cpu>().data() == nullptr);
}

TEST_CASE("foreign memory lives as long as the buffer keeps it, and is never unique without a keeper") {
    auto const owner = std::make_shared<int>(7);
    {
        Buffer<Cpu> const b(owner.get(), owner);
        CHECK(b.data() == owner.get());
        CHECK(owner.use_count() == 2);
        CHECK_FALSE(b.unique());
    }
    CHECK(owner.use_count() == 1);
    int on_the_stack = 3;
    Buffer<Cpu> const b(&on_the_stack, nullptr);
    CHECK(b.data() == &on_the_stack);
    CHECK_FALSE(b.unique());
}

TEST_CASE("what cannot be allocated is an Error that says how much") {
    CHECK_THROWS_WITH(Buffer<Cpu>(-1, 4), "cannot allocate -1 elements of 4 bytes");
    CHECK_THROWS_WITH(Buffer<Cpu>(std::numeric_limits<Index>::max(), 8), tacet::test::contains("cannot allocate 9223372036854775807"));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // sanitizers end the program instead
TEST_CASE("memory that the system does not have is an Error, with advice") {
    CHECK_THROWS_WITH(Buffer<Cpu>(Index(1) << 59, 1), tacet::test::contains("549755813888 MB were asked for, tensors hold "));
}
#endif
}  // namespace buffer_test
