// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/io/montage.hpp>

namespace montage_test {
using namespace tacet;

namespace {
Tensor<float, 3> flat(Index height, Index width, Index channels, float value) {
    Tensor<float, 3> x(Shape{height, width, channels});
    x.assign(value);
    return x;
}
}  // namespace

TEST_CASE("A montage holds its pictures in rows on white, 8 pixels apart, in colour") {
    auto const image = montage({{flat(4, 5, 1, 0.25f), flat(6, 3, 3, 0.5f)}, {flat(2, 2, 3, 0.75f)}}).pixels;
    REQUIRE(image.shape() == Shape{Index(8 + 6 + 8 + 2 + 8), Index(8 + 5 + 8 + 3 + 8), Index(3)});
    Index quarter = 0, half = 0, three = 0, white = 0;
    for (Index k = 0; k < image.size(); ++k) {
        float const v = image.data()[k];
        quarter += v == 0.25f, half += v == 0.5f, three += v == 0.75f, white += v == 1.f;
    }
    CHECK(quarter == 4 * 5 * 3);
    CHECK(half == 6 * 3 * 3);
    CHECK(three == 2 * 2 * 3);
    CHECK(quarter + half + three + white == image.size());
    CHECK(image(8, 8, 2) == 0.25f);
    CHECK(image(8, 21, 0) == 0.5f);
    CHECK(image(22, 8, 0) == 0.75f);
    CHECK(image(12, 8, 0) == 1.f);  // below the lower picture of the row
}
}  // namespace montage_test
