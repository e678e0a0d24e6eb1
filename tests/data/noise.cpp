// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>
#include <limits>
#include <vector>

using namespace tacet;

namespace {

struct Moments {
    double mean = 0, deviation = 0;
};
Moments moments(Tensor<float, 3> const& x) {
    Moments m;
    for (Index i = 0; i < x.size(); ++i) m.mean += static_cast<double>(x.data()[i]) / static_cast<double>(x.size());
    for (Index i = 0; i < x.size(); ++i) m.deviation += std::pow(static_cast<double>(x.data()[i]) - m.mean, 2);
    m.deviation = std::sqrt(m.deviation / static_cast<double>(x.size()));
    return m;
}
template <int R> std::vector<float> values(Tensor<float, R> const& x) { return std::vector<float>(x.data(), x.data() + x.size()); }

template <int R> std::uint64_t hash(Tensor<float, R> const& x) {
    std::uint64_t h = 0xcbf29ce484222325u;
    for (Index i = 0; i < x.size(); ++i) h = (h ^ std::bit_cast<std::uint32_t>(x.data()[i])) * 0x100000001b3u;
    return h;
}

}  // namespace

TEST_CASE("noise specifications are read and written", "[data][noise]") {
    CHECK(parse_noise("gaussian:25") == NoiseSpec{"gaussian", 25, 25});
    CHECK(parse_noise("gaussian:0-50") == NoiseSpec{"gaussian", 0, 50});
    CHECK(parse_noise("poisson:0.001-50") == NoiseSpec{"poisson", 0.001, 50});
    CHECK(parse_noise("poisson:1e-3-5e1") == NoiseSpec{"poisson", 0.001, 50});
    for (std::string text : {"gaussian:25", "gaussian:0-50", "gaussian:0", "gaussian:12.5-13", "poisson:30", "poisson:0.001-50"}) {
        CHECK(to_string(parse_noise(text)) == text);
        CHECK(parse_noise(to_string(parse_noise(text))) == parse_noise(text));
    }
    CHECK(noise_help().find("poisson:CHI  ") != std::string::npos);
}

TEST_CASE("a wrong specification is explained", "[data][noise]") {
    std::string const known = "known are gaussian:SIGMA and poisson:CHI";
    CHECK_THROWS_WITH(parse_noise("gausian:25"), "noise \"gausian:25\": there is no kind \"gausian\"; did you mean gaussian? " + known);
    CHECK_THROWS_WITH(parse_noise("rain:3"), "noise \"rain:3\": there is no kind \"rain\"; " + known);
    CHECK_THROWS_WITH(parse_noise(""), "noise \"\": there is no kind \"\"; " + known);
    CHECK_THROWS_WITH(parse_noise("gaussian"), "noise \"gaussian\": the level is missing; " + known);
    std::string const form = ": expected KIND:LEVEL or KIND:LOW-HIGH with numbers";
    for (std::string text : {"gaussian:", "gaussian:x", "gaussian:5-", "gaussian:nan", "gaussian:inf", "gaussian: 5", "gaussian:+5",
                             "gaussian:1e999"})
        CHECK_THROWS_WITH(parse_noise(text), "noise \"" + text + "\"" + form);
    CHECK_THROWS_WITH(parse_noise("gaussian:5dB"), "noise \"gaussian:5dB\": \"dB\" follows the level");
    CHECK_THROWS_WITH(parse_noise("gaussian:5-6-7"), "noise \"gaussian:5-6-7\": \"-7\" follows the level");
    CHECK_THROWS_WITH(parse_noise("gaussian:-5"), "noise \"gaussian\": levels lie between 0 and 10000, not -5 to -5");
    CHECK_THROWS_WITH(parse_noise("poisson:0-5"), "noise \"poisson\": levels lie between 1e-6 and 1e9, not 0 to 5");
    CHECK_THROWS_WITH(parse_noise("gaussian:50-0"), "noise \"gaussian\": the range 50 to 0 is empty");
    auto const image = zeros(Shape{2, 2, 1});
    CHECK_THROWS_AS(add_noise(image, NoiseSpec{"gauss", 1, 1}, Rng(0)), Error);
    CHECK_THROWS_AS(add_noise(image, NoiseSpec{"gaussian", std::nan(""), 5}, Rng(0)), Error);
}

TEST_CASE("Gaussian noise has the given deviation, and adds exactly sigma times the stream's normals", "[data][noise]") {
    auto const image = full(Shape{300, 200, 3}, 0.5f);
    Rng rng(1, Purpose::noise, 7, 2);
    auto const noisy = add_noise(image, parse_noise("gaussian:25"), rng);
    CHECK(rng.position() == 1 + 180000);
    auto const m = moments(noisy);
    CHECK(std::abs(m.mean - 0.5) < 4 * (25. / 255) / std::sqrt(180000.));
    CHECK(std::abs(m.deviation / (25. / 255) - 1) < 4 / std::sqrt(2 * 180000.));
    for (Index i : {0, 1, 8191, 8192, 8193, 179999})
        CHECK(noisy.data()[i] == std::fma(25.f / 255, normal_at(rng.stream(), static_cast<std::uint64_t>(1 + i)), 0.5f));
    CHECK(image(0, 0, 0) == 0.5f);
    auto const again = add_noise(image, parse_noise("gaussian:25"), rng);
    CHECK(again(0, 0, 0) != noisy(0, 0, 0));  // the generator has moved on: a pair for Noise2Noise
    auto const none = add_noise(image, parse_noise("gaussian:0"), rng);
    CHECK(values(none) == values(image));
}

