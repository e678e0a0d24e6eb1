// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/ops/loss.hpp>
#include <map>

using namespace tacet;

namespace {

template <class M> std::map<std::string, std::string> shapes_of(M const& model) {
    std::map<std::string, std::string> shapes;
    for_each_state(model, [&](std::string const& name, auto const& t) { shapes[name] = to_string(t.shape()); });
    return shapes;
}

/// The rows and columns of the output, relative to `at`, that one input pixel can reach: {first, last} over both axes.
template <class M> std::pair<Index, Index> reach_of(M const& model, Index size, Index at) {
    NoGrad const guard;
    Rng rng(3);
    auto const image = uniform(Shape{1, size, size, 3}, rng);
    auto const before = model(Variable<float, 4>(image)).value().clone();
    auto const changed = image.clone();
    for (Index c = 0; c < 3; ++c) changed(0, at, at, c) += 50;
    auto const after = model(Variable<float, 4>(changed)).value();
    std::pair<Index, Index> reach{0, 0};
    for (Index i = 0; i < size; ++i)
        for (Index j = 0; j < size; ++j)
            for (Index c = 0; c < 3; ++c)
                if (before(0, i, j, c) != after(0, i, j, c)) {
                    reach.first = std::min({reach.first, i - at, j - at});
                    reach.second = std::max({reach.second, i - at, j - at});
                }
    return reach;
}

}  // namespace

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
    auto const image = uniform<double>(Shape{1, 32, 32, 1}, rng), target = uniform<double>(Shape{1, 32, 32, 1}, rng);
    auto const loss = [&] { return Variable<double, 0>(l2_loss(model(Variable<double, 4>(image)), target)); };
    backward(loss());
    for_each_parameter(model, [&](std::string const& name, auto& p) {
        // The derivative along a random direction stands for all elements.
        auto const direction = uniform<double>(p.shape(), rng, -1.0, 1.0);
        double slope = 0;
        for (Index k = 0; k < p.size(); ++k) slope += p.grad().data()[k] * direction.data()[k];
        auto const value = p.value();
        auto const start = value.clone();
        auto const at = [&](double step) {
            NoGrad const guard;
            value.assign(start + step * direction);
            return item(loss().value());
        };
        double const eps = 1e-7, numeric = (at(eps) - at(-eps)) / (2 * eps);
        value.assign(start);
        INFO(name);
        REQUIRE(slope == Approx(numeric).epsilon(2e-4).margin(1e-8));
    });
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
