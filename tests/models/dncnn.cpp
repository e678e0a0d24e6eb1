// SPDX-License-Identifier: MIT
#include <support/model.hpp>
#include <tacet/models/dncnn.hpp>

namespace dncnn_test {
using namespace tacet;
using test::shapes_of;

namespace {

/// The parts of a network by name, flat.
template <class M> std::map<std::string, Tensor<double, 1>> values_of(M const& model) {
    std::map<std::string, Tensor<double, 1>> values;
    for_each_state(model, [&](std::string const& name, auto const& t) { values[name] = t.reshape(Shape{t.size()}); });
    return values;
}

/// Fills everything in a network with numbers in [low, high).
void fill(auto& model, Rng& rng, double low, double high) {
    for_each_state(model, [&](std::string const&, auto const& t) { t.assign(uniform<double>(t.shape(), rng, low, high)); });
}

}  // namespace

TEST_CASE("DnCNN has KAIR's parameters, names and shapes") {
    Rng rng(0);
    CHECK(parameter_count(DnCnn<>(3, rng)) == 557'443);
    CHECK(parameter_count(DnCnn<>(1, rng)) == 555'137);
    CHECK(parameter_count(DnCnn<>(3, rng, {.layers = 20})) == 668'227);  // the blind ones
    CHECK(parameter_count(DnCnn<>(3, rng, {.batch_norm = true})) == 557'443 + 15 * 128);
    auto const shapes = shapes_of(DnCnn<>(3, rng));
    CHECK(shapes.size() == 34);
    CHECK(shapes.at("model.0.weight") == "(64, 3, 3, 3)");
    CHECK(shapes.at("model.2.weight") == "(64, 64, 3, 3)");
    CHECK(shapes.at("model.30.bias") == "(64)");
    CHECK(shapes.at("model.32.weight") == "(3, 64, 3, 3)");
    auto const normed = shapes_of(DnCnn<>(3, rng, {.batch_norm = true}));
    CHECK(normed.size() == 34 + 15 * 4);
    CHECK(normed.at("model.2.weight") == "(64, 64, 3, 3)");
    CHECK(normed.at("model.3.running_var") == "(64)");
    CHECK(normed.at("model.44.weight") == "(64, 64, 3, 3)");
    CHECK(normed.at("model.45.weight") == "(64)");
    CHECK(normed.at("model.47.weight") == "(3, 64, 3, 3)");
}

TEST_CASE("DnCNN is the chain of its convolutions by name, taken from its input") {
    Rng rng(4);
    DnCnn<Cpu, double> model(2, rng, {.layers = 5, .width = 6});
    fill(model, rng, -0.3, 0.4);
    auto const values = values_of(model);
    auto const image = uniform<double>(Shape{2, 7, 9, 2}, rng);
    Variable<double, 4> y(image);
    for (int k = 0; k < 5; ++k) {
        std::string const name = "model." + std::to_string(2 * k);
        Shape const shape{Index(k == 4 ? 2 : 6), Index(k == 0 ? 2 : 6), Index(3), Index(3)};
        Variable<double, 4> const w(values.at(name + ".weight").reshape(shape));
        Variable<double, 4> const z(conv2d(y, w, Variable<double, 1>(values.at(name + ".bias")), {.padding = 1}));
        y = k == 4 ? z : Variable<double, 4>(relu(z));
    }
    auto const result = model(Variable<double, 4>(image)).value();
    for (Index i = 0; i < result.size(); ++i)
        REQUIRE(result.data()[i] == Approx(image.data()[i] - y.value().data()[i]).epsilon(1e-12));
}

TEST_CASE("DnCNN with normalisation equals the one that has it merged into its convolutions") {
    Rng rng(5);
    DnCnn<Cpu, double> normed(3, rng, {.layers = 4, .width = 5, .batch_norm = true}), merged(3, rng, {.layers = 4, .width = 5});
    fill(normed, rng, 0.1, 0.9);  // positive: running_var is a variance
    set_training(normed, false);
    for (std::size_t k = 0; k < 4; ++k) {
        auto const &from = normed.convolutions[k], &to = merged.convolutions[k];
        to.weight.value().assign(from.weight.value());
        to.bias.value().assign(from.bias.value());
        if (k == 0 || k == 3) continue;
        auto const& norm = normed.norms[k - 1];
        for (Index c = 0; c < 5; ++c) {
            double const scale = norm.weight.value()(c) / std::sqrt(norm.running_var(c) + 1e-4);
            for (Index i = 0; i < 45; ++i) to.weight.value().data()[c * 45 + i] *= scale;
            to.bias.value()(c) = (from.bias.value()(c) - norm.running_mean(c)) * scale + norm.bias.value()(c);
        }
    }
    Variable<double, 4> const image(uniform<double>(Shape{1, 6, 5, 3}, rng));
    auto const a = normed(image).value(), b = merged(image).value();
    for (Index i = 0; i < a.size(); ++i) REQUIRE(a.data()[i] == Approx(b.data()[i]).epsilon(1e-11));
}

TEST_CASE("DnCNN has the gradients that finite differences give, in double, with and without normalisation") {
    Rng rng(2);
    for (bool normed : {false, true}) {
        DnCnn<Cpu, double> model(2, rng, {.layers = 4, .width = 3, .batch_norm = normed});
        for (auto& c : model.convolutions)  // with zero biases, pixels whose neighbours are dark would stand at a rectifier's kink
            c.bias.value().assign(uniform<double>(c.bias.shape(), rng, -0.2, 0.2));
        test::check_gradients(model, Shape{2, 6, 7, 2}, rng);
    }
}

TEST_CASE("An input pixel of DnCNN reaches as far as it has convolutions, within its context") {
    Rng rng(1);
    DnCnn<> const model(3, rng, {.layers = 9, .width = 4});
    {
        DirectConvolutions const guard;
        CHECK(test::reach_of(model, 40, 20) == std::pair<Index, Index>(-9, 9));
    }
    auto const fast = test::reach_of(DnCnn<>(3, rng, {.layers = DnCnn<>::max_layers, .width = 4}), 200, 101);
    CHECK(std::max(-fast.first, fast.second) <= DnCnn<>::context);
}

TEST_CASE("DnCNN of a size that nobody has is refused") {
    Rng rng(0);
    CHECK_THROWS_WITH(DnCnn<>(3, rng, {.layers = 2}), "dncnn: a network of 2 convolutions of width 64 for 3 channels");
    CHECK_THROWS_AS(DnCnn<>(3, rng, {.layers = 25}), Error);
    CHECK_THROWS_AS(DnCnn<>(0, rng), Error);
    CHECK_THROWS_AS(DnCnn<>(3, rng, {.width = Index(1) << 40}), Error);
}
}  // namespace dncnn_test
