// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>

namespace loss_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// The mean of f over corresponding elements.
auto mean_of(double (*f)(double)) {
    return [f](Arrays const& in) {
        Array y(Extents{});
        for (std::size_t k = 0; k < in[0].data.size(); ++k) y.data[0] += f(in[0].data[k] - in[1].data[k]) / double(in[0].size());
        return y;
    };
}
auto masked_mean_of(double (*f)(double), bool over_mask) {
    return [=](Arrays const& in) {
        Array const e = elementwise(in, [f](auto const& v) { return v[2] * f(v[0] - v[1]); });
        Array const m = elementwise(in, [](auto const& v) { return v[2]; });
        double sum = 0, weight = 0;
        for (double v : e.data) sum += v;
        for (double v : m.data) weight += v;
        Array y(Extents{});
        y.data[0] = over_mask ? (weight == 0 ? 0 : sum / weight) : sum / static_cast<double>(e.size());
        return y;
    };
}
double magnitude(double d) { return std::fabs(d); }
double squared(double d) { return d * d; }
double charbonnier(double d) { return std::sqrt(d * d + 0.01); }

std::vector<Shapes> same(std::vector<Extents> const& shapes) {
    std::vector<Shapes> runs;
    for (auto const& s : shapes) runs.push_back({s, s});
    return runs;
}
std::vector<Shapes> const images = same({{1, 1, 1}, {3, 5, 3}, {7, 2, 1}, {1, 9, 4}, {13, 11, 3}});
std::vector<Shapes> const masked{{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}}, {{3, 5, 3}, {3, 5, 3}, {3, 5, 1}}, {{7, 2, 1}, {7, 2, 1}, {7, 2, 1}},
                                 {{4, 9, 4}, {4, 9, 4}, {1, 9, 1}}, {{5, 11, 3}, {5, 11, 3}, {5, 1, 1}}};
Bench const pair{.shapes = {{256, 256, 32}, {256, 256, 32}}, .flops = [](Shapes const& s) { return 3 * double(count(s[0])); }};
Bench const triple{.shapes = {{256, 256, 32}, {256, 256, 32}, {256, 256, 1}},
                   .flops = [](Shapes const& s) { return 4 * double(count(s[0])); }};
Domain const mask{.low = 0, .high = 1, .differentiable = false, .binary = true};

Case<3, 3> const l1({.name = "l1_loss", .reference = mean_of(magnitude), .shapes = images, .bench = pair},
                    [](auto const& x, auto const& y) { return l1_loss(x, y); });
Case<3, 3> const l2({.name = "l2_loss", .reference = mean_of(squared), .shapes = images, .bench = pair},
                    [](auto const& x, auto const& y) { return l2_loss(x, y); });
Case<3, 3> const smooth({.name = "charbonnier_loss", .reference = mean_of(charbonnier), .shapes = images, .bench = pair},
                        [](auto const& x, auto const& y) { return charbonnier_loss(x, y, 0.1); });
Case<3, 3, 3> const masked_l1({.name = "masked_l1_loss", .reference = masked_mean_of(magnitude, false), .shapes = masked,
                               .inputs = {{}, {}, mask}, .bench = triple},
                              [](auto const& x, auto const& y, auto const& m) { return masked_l1_loss(x, y, m.value(), MeanOver::all); });
Case<3, 3, 3> const masked_l2({.name = "masked_l2_loss", .reference = masked_mean_of(squared, true), .shapes = masked,
                               .inputs = {{}, {}, mask}, .bench = triple},
                              [](auto const& x, auto const& y, auto const& m) { return masked_l2_loss(x, y, m.value() > 0); });
}  // namespace

TEST_CASE("l1_loss: values, gradients, float") { CHECK(failures_of("l1_loss") == ""); }
TEST_CASE("l2_loss: values, gradients, float") { CHECK(failures_of("l2_loss") == ""); }
TEST_CASE("charbonnier_loss: values, gradients, float") { CHECK(failures_of("charbonnier_loss") == ""); }
TEST_CASE("masked_l1_loss: values, gradients, float") { CHECK(failures_of("masked_l1_loss") == ""); }
TEST_CASE("masked_l2_loss: values, gradients, float") { CHECK(failures_of("masked_l2_loss") == ""); }

TEST_CASE("losses refuse targets of another shape, and say both shapes") {
    auto const x = ones(Shape{4, 3}), y = ones(Shape{4, 1});
    CHECK_THROWS_AS(l2_loss(x, y), ShapeError);
    CHECK_THROWS_WITH(l1_loss(x, y), contains("l1_loss: the prediction (4, 3) and the target (4, 1) differ"));
    CHECK_THROWS_WITH(masked_l2_loss(x, x, ones(Shape{2, 3})), contains("cannot broadcast (2, 3) to (4, 3)"));
    CHECK_THROWS_WITH(charbonnier_loss(x, x, 0), contains("eps is 0"));
    CHECK_THROWS_WITH(l2_loss(zeros(Shape{0, 3}), zeros(Shape{0, 3})), contains("no elements"));
}

TEST_CASE("a mask that chooses nothing gives the loss 0 and the gradient 0") {
    auto const x = Variable(full(Shape{2, 3}, 2.f), true);
    auto const loss = masked_l1_loss(x, zeros(Shape{2, 3}), zeros(Shape{2, 3}));
    CHECK(item(loss.value()) == 0);
    backward(loss);
    for (Index k = 0; k < 6; ++k) CHECK(x.grad().data()[k] == 0);
}

TEST_CASE("a masked mean counts the chosen elements of a broadcast mask") {
    auto const x = full(Shape{2, 2, 3}, 5.f), y = full(Shape{2, 2, 3}, 2.f);
    auto const chosen = from_values(std::vector<float>{1, 0, 0, 0}).reshape(Shape{2, 2, 1});
    CHECK(item(masked_l2_loss(x, y, chosen)) == 9);
    CHECK(item(masked_l2_loss(x, y, chosen, MeanOver::all)) == 9.f / 4);
    CHECK(item(masked_l1_loss(x, y, chosen == 0)) == 3);
}

TEST_CASE("losses: the same bits for any number of threads") {
    Shape const s{3, 131, 173, 3};
    CHECK(same_bits_for_any_threads([](auto const& x, auto const& y) { return Variable(l2_loss(x, y)); }, s, s));
    CHECK(same_bits_for_any_threads([](auto const& x, auto const& y) { return Variable(charbonnier_loss(x, y)); }, s, s));
    auto const masked_loss = [](auto const& x, auto const& y, auto const& m) { return Variable(masked_l1_loss(x, y, m)); };
    CHECK(same_bits_for_any_threads(masked_loss, s, s, Shape{3, 131, 173, 1}));
}
}  // namespace loss_test
