// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/pack.hpp>
#include <memory>
#include <string>
#include <type_traits>

namespace pack_test {
using namespace tacet;

namespace {
struct Empty {};
}  // namespace

TEST_CASE("a pack hands its elements to a function, in order") {
    auto const p = pack(1, 2.5, std::string("three"));
    static_assert(std::is_same_v<decltype(p), Pack<int, double, std::string> const>);
    CHECK(p([](int a, double b, std::string const& c) { return c + std::to_string(a) + std::to_string(int(b * 2)); }) == "three15");
    CHECK(get<0>(p) == 1);
    CHECK(get<1>(p) == 2.5);
    CHECK(get<2>(p) == "three");
    CHECK(&get<2>(p) == &p.tail.tail.head);
    CHECK(pack()([](auto const&... e) { return sizeof...(e); }) == 0);
}

TEST_CASE("packs of trivial elements are trivial, and cost no more memory than the elements") {
    static_assert(std::is_trivially_copyable_v<Pack<int, float*, double>>);
    static_assert(std::is_trivially_copyable_v<Pack<>>);
    static_assert(!std::is_trivially_copyable_v<Pack<int, std::string>>);
    static_assert(sizeof(Pack<double, double>) == 2 * sizeof(double));
    static_assert(sizeof(Pack<double, Empty>) <= 2 * sizeof(double));
    static_assert(pack(3, 4)([](int a, int b) { return a * b; }) == 12);
    CHECK(true);
}

TEST_CASE("a pack owns what it is given") {
    auto const shared = std::make_shared<int>(5);
    {
        auto const p = pack(shared, shared);
        CHECK(shared.use_count() == 3);
        CHECK(p([](auto const& a, auto const& b) { return *a + *b; }) == 10);
    }
    CHECK(shared.use_count() == 1);
}
}  // namespace pack_test
