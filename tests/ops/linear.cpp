// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <support/values.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/ops/linear.hpp>
#include <cmath>

namespace linear_test {
using namespace tacet;
using namespace tacet::test;

namespace {
Array reference(Arrays const& in) {
    Array const &x = in[0], &w = in[1];
    Extents shape = x.shape;
    shape.back() = w.extent(0);
    Array y(shape);
    for_each_index(shape, [&](Extents at) {
        double sum = in.size() > 2 ? in[2][{at.back()}] : 0;
        Extents from = at;
        for (from.back() = 0; from.back() < x.extent(-1); ++from.back()) sum += x[from] * w[{at.back(), from.back()}];
        y[at] = sum;
    });
    return y;
}
Bench const bench{.shapes = {{4096, 180}, {540, 180}, {540}}, .flops = [](Shapes const& s) { return 2 * double(count(s[0]) * s[1][0]); }};
auto const call = [](auto const&... in) { return linear(in...); };
Case<2, weights(2), weights(1)> const plain({.name = "linear",
                           .reference = reference,
                           .shapes = {{{1, 1}, {1, 1}, {1}}, {{5, 3}, {4, 3}, {4}}, {{20, 33}, {17, 33}, {17}}},
                           .bench = bench},
                          call);
Case<1, weights(2), weights(1)> const one_row({.name = "linear",
                             .variant = "one row",
                             .reference = reference,
                             .shapes = {{{3}, {2, 3}, {2}}},
                             .bench = {.shapes = {{180}, {540, 180}, {540}}, .flops = bench.flops}},
                            call);
Case<4, weights(2)> const images({.name = "linear",
                         .variant = "images, no bias",
                         .reference = reference,
                         .shapes = {{{2, 2, 3, 5}, {2, 5}}},
                         .bench = {.shapes = {{1, 64, 64, 60}, {180, 60}}, .flops = bench.flops}},
                        call);
Array gelu_reference(Arrays const& in) {
    Array y = reference(in);
    for (double& v : y.data) v *= 0.5 * std::erfc(-v / std::sqrt(2.0));
    return y;
}
Case<2, weights(2), weights(1)> const with_gelu({.name = "gelu",
                           .variant = "of a linear layer",
                           .reference = gelu_reference,
                           .shapes = {{{1, 1}, {1, 1}, {1}}, {{5, 3}, {4, 3}, {4}}, {{3, 2}, {2, 2}, {2}}, {{20, 33}, {17, 33}, {17}}},
                           .bench = {.shapes = {{4096, 60}, {120, 60}, {120}}, .flops = bench.flops}},
                          [](auto const& x, auto const& w, auto const& b) { return gelu(linear(x, w, b)); });
Case<3, weights(2)> const unbiased_gelu({.name = "gelu",
                         .variant = "of a linear layer without bias",
                         .reference = gelu_reference,
                         .shapes = {{{2, 3, 5}, {6, 5}}},
                         .bench = {.shapes = {{1, 4096, 60}, {120, 60}}, .flops = bench.flops}},
                        [](auto const& x, auto const& w) { return gelu(linear(x, w)); });
}  // namespace

TEST_CASE("linear: values, gradients, float") {
    CHECK(failures_of("linear") == "");
    CHECK(failures_of("gelu") == "");
}

TEST_CASE("linear of known numbers") {
    Variable<float, 1> const x(iota(Shape{3}));     // 0 1 2
    Variable<float, 2> const w(iota(Shape{2, 3}));  // 0 1 2; 3 4 5
    Variable<float, 1> const b(full(Shape{2}, 10.f));
    auto const y = linear(x, w, b).value();
    REQUIRE(y.shape() == Shape{2});
    CHECK(y(0) == 15);
    CHECK(y(1) == 24);
    CHECK(linear(x, w).value()(1) == 14);
}

TEST_CASE("linear and its gradients agree with sums in double") {
    for (auto const [rows, in, out] :
         {std::array<Index, 3>{1, 1, 1}, {7, 60, 180}, {300, 17, 5}, {1000, 3, 48}, {65, 131, 1}, {2, 16, 64}}) {
        auto const x = random_variable<float>(Shape{rows, in}, 1), b = random_variable<float>(Shape{rows, out}, 4);
        auto const w = random_variable<float>(Shape{out, in}, 2);
        auto const bias = random_variable<float>(Shape{out}, 3);
        Variable const y = linear(x, w, bias);
        backward(y, b.value());
        auto const at = [](auto const& t, auto... i) { return static_cast<double>(t(i...)); };
        double worst_y = 0, worst_x = 0, worst_w = 0, worst_b = 0;
        for (Index r = 0; r < rows; ++r) {
            for (Index o = 0; o < out; ++o) {
                double s = at(bias.value(), o);
                for (Index i = 0; i < in; ++i) s += at(x.value(), r, i) * at(w.value(), o, i);
                worst_y = std::max(worst_y, std::abs(s - at(y.value(), r, o)));
            }
            for (Index i = 0; i < in; ++i) {
                double s = 0;
                for (Index o = 0; o < out; ++o) s += at(b.value(), r, o) * at(w.value(), o, i);
                worst_x = std::max(worst_x, std::abs(s - at(x.grad(), r, i)));
            }
        }
        for (Index o = 0; o < out; ++o) {
            double sb = 0;
            for (Index r = 0; r < rows; ++r) sb += at(b.value(), r, o);
            worst_b = std::max(worst_b, std::abs(sb - at(bias.grad(), o)));
            for (Index i = 0; i < in; ++i) {
                double s = 0;
                for (Index r = 0; r < rows; ++r) s += at(b.value(), r, o) * at(x.value(), r, i);
                worst_w = std::max(worst_w, std::abs(s - at(w.grad(), o, i)));
            }
        }
        INFO(rows << " rows, " << in << " -> " << out);
        CHECK(worst_y < 1e-6 * static_cast<double>(in + 4));
        CHECK(worst_x < 1e-6 * static_cast<double>(out + 4));
        CHECK(worst_w < 1e-6 * static_cast<double>(rows + 4));
        CHECK(worst_b < 1e-6 * static_cast<double>(rows + 4));
    }
}

TEST_CASE("linear: the bits of a row do not depend on the other rows") {
    auto const x = random_variable<float>(Shape{333, 60}, 1, false);
    auto const w = random_variable<float>(Shape{180, 60}, 2, false);
    auto const all = linear(x, w).value();
    for (Index r : {0, 1, 95, 96, 200, 332}) {
        auto const row = Variable<float, 1>(Tensor<float, 1>::over(x.value().data() + r * 60, Shape{60}));
        CHECK(std::memcmp(linear(row, w).value().data(), all.data() + r * 180, 180 * sizeof(float)) == 0);
    }
}

TEST_CASE("linear: messages name both shapes") {
    auto const x = random_variable<float>(Shape{2, 3}, 1, false);
    CHECK(message_of([&] {
              linear(x, random_variable<float>(Shape{4, 5}, 1));
          })
          == "linear: x (2, 3) does not end in 5, the input width of w (4, 5)");
    CHECK(message_of([&] {
              linear(x, random_variable<float>(Shape{4, 3}, 1), random_variable<float>(Shape{3}, 1));
          })
          == "linear: w (4, 3) has the output width 4, but b has the shape (3)");
    CHECK(message_of([&] { linear(x, random_variable<float>(Shape{0, 3}, 1)); }) == "linear: w (0, 3) is empty");
}

TEST_CASE("linear: the same bits for any number of threads") {
    auto const f = [](auto const& x, auto const& w, auto const& b) { return linear(x, w, b); };
    CHECK(same_bits_for_any_threads(f, Shape{3, 1033, 60}, Shape{113, 60}, Shape{113}));
}
}  // namespace linear_test
