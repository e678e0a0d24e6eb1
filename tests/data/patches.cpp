// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/data/patches.hpp>
#include <tacet/tensor/factory.hpp>
#include <set>

namespace patches_test {
using namespace tacet;

TEST_CASE("a crop copies the pixels inside its window", "[data][patches]") {
    auto const x = iota<float>(Shape{5, 6, 2});
    auto const y = crop(x, Window{1, 2, 3, 4});
    REQUIRE(y.shape() == Shape{3, 4, 2});
    for (Index i = 0; i < 3; ++i)
        for (Index j = 0; j < 4; ++j)
            for (Index c = 0; c < 2; ++c) CHECK(y(i, j, c) == x(i + 1, j + 2, c));
    CHECK(crop(x, Window{0, 0, 5, 6}).data() != x.data());
    CHECK(crop(x, Window{5, 6, 0, 0}).size() == 0);
}

TEST_CASE("random windows reach every place, and only places inside", "[data][patches]") {
    Rng rng(1, Purpose::crop);
    std::set<std::pair<Index, Index>> places;
    for (int i = 0; i < 500; ++i) {
        auto const w = random_window(Shape{7, 5, 3}, 4, 4, rng);
        REQUIRE((w.top >= 0 && w.top <= 3 && w.left >= 0 && w.left <= 1 && w.height == 4 && w.width == 4));
        places.insert({w.top, w.left});
    }
    CHECK(places.size() == 8);
    CHECK(rng.position() == 1000);
    CHECK(random_window(Shape{4, 4, 3}, 4, 4, rng) == Window{0, 0, 4, 4});
    auto const x = iota<float>(Shape{9, 9, 1});
    Rng a(3), b(3);
    auto const w = random_window(x.shape(), 2, 3, a);
    auto const y = random_crop(x, 2, 3, b);
    CHECK(y(1, 2, 0) == x(w.top + 1, w.left + 2, 0));
}

TEST_CASE("windows that do not fit are refused", "[data][patches]") {
    Rng rng(1);
    CHECK_THROWS_WITH(random_window(Shape{7, 5, 3}, 6, 6, rng), "cannot cut 6 x 6 pixels from a picture of shape (7, 5, 3)");
    CHECK_THROWS_AS(random_window(Shape{7, 5, 3}, 0, 2, rng), ShapeError);
    CHECK(rng.position() == 0);
    CHECK_THROWS_WITH(crop(zeros(Shape{4, 4, 1}), Window{2, 0, 3, 1}), "the window of 3 x 1 pixels at (2, 0) reaches beyond (4, 4, 1)");
    CHECK_THROWS_AS(crop(zeros(Shape{4, 4, 1}), Window{-1, 0, 3, 1}), ShapeError);
}
}  // namespace patches_test
