// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/batch_norm.hpp>
#include <tacet/tensor/move.hpp>
#include <tacet/tensor/factory.hpp>

namespace batch_norm_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// The mean and the variance (of the population) of channel c of x.
std::pair<double, double> statistics(Array const& x, Index c) {
    double sum = 0, squares = 0, n = 0;
    for (std::ptrdiff_t k = c; k < x.size(); k += x.extent(-1)) sum += x.data[static_cast<std::size_t>(k)], ++n;
    for (std::ptrdiff_t k = c; k < x.size(); k += x.extent(-1)) squares += std::pow(x.data[static_cast<std::size_t>(k)] - sum / n, 2);
    return {sum / n, squares / n};
}
double running_mean(Index c) { return 0.25 * double(c) - 0.5; }
double running_var(Index c) { return 0.5 + 0.125 * double(c); }

Array reference(Arrays const& in, bool training) {
    Array y(in[0].shape);
    for_each_index(y.shape, [&](Extents const& i) {
        Index const c = i.back();
        auto const [mean, var] = training ? statistics(in[0], c) : std::pair{running_mean(c), running_var(c)};
        y[i] = (in[0][i] - mean) / std::sqrt(var + 1e-5) * in[1][{c}] + in[2][{c}];
    });
    return y;
}
template <class T> Tensor<T, 1> channels(Index c, double (*value)(Index)) {
    Tensor<T, 1> t(Shape{c});
    for (Index k = 0; k < c; ++k) t(k) = static_cast<T>(value(k));
    return t;
}
struct Normalize {
    bool training;
    template <class T, int R, class D>
    auto operator()(Variable<T, R, D> const& x, Variable<Wide<T>, 1, D> const& w, Variable<Wide<T>, 1, D> const& b) const {
        auto const on_device = [&](double (*value)(Index)) { return to<D>(channels<Wide<T>>(w.size(), value)); };
        return batch_norm(x, w, b, on_device(running_mean), on_device(running_var), {.training = training});
    }
};
Bench const image{.shapes = {{1, 256, 256, 64}, {64}, {64}},
                  .flops = [](Shapes const& s) { return 6 * double(count(s[0])); }, .backward = 2};

Case<4, weights(1), weights(1)> const training({.name = "batch_norm", .variant = "training",
                              .reference = [](Arrays const& in) { return reference(in, true); },
                              .shapes = {{{1, 1, 2, 1}, {1}, {1}}, {{2, 3, 2, 5}, {5}, {5}}, {{1, 7, 5, 3}, {3}, {3}},
                                         {{4, 1, 1, 2}, {2}, {2}}, {{1, 3, 4, 17}, {17}, {17}}},
                              .gradient_floor = 1e-5,  // two elements, normalised: the gradient nearly cancels
                              .bench = image},
                             Normalize{true});
Case<2, weights(1), weights(1)> const vectors({.name = "batch_norm", .variant = "rank 2", .reference = [](Arrays const& in) { return reference(in, true); },
                             .shapes = {{{50, 3}, {3}, {3}}}, .bench = {.shapes = {{65536, 64}, {64}, {64}}, .backward = 2}},
                            Normalize{true});
Case<4, weights(1), weights(1)> const evaluation({.name = "batch_norm", .variant = "evaluation",
                                .reference = [](Arrays const& in) { return reference(in, false); },
                                .shapes = {{{1, 1, 1, 1}, {1}, {1}}, {{2, 3, 2, 5}, {5}, {5}}, {{1, 3, 4, 17}, {17}, {17}}},
                                .bench = image},
                               Normalize{false});
}  // namespace

TEST_CASE("batch_norm: values, gradients, float") { CHECK(failures_of("batch_norm") == ""); }