TEST_CASE("Poisson noise has mean x and variance x / chi, in steps of 1 / chi", "[data][noise]") {
    for (float x : {0.02f, 0.25f, 0.8f, 1.f}) {
        CAPTURE(x);
        auto const noisy = add_noise(full(Shape{200, 300, 3}, x), parse_noise("poisson:30"), Rng(3, Purpose::noise));
        auto const m = moments(noisy);
        double const deviation = std::sqrt(static_cast<double>(x) / 30);
        CHECK(std::abs(m.mean - static_cast<double>(x)) < 4 * deviation / std::sqrt(180000.));
        CHECK(std::abs(m.deviation / deviation - 1) < 0.02);
        for (Index i = 0; i < 1000; ++i) {
            double const photons = static_cast<double>(noisy.data()[i]) * 30;
            REQUIRE(std::abs(photons - std::nearbyint(photons)) < 1e-5);
        }
    }
    Tensor<float, 3> odd(Shape{1, 4, 1});
    odd(0, 0, 0) = 0, odd(0, 1, 0) = -0.5f, odd(0, 2, 0) = std::numeric_limits<float>::quiet_NaN(), odd(0, 3, 0) = 1e30f;
    auto const noisy = add_noise(odd, parse_noise("poisson:30"), Rng(3));
    CHECK(noisy(0, 0, 0) == 0);
    CHECK(noisy(0, 1, 0) == 0);
    CHECK(std::isnan(noisy(0, 2, 0)));
    CHECK(noisy(0, 3, 0) == 1e30f);
}

TEST_CASE("a range gives each image a level of its own", "[data][noise]") {
    auto const images = full(Shape{8, 64, 64, 1}, 0.5f);
    Rng rng(5, Purpose::noise);
    auto const noisy = add_noise(images, parse_noise("gaussian:0-50"), rng);
    double smallest = 1e9, largest = 0;
    for (Index n = 0; n < 8; ++n) {
        auto const sigma = 255 * moments(Tensor<float, 3>::over(noisy.data() + n * 4096, Shape{64, 64, 1})).deviation;
        double const expected = 50 * uniform_double_at(rng.stream(), static_cast<std::uint64_t>(n * 4097));
        CHECK(sigma == Approx(expected).epsilon(0.06));
        smallest = std::min(smallest, sigma), largest = std::max(largest, sigma);
    }
    CHECK(largest - smallest > 20);
    CHECK(largest < 52);
}

TEST_CASE("a batch is its pictures one after the other", "[data][noise]") {
    Rng make(2), together(6), apart(6);
    auto const images = uniform(Shape{3, 5, 7, 2}, make);
    for (auto const* text : {"gaussian:10-20", "poisson:3-40"}) {
        auto const batch = add_noise(images, parse_noise(text), together);
        for (Index n = 0; n < 3; ++n) {
            auto const one = add_noise(Tensor<float, 3>::over(images.data() + n * 70, Shape{5, 7, 2}), parse_noise(text), apart);
            CHECK(values(one) == std::vector<float>(batch.data() + n * 70, batch.data() + (n + 1) * 70));
        }
        CHECK(together.position() == apart.position());
    }
}

TEST_CASE("noise has the same bits for any number of threads, and on every machine", "[data][noise]") {
    Rng make(4);
    auto const image = uniform(Shape{101, 97, 3}, make);
    int const threads = num_threads();
    for (int n : {1, 2, 5}) {
        set_num_threads(n);
        CHECK(hash(add_noise(image, parse_noise("gaussian:0-50"), Rng(9, Purpose::noise, 3, 1))) == 0x2b444f457dd380df);
        CHECK(hash(add_noise(image, parse_noise("poisson:0.001-50"), Rng(9, Purpose::noise, 3, 1))) == 0x4fa9d8ad9a226f12);
        CHECK(hash(add_noise(image, parse_noise("poisson:3000"), Rng(9, Purpose::noise, 3, 1))) == 0xc3a359bece761d7e);
    }
    set_num_threads(threads);
}

TEST_CASE("the 8-bit mode clips and rounds", "[data][noise]") {
    Rng make(4);
    auto const image = uniform(Shape{50, 50, 3}, make);
    auto const spec = parse_noise("gaussian:60");
    auto const exact = add_noise(image, spec, Rng(1, Purpose::noise)), stored = add_noise_8bit(image, spec, Rng(1, Purpose::noise));
    int clipped = 0;
    for (Index i = 0; i < image.size(); ++i) {
        clipped += exact.data()[i] < 0 || exact.data()[i] > 1;
        REQUIRE(stored.data()[i] == level_of(exact.data()[i]) / 255);
    }
    CHECK(clipped > 100);
    CHECK(values(quantise_8bit(stored)) == values(stored));
}
