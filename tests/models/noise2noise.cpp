// SPDX-License-Identifier: MIT
#include <support/model.hpp>
#include <tacet/models/noise2noise.hpp>

namespace noise2noise_test {
using namespace tacet;
using test::reach_of;
using test::shapes_of;

TEST_CASE("The paper's U-Net has its parameters, names and shapes") {
    Rng rng(0);
    REQUIRE(parameter_count(Noise2NoiseUNet<>(3, 3, rng)) == 991'203);
    REQUIRE(parameter_count(Noise2NoiseUNet<>(9, 3, rng)) == 997'251);
    REQUIRE(parameter_count(Noise2NoiseUNet<>(1, 1, rng)) == 988'609);
    auto const shapes = shapes_of(Noise2NoiseUNet<>(3, 3, rng));
    REQUIRE(shapes.size() == 36);
    REQUIRE(shapes.at("enc_conv0.weight") == "(48, 3, 3, 3)");
    REQUIRE(shapes.at("dec_conv5.weight") == "(96, 96, 3, 3)");
    REQUIRE(shapes.at("dec_conv2.weight") == "(96, 144, 3, 3)");
    REQUIRE(shapes.at("dec_conv1a.weight") == "(64, 99, 3, 3)");
    REQUIRE(shapes.at("dec_conv1.bias") == "(3)");
}

TEST_CASE("The compat network has the tensors of the published files") {
    Rng rng(0);
    REQUIRE(parameter_count(Noise2NoiseCompat<>(3, 3, rng)) == 700'611);
    REQUIRE(parameter_count(Noise2NoiseCompat<>(9, 3, rng)) == 706'659);
    auto const shapes = shapes_of(Noise2NoiseCompat<>(3, 3, rng));
    REQUIRE(shapes.size() == 28);
    REQUIRE(shapes.at("_block5.0.weight") == "(96, 144, 3, 3)");
    REQUIRE(shapes.at("_block3.2.weight") == "(48, 48, 3, 3)");
    REQUIRE(shapes.at("_block6.4.bias") == "(3)");
}

TEST_CASE("Weights are drawn as the paper says: He's deviation, gain 1 in the last layer, zero biases") {
    Rng rng(7);
    Noise2NoiseUNet<> const model(3, 3, rng);
    auto const deviation = [](auto const& w) {
        double s = 0;
        for (Index k = 0; k < w.size(); ++k) s += double(w.value().data()[k]) * double(w.value().data()[k]);
        return std::sqrt(s / double(w.size()));
    };
    REQUIRE(deviation(model.enc_conv1.weight) == Approx(std::sqrt(2.0 / (9 * 48))).epsilon(0.03));
    REQUIRE(deviation(model.dec_conv1.weight) == Approx(std::sqrt(1.0 / (9 * 32))).epsilon(0.08));
    REQUIRE(deviation(model.enc_conv1.bias) == 0);
}

TEST_CASE("Context covers what a pixel can reach, and the networks see that far") {
    Rng rng(1);
    auto const unet = reach_of(Noise2NoiseUNet<>(3, 3, rng, 4), 512, 255);
    REQUIRE(-unet.first <= Noise2NoiseUNet<>::context);
    REQUIRE(unet.second <= Noise2NoiseUNet<>::context);
    REQUIRE(unet.second - unet.first > 150);
}

TEST_CASE("The whole U-Net has the gradients that finite differences give, in double") {
    Rng rng(2);
    Noise2NoiseUNet<Cpu, double> model(1, 1, rng, 2);
    test::check_gradients(model, Shape{1, 32, 32, 1}, rng);
}

TEST_CASE("A network is rebuilt from the shapes of its weights") {
    Rng rng(0);
    Noise2NoiseUNet<> const model(1, 1, rng, 24);
    auto const copy = Noise2NoiseUNet<>::sized_by([&](std::string const& name) {
        Shape<4> found{};
        for_each_parameter(model, [&](std::string const& n, auto const& p) {
            if constexpr (std::remove_cvref_t<decltype(p)>::rank == 4) if (n == name) found = p.shape();
        });
        return found;
    }, rng);
    REQUIRE(shapes_of(copy) == shapes_of(model));
    REQUIRE_THROWS_WITH(Noise2NoiseUNet<>::sized_by([](auto) { return Shape{Index(1) << 40, 3, 3, 3}; }, rng),
                        test::contains("a network of width"));
}
}  // namespace noise2noise_test
