// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/values.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/nn/activation.hpp>
#include <tacet/nn/conv.hpp>
#include <tacet/nn/linear.hpp>
#include <tacet/nn/norm.hpp>
#include <algorithm>
#include <cmath>
#include <vector>

namespace layers_test {
using namespace tacet;
using namespace tacet::test;

namespace {
using Names = std::vector<std::string>;

/// "weight (2, 3)" for every tensor of a module's state.
template <class M> Names state_of(M const& m) {
    Names names;
    for_each_state(m, [&](std::string const& name, auto const& t) { names.push_back(name + ' ' + to_string(t.shape())); });
    return names;
}
/// Whether every Parameter that `fields` lists requires a gradient and gets one from the sum of m(x).
template <class M, class X> bool every_parameter_is_live(M const& m, X const& x) {
    Variable const y = m(x);
    backward(y, ones<typename X::value_type>(y.shape()));
    bool live = parameter_count(m) > 0;
    for_each_parameter(m, [&](std::string const&, auto const& p) { live = live && p.requires_grad() && p.has_grad(); });
    return live;
}
template <class M> std::vector<void const*> addresses_of(M const& m) {
    std::vector<void const*> all;
    for_each_state(m, [&](std::string const&, auto const& t) { all.push_back(t.data()); });
    return all;
}
/// A moved module has the memory of the first one and computes the same bits.
template <class M, class X> void check_move(M m, X const& x) {
    auto const before = addresses_of(m);
    auto const y = m(x).value().clone();
    M moved(std::move(m));
    CHECK(addresses_of(moved) == before);
    CHECK(same_bits(moved(x).value(), y));
    M assigned(std::move(moved));
    CHECK(addresses_of(assigned) == before);
    static_assert(!std::is_copy_constructible_v<M>);
}
template <class T, int R> double mean_of(Tensor<T, R> const& t) {
    double sum = 0;
    for (Index k = 0; k < t.size(); ++k) sum += static_cast<double>(t.data()[k]);
    return sum / static_cast<double>(t.size());
}
/// The root of the mean square distance from `centre`.
template <class T, int R> double deviation_of(Tensor<T, R> const& t, double centre = 0) {
    double sum = 0;
    for (Index k = 0; k < t.size(); ++k) sum += std::pow(static_cast<double>(t.data()[k]) - centre, 2);
    return std::sqrt(sum / static_cast<double>(t.size()));
}
template <class T, int R> double largest_of(Tensor<T, R> const& t) {
    double largest = 0;
    for (Index k = 0; k < t.size(); ++k) largest = std::max(largest, std::fabs(static_cast<double>(t.data()[k])));
    return largest;
}
template <class T, int R> bool all_are(Tensor<T, R> const& t, T value) {
    return std::all_of(t.data(), t.data() + t.size(), [&](T v) { return v == value; });
}
}  // namespace

TEST_CASE("layers have PyTorch's names and shapes") {
    Rng rng(1);
    CHECK(state_of(Conv2d<>(6, 8, 3, rng)) == Names{"weight (8, 6, 3, 3)", "bias (8)"});
    CHECK(state_of(Conv2d<>(6, 8, 5, rng, {.groups = 2})) == Names{"weight (8, 3, 5, 5)", "bias (8)"});
    CHECK(state_of(ConvTranspose2d<>(6, 8, 2, rng)) == Names{"weight (6, 8, 2, 2)", "bias (8)"});
    CHECK(state_of(ConvTranspose2d<>(6, 8, 4, rng, {.groups = 2})) == Names{"weight (6, 4, 4, 4)", "bias (8)"});
    CHECK(state_of(Linear<>(3, 7, rng)) == Names{"weight (7, 3)", "bias (7)"});
    CHECK(state_of(LayerNorm<>(5)) == Names{"weight (5)", "bias (5)"});
    CHECK(state_of(BatchNorm2d<>(5)) == Names{"weight (5)", "bias (5)", "running_mean (5)", "running_var (5)"});
    CHECK(state_of(PRelu<>()) == Names{"weight (1)"});
    CHECK(state_of(PRelu<>(5)) == Names{"weight (5)"});
    CHECK(parameter_count(BatchNorm2d<>(5)) == 10);  // the running statistics are not trained
}

TEST_CASE("layers start as PyTorch's do where they draw no numbers") {
    LayerNorm<Cpu, double> const layer_norm(3);
    CHECK(all_are(layer_norm.weight.value(), 1.0));
    CHECK(all_are(layer_norm.bias.value(), 0.0));
    CHECK(layer_norm.eps == 1e-5);
    BatchNorm2d<> const batch_norm(3);
    CHECK(all_are(batch_norm.weight.value(), 1.f));
    CHECK(all_are(batch_norm.bias.value(), 0.f));
    CHECK(all_are(batch_norm.running_mean, 0.f));
    CHECK(all_are(batch_norm.running_var, 1.f));
    CHECK(batch_norm.momentum == 0.1);
    CHECK(batch_norm.eps == 1e-5);
    CHECK(batch_norm.training);
    CHECK(all_are(PRelu<>(3).weight.value(), 0.25f));
    CHECK(all_are(PRelu<>(1, 0.5).weight.value(), 0.5f));
    Rng rng(2);
    CHECK(all_are(Conv2d<>(3, 4, 3, rng).bias.value(), 0.f));
    CHECK(all_are(ConvTranspose2d<>(3, 4, 3, rng).bias.value(), 0.f));
}

TEST_CASE("layers compute what their operation does with their parameters and options") {
    Rng rng(3);
    auto const x = random_variable(Shape{2, 5, 4, 6}, 4, false);
    Conv2dOptions const o{.stride = 2, .padding = 1, .groups = 2};
    Conv2d<Cpu, double> const conv(6, 8, 3, rng, o);
    conv.bias.value().assign(0.5);
    CHECK(same_bits(conv(x).value(), conv2d(x, conv.weight.var(), conv.bias.var(), o).value()));
    CHECK(conv(x).shape() == Shape{2, 3, 2, 8});
    Variable const doubled = x * 2.0;
    CHECK(same_bits(conv(x * 2.0).value(), conv(doubled).value()));  // an expression is computed first

    ConvTranspose2dOptions const t{.stride = 2, .padding = 1, .output_padding = 1, .groups = 2};
    ConvTranspose2d<Cpu, double> const transposed(6, 8, 3, rng, t);
    transposed.bias.value().assign(0.5);
    CHECK(same_bits(transposed(x).value(), conv_transpose2d(x, transposed.weight.var(), transposed.bias.var(), t).value()));
    CHECK(transposed(x).shape() == Shape{2, 10, 8, 8});

    Linear<Cpu, double> const dense(6, 3, rng);
    CHECK(same_bits(dense(x).value(), linear(x, dense.weight.var(), dense.bias.var()).value()));
    CHECK(dense(random_variable(Shape{7, 6}, 5)).shape() == Shape{7, 3});

    LayerNorm<Cpu, double> const norm(6, 0.25);
    norm.weight.value().assign(iota<double>(Shape{6}));
    norm.bias.value().assign(0.5);
    CHECK(same_bits(norm(x).value(), layer_norm(x, norm.weight.var(), norm.bias.var(), 0.25).value()));

    for (Index slopes : {1, 6}) {
        PRelu<Cpu, double> const activation(slopes);
        for (Index c = 0; c < slopes; ++c) activation.weight.value()(c) = 0.125 * static_cast<double>(c + 1);
        auto const y = activation(x).value();
        for (Index c = 0; c < 6; ++c) {
            double const v = x.value()(1, 4, 3, c);
            CHECK(y(1, 4, 3, c) == (v > 0 ? v : 0.125 * static_cast<double>(slopes == 1 ? 1 : c + 1) * v));
        }
    }
}

TEST_CASE("BatchNorm2d moves its running statistics while training, and uses them afterwards") {
    BatchNorm2d<Cpu, double> norm(1, 0.5, 0);
    Variable<double, 4> const x(Tensor<double, 4>(Shape{1, 2, 2, 1}));
    for (Index k = 0; k < 4; ++k) x.value().data()[k] = static_cast<double>(2 * k);  // mean 3, variance 5, unbiased 20 / 3
    auto const trained = norm(x).value();
    for (Index k = 0; k < 4; ++k) CHECK(trained.data()[k] == Approx(static_cast<double>(2 * k - 3) / std::sqrt(5.0)));
    CHECK(norm.running_mean(0) == 1.5);
    CHECK(norm.running_var(0) == Approx(0.5 + 10.0 / 3));

    set_training(norm, false);
    norm.running_mean(0) = 2, norm.running_var(0) = 16;
    norm.weight.value()(0) = 3, norm.bias.value()(0) = -1;
    auto const evaluated = norm(x).value();
    for (Index k = 0; k < 4; ++k) CHECK(evaluated.data()[k] == Approx(static_cast<double>(2 * k - 2) / 4 * 3 - 1));
    CHECK(norm.running_mean(0) == 2);
    CHECK(norm.running_var(0) == 16);
    CHECK(norm(Variable<double, 4>(ones<double>(Shape{1, 1, 1, 1}))).value()(0, 0, 0, 0) == Approx(-1.75));  // one pixel will do now
}

TEST_CASE("PRelu learns its slopes, and names the shapes that do not fit") {
    PRelu<> const activation(2);
    Variable<float, 2> const x{Tensor<float, 2>(iota(Shape{3, 2}) - 3.f), true};  // -3 -2; -1 0; 1 2
    backward(activation(x), ones(Shape{3, 2}));
    CHECK(activation.weight.grad()(0) == -4);
    CHECK(activation.weight.grad()(1) == -2);
    CHECK(x.grad()(0, 1) == 0.25);
    CHECK(x.grad()(2, 1) == 1);
    CHECK_THROWS_AS(PRelu<>(3)(x), ShapeError);
    CHECK_THROWS_WITH(PRelu<>(3)(x), "PRelu: 3 slopes do not fit the channels of x (3, 2)");
}

TEST_CASE("every parameter of a layer is listed, requires a gradient and gets one") {
    Rng rng(6);
    auto const x = random_variable<float>(Shape{2, 3, 4, 6}, 7);
    CHECK(every_parameter_is_live(Conv2d<>(6, 4, 3, rng, {.padding = 1}), x));
    CHECK(every_parameter_is_live(ConvTranspose2d<>(6, 4, 2, rng, {.stride = 2}), x));
    CHECK(every_parameter_is_live(Linear<>(6, 4, rng), x));
    CHECK(every_parameter_is_live(LayerNorm<>(6), x));
    CHECK(every_parameter_is_live(BatchNorm2d<>(6), x));
    CHECK(every_parameter_is_live(PRelu<>(6), x));
    CHECK(x.has_grad());
}

TEST_CASE("a layer that moves keeps its parameters") {
    Rng rng(8);
    auto const x = random_variable<float>(Shape{2, 3, 4, 6}, 9);
    check_move(Conv2d<>(6, 4, 3, rng, {.stride = 2, .padding = 1}), x);
    check_move(ConvTranspose2d<>(6, 4, 2, rng, {.stride = 2}), x);
    check_move(Linear<>(6, 4, rng), x);
    check_move(LayerNorm<>(6), x);
    BatchNorm2d<> norm(6);
    norm.training = false;
    check_move(std::move(norm), x);
    check_move(PRelu<>(6), x);
}

TEST_CASE("fan_in counts the inputs of one output") {
    CHECK(fan_in(Shape{8, 6, 3, 5}) == 90);
    CHECK(fan_in(Shape{8, 6}) == 6);
}

TEST_CASE("initial weights have the documented distributions") {
    Rng rng(10);  // 96 000 samples: a mean is off by less than deviation / 60 and a deviation by less than 1 % (more than 4 sigma)
    Shape const shape{400, 10, 4, 6};
    auto const he = he_normal<double>(shape, rng);
    double const expected = std::sqrt(2.0 / 240);
    CHECK(std::fabs(mean_of(he)) < expected / 60);
    CHECK(deviation_of(he) == Approx(expected).epsilon(0.01));
    CHECK(largest_of(he) > 3.5 * expected);  // not cut off
    CHECK(deviation_of(he_normal<float>(shape, rng, 1.0)) == Approx(std::sqrt(1.0 / 240)).epsilon(0.01));

    auto const flat = torch_uniform<double>(shape, 25, rng);
    CHECK(std::fabs(mean_of(flat)) < 0.2 / std::sqrt(3.0) / 60);
    CHECK(deviation_of(flat) == Approx(0.2 / std::sqrt(3.0)).epsilon(0.01));
    CHECK(largest_of(flat) <= 0.2);
    CHECK(largest_of(flat) > 0.1999);

    // N(0, 1) within [-1, 1] has the variance 1 - 2 phi(1) / (Phi(1) - Phi(-1)) = 0.2911; far limits cut nothing.
    auto const cut = truncated_normal<float>(shape, 1, rng, 1);
    CHECK(std::fabs(mean_of(cut)) < 0.01);
    CHECK(deviation_of(cut) == Approx(std::sqrt(0.291125)).epsilon(0.01));
    CHECK(largest_of(cut) <= 1);
    CHECK(largest_of(cut) > 0.999);
    CHECK(deviation_of(truncated_normal<float>(shape, 0.02, rng)) == Approx(0.02).epsilon(0.01));
}

TEST_CASE("layers draw their weights as documented, and the same ones from the same generator") {
    Rng rng(11), same(11), other(12);
    Conv2d<> const conv(32, 64, 5, rng, {.groups = 2});
    CHECK(deviation_of(conv.weight.value()) == Approx(std::sqrt(2.0 / 400)).epsilon(0.03));
    CHECK(same_bits(conv.weight.value(), Conv2d<>(32, 64, 5, same, {.groups = 2}).weight.value()));
    CHECK(!same_bits(conv.weight.value(), Conv2d<>(32, 64, 5, other, {.groups = 2}).weight.value()));
    CHECK(deviation_of(Conv2d<>(32, 64, 5, rng, {}, 1.0).weight.value()) == Approx(std::sqrt(1.0 / 800)).epsilon(0.03));
    CHECK(deviation_of(ConvTranspose2d<>(32, 64, 5, rng).weight.value()) == Approx(std::sqrt(2.0 / 1600)).epsilon(0.03));
    Linear<> const dense(100, 200, rng);
    for (double largest : {largest_of(dense.weight.value()), largest_of(dense.bias.value())}) {
        CHECK(largest <= 0.1f);
        CHECK(largest > 0.095);
    }
    CHECK(deviation_of(dense.weight.value()) == Approx(0.1 / std::sqrt(3.0)).epsilon(0.03));
}
}  // namespace layers_test
