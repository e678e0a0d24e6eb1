// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/data/augment.hpp>
#include <tacet/tensor/factory.hpp>
#include <set>
#include <vector>

namespace augment_test {
using namespace tacet;

namespace {
template <int R> std::vector<float> values(Tensor<float, R> const& x) { return std::vector<float>(x.data(), x.data() + x.size()); }
}  // namespace

TEST_CASE("the eight symmetries, by hand", "[data][augment]") {
    auto const x = iota<float>(Shape{2, 3, 1});  // 0 1 2 / 3 4 5
    std::vector<std::vector<float>> const expected{{0, 1, 2, 3, 4, 5}, {2, 5, 1, 4, 0, 3}, {5, 4, 3, 2, 1, 0}, {3, 0, 4, 1, 5, 2},
                                                   {2, 1, 0, 5, 4, 3}, {0, 3, 1, 4, 2, 5}, {3, 4, 5, 0, 1, 2}, {5, 2, 4, 1, 3, 0}};
    for (int k = 0; k < Symmetry::count; ++k) {
        CAPTURE(k);
        auto const y = transform(x, Symmetry::of(k));
        CHECK(y.shape() == (k % 2 ? Shape{3, 2, 1} : Shape{2, 3, 1}));
        CHECK(values(y) == expected[static_cast<std::size_t>(k)]);
    }
}

TEST_CASE("every symmetry has an inverse, and channels stay together", "[data][augment]") {
    auto const x = iota<float>(Shape{4, 7, 3});
    auto const batch = iota<float>(Shape{2, 4, 7, 3});
    for (int k = 0; k < Symmetry::count; ++k) {
        CAPTURE(k);
        auto const s = Symmetry::of(k);
        CHECK(values(transform(transform(x, s), s.inverse())) == values(x));
        CHECK(values(transform(transform(x, s.inverse()), s)) == values(x));
        auto const y = transform(batch, s);
        auto const first = values(transform(x, s));
        for (std::size_t i = 0; i < first.size(); ++i) {
            REQUIRE(y.data()[i] == first[i]);
            REQUIRE(y.data()[i + first.size()] == first[i] + 84);
        }
    }
    CHECK(transform(zeros(Shape{0, 3, 1}), Symmetry::of(1)).shape() == Shape{3, 0, 1});
}

TEST_CASE("a random symmetry is any of the eight", "[data][augment]") {
    Rng rng(2, Purpose::augment);
    std::set<std::pair<bool, int>> seen;
    for (int i = 0; i < 200; ++i) {
        auto const s = Symmetry::random(rng);
        seen.insert({s.flip, s.turns});
    }
    CHECK(seen.size() == 8);
    CHECK(rng.position() == 200);
}
}  // namespace augment_test
