// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/values.hpp>
#include <tacet/data/mask.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>
#include <set>

namespace mask_test {
using namespace tacet;

namespace {
/// How many pixels of (H, W, C) are hidden; a pixel is hidden in all channels or in none, where it keeps its value.
Index hidden_pixels(Tensor<float, 3> const& masked, Tensor<float, 3> const& image) {
    Index const channels = image.shape()[2];
    Index hidden = 0;
    for (Index i = 0; i < image.size(); i += channels) {
        bool const gone = masked.data()[i] == -0.1f;
        hidden += gone;
        for (Index c = 0; c < channels; ++c) REQUIRE(masked.data()[i + c] == (gone ? -0.1f : image.data()[i + c]));
    }
    return hidden;
}
}  // namespace

TEST_CASE("The input mask hides whole pixels, with the ratio asked for, and changes nothing else", "[data][mask]") {
    Rng make(1);
    auto const image = uniform(Shape{200, 300, 3}, make);
    auto const before = image.clone();
    for (int percent : {0, 1, 30, 75, 90, 100}) {
        CAPTURE(percent);
        auto const masked = mask_input(image, {percent, percent}, Rng(2, Purpose::mask, 3));
        double const p = percent / 100., share = static_cast<double>(hidden_pixels(masked, image)) / 60000;
        CHECK(std::abs(share - p) <= 4 * std::sqrt(p * (1 - p) / 60000));
    }
    CHECK(test::same_bits(image, before));
}

TEST_CASE("Pixels are hidden independently: neighbours agree as often as chance has it", "[data][mask]") {
    auto const masked = mask_input(full(Shape{200, 300, 1}, 0.5f), {50, 50}, Rng(5, Purpose::mask));
    double right = 0, below = 0;
    for (Index y = 0; y < 199; ++y)
        for (Index x = 0; x < 299; ++x) {
            right += masked(y, x, 0) == masked(y, x + 1, 0);
            below += masked(y, x, 0) == masked(y + 1, x, 0);
        }
    CHECK(right / (199 * 299) == Approx(0.5).margin(0.01));
    CHECK(below / (199 * 299) == Approx(0.5).margin(0.01));
}

TEST_CASE("A pixel is hidden when its uniform value lies below the picture's percentage, drawn before", "[data][mask]") {
    auto const image = full(Shape{20, 410, 2}, 0.5f);  // two ranges of the loop, whose draws must join
    Rng rng(7, Purpose::mask, 1, 4);
    auto const masked = mask_input(image, {80, 90}, rng);
    CHECK(rng.position() == 1 + 20 * 410);
    int const percent = percent_at(rng.stream(), 0, {80, 90});
    for (Index i = 0; i < 20 * 410; ++i)
        REQUIRE((masked.data()[2 * i] == masked_value) ==
                (uniform_at(rng.stream(), static_cast<std::uint64_t>(1 + i)) < static_cast<float>(percent) / 100));
}

TEST_CASE("Each picture of a batch has a whole percentage of its own, both ends included", "[data][mask]") {
    auto const images = full(Shape{400, 10, 10, 1}, 0.5f);
    Rng together(9, Purpose::mask), apart(9, Purpose::mask);
    auto const masked = mask_input(images, {80, 83}, together);
    std::set<int> seen;
    for (Index n = 0; n < 400; ++n) {
        seen.insert(percent_at(apart.stream(), apart.position(), {80, 83}));
        auto const one = mask_input(Tensor<float, 3>::over(images.data() + n * 100, Shape{10, 10, 1}), {80, 83}, apart);
        REQUIRE(std::equal(one.data(), one.data() + 100, masked.data() + n * 100));
    }
    CHECK(seen == std::set{80, 81, 82, 83});
    CHECK(together.position() == apart.position());
}

TEST_CASE("The input mask is the same for any number of threads, and another one for another seed", "[data][mask]") {
    auto const image = full(Shape{150, 131, 3}, 0.5f);
    int const threads = num_threads();
    auto const draw = [&](std::uint64_t seed) { return mask_input(image, {75, 85}, Rng(seed, Purpose::mask, 3, 1)); };
    set_num_threads(1);
    auto const one = draw(1);
    for (int n : {2, 5}) {
        set_num_threads(n);
        CHECK(test::same_bits(draw(1), one));
    }
    set_num_threads(threads);
    CHECK_FALSE(test::same_bits(draw(2), one));
}

TEST_CASE("Ratios outside 0 to 100 are refused", "[data][mask]") {
    auto const image = zeros(Shape{2, 2, 1});
    CHECK_THROWS_WITH(mask_input(image, {0, 101}, Rng(0)), "input mask: percentages lie between 0 and 100, not 0 to 101");
    CHECK_THROWS_WITH(mask_input(image, {-1, -1}, Rng(0)), "input mask: percentages lie between 0 and 100, not -1 to -1");
    CHECK_THROWS_WITH(mask_input(image, {90, 80}, Rng(0)), "input mask: the range 90 to 80 % is empty");
}
}  // namespace mask_test
