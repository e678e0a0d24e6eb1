// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/data/dead_leaves.hpp>
#include <tacet/metrics/blur.hpp>
#include <algorithm>
#include <numeric>
#include <vector>

namespace dead_leaves_test {
using namespace tacet;

namespace {

std::vector<float> values(Tensor<float, 3> const& x) { return std::vector<float>(x.data(), x.data() + x.size()); }
Tensor<float, 3> sample(std::uint32_t number, Index size = 96, DeadLeavesOptions const& options = {}) {
    return dead_leaves(size, size, Rng(1, Purpose::dead_leaves, number), options);
}

}  // namespace

TEST_CASE("dead leaves: shape, range, and a seed that decides everything", "[data][dead_leaves]") {
    auto const x = dead_leaves(40, 56, Rng(3, Purpose::dead_leaves, 7));
    REQUIRE(x.shape() == Shape{40, 56, 3});
    auto const all = values(x);
    CHECK(*std::min_element(all.begin(), all.end()) >= 0);
    CHECK(*std::max_element(all.begin(), all.end()) <= 1);
    CHECK(values(dead_leaves(40, 56, Rng(3, Purpose::dead_leaves, 7))) == all);
    CHECK(values(dead_leaves(40, 56, Rng(3, Purpose::dead_leaves, 8))) != all);
    CHECK(values(dead_leaves(40, 56, Rng(4, Purpose::dead_leaves, 7))) != all);
    Rng rng(3, Purpose::dead_leaves, 7);
    CHECK(values(dead_leaves(40, 56, rng)) == all);
    CHECK(values(dead_leaves(40, 56, rng)) != all);  // the generator has moved on
    for (Index size : {1, 2, 3}) CHECK(dead_leaves(size, 5, Rng(1)).shape() == Shape{size, 5, 3});
}

TEST_CASE("a grey picture is the luminance of the colour one", "[data][dead_leaves]") {
    DeadLeavesOptions grey;
    grey.channels = 1;
    auto const a = sample(5, 48), b = sample(5, 48, grey);
    REQUIRE(b.shape() == Shape{48, 48, 1});
    for (Index i = 0; i < b.size(); ++i)
        REQUIRE(b.data()[i] == Approx(0.299f * a.data()[3 * i] + 0.587f * a.data()[3 * i + 1] + 0.114f * a.data()[3 * i + 2]).margin(1e-6));
}

TEST_CASE("dead leaves refuse senseless options", "[data][dead_leaves]") {
    DeadLeavesOptions o;
    o.channels = 2;
    CHECK_THROWS_WITH(sample(0, 8, o), "dead_leaves: 2 channels, where 1 or 3 can be made");
    CHECK_THROWS_WITH(dead_leaves(0, 5, Rng(1)), "dead_leaves: an image of 0 x 5 pixels");
    for (auto const& radii : std::vector<std::array<float, 4>>{
             {0.1f, 2, 60, 70}, {3, 2, 60, 70}, {1, 70, 60, 80}, {1, 2, 60, 1e6f}, {1, 2, NAN, 70}})
        CHECK_THROWS_WITH(sample(0, 8, DeadLeavesOptions{3, radii[0], radii[1], radii[2], radii[3]}),
                          "dead_leaves: radii must be in order, between 0.5 and 1e5 pixels");
}

TEST_CASE("leaves that touch an image have the radii that a plane full of leaves gives", "[data][dead_leaves]") {
    // Draw leaves on a much larger field with density r^-3, keep those whose square touches a small image, and compare mean log radius.
    detail::LeafPlacement const place{20, 30, 2, 50};
    Rng rng(1);
    double direct = 0;
    constexpr int n = 200000;
    for (int i = 0; i < n; ++i) {
        auto const [y, x, r] = place.draw(rng);
        REQUIRE((r >= 1.999f && r <= 50.01f && y >= -r - 0.01f && y <= 20 + r + 0.01f && x >= -r - 0.01f && x <= 30 + r + 0.01f));
        direct += std::log(static_cast<double>(r)) / n;
    }
    double sum = 0, weight = 0;
    for (double r = 2; r < 50; r *= 1.0001) {
        double const w = std::pow(r, -3) * (20 + 2 * r) * (30 + 2 * r) * r;  // the last factor: steps are even in log r
        sum += w * std::log(r), weight += w;
    }
    CHECK(direct == Approx(sum / weight).epsilon(0.005));
}

TEST_CASE("a pixel shows the first leaf laid there, and softly the next at its edge", "[data][dead_leaves]") {
    Rng rng(2);
    detail::Palette const palette(rng);
    detail::LeafCanvas canvas(32, 32);
    detail::LeafShape const shape(16, 16, 6, rng);
    detail::LeafTexture const front(palette, 16, 16, 6, rng), back(palette, 16, 16, 500, rng);
    CHECK(canvas.visible(16, 16, 1));
    canvas.paint(shape, front, 16, 16);
    CHECK_FALSE(canvas.visible(16, 16, 0));
    CHECK(canvas.open() < 32 * 32);
    canvas.paint_backdrop(back);
    CHECK(canvas.open() == 0);
    int mixed = 0;
    for (Index y = 0; y < 32; ++y)
        for (Index x = 0; x < 32; ++x) {
            auto const fx = static_cast<float>(x), fy = static_cast<float>(y), c = shape.coverage(fx, fy);
            mixed += c > 0 && c < 1;
            for (Index k = 0; k < 3; ++k) {
                auto const f = front.at(fx, fy)[static_cast<std::size_t>(k)], b = back.at(fx, fy)[static_cast<std::size_t>(k)];
                REQUIRE(canvas.image(y, x, k) == Approx(c * f + (1 - c) * b).margin(0.01));  // up to 1/256 of what shines through is cut
            }
        }
    CHECK(mixed > 8);
}

TEST_CASE("dead leaves have the statistics of photographs", "[data][dead_leaves]") {
    // Figures for crops of photographs (BSDS500, train): mean 0.44; |difference of neighbours| in levels: quartiles 1.0, 4.0, 11.1,
    // 90 % 25, mean 9.6, kurtosis 18; deviation of the image means 0.14; 5 % of the 8 x 8 blocks deviate by less than 1 level, 5 % by
    // more than 51.
    std::vector<double> differences, means;
    double chroma = 0;
    for (std::uint32_t k = 0; k < 120; ++k) {
        auto const x = sample(k);
        double mean = 0;
        auto const luma = detail::grey_of(x);
        for (Index i = 0; i < luma.size(); ++i) mean += static_cast<double>(luma.data()[i]) / static_cast<double>(luma.size());
        means.push_back(mean);
        for (Index y = 0; y < 96; ++y)
            for (Index j = 0; j + 1 < 96; ++j)
                differences.push_back(255 * std::abs(static_cast<double>(luma(y, j + 1, 0) - luma(y, j, 0))));
        for (Index i = 0; i < luma.size(); ++i) {
            auto const [low, high] = std::minmax({x.data()[3 * i], x.data()[3 * i + 1], x.data()[3 * i + 2]});
            chroma += static_cast<double>(high - low) / static_cast<double>(luma.size()) / 120;
        }
    }
    std::sort(differences.begin(), differences.end());
    auto const quantile = [&](double p) { return differences[static_cast<std::size_t>(p * static_cast<double>(differences.size()))]; };
    CHECK(quantile(0.25) == Approx(0.9).margin(0.5));
    CHECK(quantile(0.5) == Approx(3.2).margin(1.5));
    CHECK(quantile(0.75) == Approx(10).margin(3));
    CHECK(quantile(0.9) == Approx(25).margin(6));
    double square = 0, fourth = 0;
    for (double d : differences) square += d * d, fourth += d * d * d * d;
    auto const n = static_cast<double>(differences.size());
    CHECK(fourth / n / (square / n * square / n) == Approx(20).margin(8));
    double const mean = std::accumulate(means.begin(), means.end(), 0.) / 120;
    double spread = 0;
    for (double m : means) spread += (m - mean) * (m - mean) / 120;
    CHECK(mean == Approx(0.44).margin(0.05));
    CHECK(std::sqrt(spread) == Approx(0.14).margin(0.04));
    CHECK(chroma == Approx(0.16).margin(0.05));
}

TEST_CASE("the amplitude of dead leaves falls with frequency as in photographs", "[data][dead_leaves]") {
    // Bands by differences of Gaussian blurs: with amplitudes ~ 1/f each octave holds about the same variance.
    double octave[4] = {};
    for (std::uint32_t k = 0; k < 60; ++k) {
        auto previous = gaussian_blur(sample(k, 128), 0.7);
        for (int o = 0; o < 4; ++o) {
            auto const next = gaussian_blur(sample(k, 128), 0.7 * std::pow(2, o + 1));
            for (Index i = 0; i < next.size(); ++i) octave[o] += std::pow(static_cast<double>(next.data()[i] - previous.data()[i]), 2);
            previous = next;
        }
    }
    for (int o = 1; o < 4; ++o) {
        CAPTURE(o);
        CHECK(octave[o] / octave[o - 1] > 0.9);
        CHECK(octave[o] / octave[o - 1] < 1.8);
    }
}
}  // namespace dead_leaves_test
