// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace noise_test {
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
    for (std::string text : {"gaussian:25", "gaussian:0-50", "gaussian:0", "gaussian:12.5-13", "poisson:30", "poisson:0.001-50",
                             "scaled_poisson:2.5", "speckle:0.018-0.04", "salt_pepper:0.002", "correlated_gaussian:40", "mixture:1-5"}) {
        CHECK(to_string(parse_noise(text)) == text);
        CHECK(parse_noise(to_string(parse_noise(text))) == parse_noise(text));
    }
    CHECK(parse_noise("salt_pepper:.002") == NoiseSpec{"salt_pepper", 0.002, 0.002});
    CHECK_THAT(noise_help(), test::contains("\npoisson:CHI - "));
}

TEST_CASE("a wrong specification is explained", "[data][noise]") {
    std::string const known = "known are gaussian:SIGMA, poisson:CHI, scaled_poisson:ALPHA, speckle:VARIANCE, salt_pepper:DENSITY, "
                              "correlated_gaussian:SIGMA and mixture:LEVEL";
    CHECK_THROWS_WITH(parse_noise("jpeg:30"), "noise \"jpeg:30\": there is no kind \"jpeg\"; " + known);  // of another menu
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
    CHECK_THROWS_WITH(parse_noise("mixture:0-5"), "noise \"mixture\": levels lie between 1 and 5, not 0 to 5");
    CHECK_THROWS_WITH(parse_noise("salt_pepper:2"), "noise \"salt_pepper\": levels lie between 0 and 1, not 2 to 2");
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

TEST_CASE("scaled Poisson noise scales the deviation from x, whose scale is the power of two of the picture's levels", "[data][noise]") {
    // Four levels in all channels together: counts are whole at a scale of 4, of x as 8 bits store it.
    Tensor<float, 3> image(Shape{200, 300, 2});
    for (Index i = 0; i < image.size(); ++i) image.data()[i] = 0.1f + 0.25f * static_cast<float>(i % 4);
    auto const noisy = add_noise(image, parse_noise("scaled_poisson:1.5"), Rng(3, Purpose::noise));
    double sum[4] = {}, squares[4] = {};
    for (Index i = 0; i < image.size(); ++i) {
        double const x = static_cast<double>(level_of(image.data()[i])) / 255, y = static_cast<double>(noisy.data()[i]);
        double const count = ((y - x) / 1.5 + x) * 4;
        REQUIRE(std::abs(count - std::nearbyint(count)) < 1e-5);
        sum[i % 4] += (y - x) / 30000, squares[i % 4] += (y - x) * (y - x) / 30000;
    }
    for (int k = 0; k < 4; ++k) {
        double const variance = 1.5 * 1.5 * (0.1 + 0.25 * k) / 4;
        CHECK(std::abs(sum[k]) < 4 * std::sqrt(variance / 30000));
        CHECK(squares[k] == Approx(variance).epsilon(0.06));
    }
    // One level more than four: eight.
    image.data()[0] = 1;
    auto const finer = add_noise(image, parse_noise("scaled_poisson:1"), Rng(3, Purpose::noise));
    bool odd = false;
    for (Index i = 0; i < image.size(); ++i) {
        double const count = static_cast<double>(finer.data()[i]) * 8;
        REQUIRE(std::abs(count - std::nearbyint(count)) < 1e-5);
        odd = odd || std::fmod(std::nearbyint(count), 2) == 1;
    }
    CHECK(odd);
    auto const flat = add_noise(full(Shape{50, 50, 1}, 1.f), parse_noise("scaled_poisson:0"), Rng(3));  // one level: a scale of 1
    CHECK(values(flat) == std::vector<float>(2500, 1.f));
}

TEST_CASE("speckle is uniform, of the given variance times x squared", "[data][noise]") {
    auto const noisy = add_noise(full(Shape{200, 300, 3}, 0.5f), parse_noise("speckle:0.03"), Rng(4, Purpose::noise));
    auto const m = moments(noisy);
    CHECK(std::abs(m.mean - 0.5) < 4 * 0.5 * std::sqrt(0.03 / 180000));
    CHECK(m.deviation == Approx(0.5 * std::sqrt(0.03)).epsilon(0.01));
    double const most = 0.5 * std::sqrt(12 * 0.03) / 2;  // no farther from the mean, and as far as that
    double farthest = 0;
    for (Index i = 0; i < noisy.size(); ++i) farthest = std::max(farthest, std::abs(static_cast<double>(noisy.data()[i]) - 0.5));
    CHECK(farthest <= most * 1.000001);
    CHECK(farthest > most * 0.999);
    auto const black = add_noise(zeros(Shape{5, 5, 3}), parse_noise("speckle:1"), Rng(4));
    CHECK(values(black) == std::vector<float>(75, 0.f));
}

TEST_CASE("salt and pepper change the given share of the values, half to either, each channel by itself", "[data][noise]") {
    auto const noisy = add_noise(full(Shape{400, 500, 3}, 0.5f), parse_noise("salt_pepper:0.02"), Rng(5, Purpose::noise));
    Index salt = 0, pepper = 0, pixels = 0;
    for (Index i = 0; i < noisy.size(); i += 3) {
        int changed = 0;
        for (Index c = 0; c < 3; ++c) {
            float const y = noisy.data()[i + c];
            REQUIRE((y == 0.f || y == 1.f || y == 0.5f));
            salt += y == 1.f, pepper += y == 0.f, changed += y != 0.5f;
        }
        pixels += changed > 0;
    }
    double const margin = 4 * std::sqrt(0.01 * 0.99 * 600000);
    CHECK(static_cast<double>(salt) == Approx(6000).margin(margin));
    CHECK(static_cast<double>(pepper) == Approx(6000).margin(margin));
    CHECK(static_cast<double>(pixels) == Approx(200000 * (1 - std::pow(0.98, 3))).margin(4 * std::sqrt(0.06 * 200000)));
    CHECK(values(add_noise(full(Shape{5, 5, 1}, 0.5f), parse_noise("salt_pepper:0"), Rng(5))) == std::vector<float>(25, 0.5f));
}

TEST_CASE("correlated noise is the mean of nine normals of the same channel, reflected at the borders", "[data][noise]") {
    Index const h = 6, w = 7;
    Rng rng(6, Purpose::noise, 2);
    auto const noisy = add_noise(full(Shape{h, w, Index(2)}, 0.25f), parse_noise("correlated_gaussian:40"), rng);
    auto const inside = [](Index i, Index n) { return i < 0 ? -1 - i : i >= n ? 2 * n - 1 - i : i; };
    for (Index y = 0; y < h; ++y)
        for (Index x = 0; x < w; ++x)
            for (Index c = 0; c < 2; ++c) {
                double sum = 0;
                for (Index i = y - 1; i <= y + 1; ++i)
                    for (Index j = x - 1; j <= x + 1; ++j) {
                        auto const at = static_cast<std::uint64_t>(1 + (inside(i, h) * w + inside(j, w)) * 2 + c);
                        sum += static_cast<double>(normal_at(rng.stream(), at));
                    }
                REQUIRE(noisy(y, x, c) == Approx(0.25 + 40. / 255 * sum / 9).epsilon(1e-5).margin(1e-6));
            }
    auto const field = add_noise(full(Shape{300, 300, 1}, 0.5f), parse_noise("correlated_gaussian:60"), Rng(6));
    CHECK(moments(field).deviation == Approx(60. / 255 / 3).epsilon(0.02));
}

TEST_CASE("the mixture has the variance of its four parts, and grows with the level", "[data][noise]") {
    double before = 0;
    for (double level : {1., 2.5, 5.}) {
        CAPTURE(level);
        Tensor<float, 3> image(Shape{300, 256, 3});  // all levels: a scale of 256
        for (Index i = 0; i < image.size(); ++i) image.data()[i] = static_cast<float>(i / 3 % 256) / 255;
        auto const noisy = add_noise(image, NoiseSpec{"mixture", level, level}, Rng(7, Purpose::noise));
        double sum = 0, expected = 0;
        for (Index i = 0; i < image.size(); ++i) {
            double const x = static_cast<double>(image.data()[i]), d = static_cast<double>(noisy.data()[i]) - x;
            double const strength = 4 + level, shot = strength * strength / 25 * x / 256, speckle = strength / 500 * (x * x + shot);
            double const density = (1 + level) / 1000, gauss = 4 * strength * strength / (255. * 255);
            expected += (1 - density) * (shot + speckle + gauss) + density / 2 * (x * x + (1 - x) * (1 - x));
            sum += d * d;
        }
        CHECK(sum == Approx(expected).epsilon(0.02));
        CHECK(sum > before);
        before = sum;
    }
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
    for (auto const* text : {"gaussian:10-20", "poisson:3-40", "mixture:1-5", "correlated_gaussian:40"}) {
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
    struct Case {
        char const* noise;
        std::uint64_t hash;
    };
    Case const others[] = {{"scaled_poisson:2", 0x4a8c779ae2574bc2}, {"speckle:0.03", 0xc75a9e50fd28e57b},
                           {"salt_pepper:0.02", 0x21977b69b9abb5a9}, {"correlated_gaussian:50", 0xb1cef40fa0383b6a},
                           {"mixture:3", 0xf98fab396c45e9ef}};
    for (int n : {1, 2, 5}) {
        set_num_threads(n);
        for (Case const& c : others) {
            CAPTURE(c.noise);
            CHECK(hash(add_noise(image, parse_noise(c.noise), Rng(9, Purpose::noise, 3, 1))) == c.hash);
        }
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
    CHECK(values(add_noise(image, spec, image_noise_rng(1, 3))) == values(add_noise(image, spec, Rng(1, Purpose::noise, 3))));
    CHECK(values(add_noise(image, spec, image_noise_rng(1, 0))) == values(exact));
}
}  // namespace noise_test