TEST_CASE("batch_norm computes what PyTorch does, and moves the running statistics as PyTorch does") {
    auto mean = from_values(Numbers{0.5, -1}), var = from_values(Numbers{2, 0.25});
    auto const with = [&](bool train) {
        return [&, train](auto const& x, auto const& w, auto const& b) { return batch_norm(x, w, b, mean, var, {.training = train}); };
    };
    CHECK(difference_from_torch<double>(with(true),
                                {{0.727968222, -0.196700015, -5.000765045, -0.036800059, -3.773179345, 0.123099897,
                                  -2.545593644, -0.623099897, -1.318007944, -0.463199941, -0.090422244, -0.303299985},
                                 {0.599533767, 0.174032489, 3.30970662, -0.236619784, -2.210615737, -0.06097222, -3.229790527, -0.294361015,
                                  0.25218225, 0.147786476, 1.278983627, 0.270134054},
                                 {6.086779096, -0.692899809}, {-1.5, 1.75}}, 2e-9, Shape{1, 2, 3, 2}, Shape{2}, Shape{2})
          == "");
    CHECK(difference_of(numbers_of(mean), {0.416666667, -0.9}, 1e-9) == "");
    CHECK(difference_of(numbers_of(var), {1.979166667, 0.39}, 1e-9) == "");
    CHECK(difference_from_torch<double>(with(false),
                                {{1.435614812, -0.510204914, -3.540103191, -0.209968475, -2.473877905, 0.090267964,
                                  -1.407652619, -1.310835419, -0.341427332, -1.010598979, 0.724797954, -0.71036254},
                                 {2.84326743, 0.200157626, 1.066225286, -0.600472878, -2.84326743, -0.300236439, -2.84326743, -0.600472878,
                                  1.066225286, 0.200157626, 2.84326743, 0.400315252},
                                 {6.086369343, 1.22096152}, {-1.5, 1.75}}, 2e-9, Shape{1, 2, 3, 2}, Shape{2}, Shape{2})
          == "");
    CHECK(difference_of(numbers_of(mean), {0.416666667, -0.9}, 1e-9) == "");
}

TEST_CASE("batch_norm: the tape keeps the statistics it used, whatever happens to the running ones") {
    auto const mean = zeros(Shape{2}), var = ones(Shape{2});
    Variable const x(spread<float>(Shape{1, 2, 3, 2}), true);
    Variable const w(ones(Shape{2}), true), b(zeros(Shape{2}), true);
    auto const y = batch_norm(x, w, b, mean, var, {.training = false, .eps = 0});
    mean.assign(5.f), var.assign(9.f);
    backward(y, spread_gradient<float>(y.shape()));
    CHECK(numbers_of(x.grad()) == numbers_of(spread_gradient<float>(y.shape())));
}

TEST_CASE("batch_norm is exact far from zero, in float") {
    auto const mean = zeros(Shape{1}), var = zeros(Shape{1});
    auto const x = Variable(Tensor(iota(Shape{101, 1}) + 1e5f));  // mean 100050, variance (101^2 - 1) / 12 = 850
    auto const y = batch_norm(x, Variable(ones(Shape{1})), Variable(zeros(Shape{1})), mean, var, {.momentum = 1});
    CHECK(mean(0) == 100050);
    CHECK(var(0) == Approx(850 * 101.0 / 100).epsilon(1e-6));
    for (Index k = 0; k < 101; ++k) CHECK(y.value()(k, 0) == Approx(double(k - 50) / std::sqrt(850.00001)).margin(1e-6));
}

TEST_CASE("batch_norm names the shapes that do not fit") {
    Variable const x(zeros(Shape{2, 3, 4, 5}));
    Variable const w(zeros(Shape{5})), wrong(zeros(Shape{4}));
    auto const five = zeros(Shape{5}), six = zeros(Shape{6});
    CHECK_THROWS_AS(batch_norm(x, wrong, w, five, five), ShapeError);
    CHECK_THROWS_WITH(batch_norm(x, wrong, w, five, five), "batch_norm: weight (4) and bias (5) do not fit the channels of x (2, 3, 4, 5)");
    CHECK_THROWS_WITH(batch_norm(x, w, w, six, five),
                      "batch_norm: running mean (6) and variance (5) do not fit the channels of x (2, 3, 4, 5)");
    Variable const single(zeros(Shape{1, 1, 1, 5}));
    CHECK_THROWS_WITH(batch_norm(single, w, w, five, five),
                      "batch_norm: x (1, 1, 1, 5) has 1 value(s) per channel: training needs two or more");
    CHECK(batch_norm(single, w, w, five, five, {.training = false}).shape() == single.shape());
}

TEST_CASE("batch_norm: the same bits for any number of threads") {
    CHECK(same_bits_for_any_threads(Normalize{true}, Shape{3, 41, 43, 37}, Shape{37}, Shape{37}));
    CHECK(same_bits_for_any_threads(Normalize{false}, Shape{3, 41, 43, 37}, Shape{37}, Shape{37}));
}
}  // namespace batch_norm_test
