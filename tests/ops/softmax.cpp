// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/softmax.hpp>
#include <tacet/tensor/factory.hpp>
#include <limits>

namespace softmax_test {
using namespace tacet;
using namespace tacet::test;

namespace {
Array normalized(Arrays const& in) {
    Array y(in[0].shape);
    for_each_index(y.shape, [&](Extents const& i) {
        double sum = 0;  // of exp(x_k - x_i)
        Extents at = i;
        for (at.back() = 0; at.back() < y.extent(-1); ++at.back()) sum += std::exp(in[0][at] - in[0][i]);
        y[i] = 1 / sum;
    });
    return y;
}
Case<2> const rows({.name = "softmax", .variant = "rows", .reference = normalized,
                    .shapes = {{{1, 1}}, {{3, 5}}, {{7, 2}}, {{2, 16}}, {{1, 33}}, {{4, 64}}},
                    .bench = {.shapes = {{24576, 64}}, .flops = [](Shapes const& s) { return 5 * double(count(s[0])); }, .backward = 1}},
                   [](auto const& x) { return softmax(x); });
Case<4> const attention({.name = "softmax", .variant = "rank 4", .reference = normalized, .shapes = {{{2, 3, 1, 7}}, {{1, 2, 2, 19}}},
                         .bench = {.shapes = {{4, 6, 64, 64}}, .backward = 1}},
                        [](auto const& x) { return softmax(x); });
}  // namespace

TEST_CASE("softmax: values, gradients, float") { CHECK(failures_of("softmax") == ""); }

TEST_CASE("softmax computes what PyTorch does") {
    CHECK(difference_from_torch([](auto const& x) { return softmax(x); },
                                {{0.016802489, 0.096691645, 0.556422002, 0.045673899, 0.262835143, 0.021574822,
                                  0.087317892, 0.502479772, 0.041246051, 0.237354638, 0.019483255, 0.112118392},
                                 {-0.035471649, -0.059087776, -0.479132176, 0.063436709, 0.496470628, 0.013784263,
                                  0.11982995, 0.438333867, -0.056822981, -0.267655018, -0.051195344, -0.182490474}}, Shape{2, 6})
          == "");
}

TEST_CASE("softmax does not overflow, and shows what has no answer") {
    auto const infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    auto const of = [](std::vector<float> const& v) { return numbers_of(softmax(Variable(from_values(v))).value()); };
    CHECK(of({1e30f, 1e30f, -1e30f, 1e30f, 1e30f}) == Numbers{0.25, 0.25, 0, 0.25, 0.25});
    CHECK(of({-1e30f}) == Numbers{1});
    CHECK(of({-infinity, 3}) == Numbers{0, 1});
    CHECK(std::isnan(of({-infinity, -infinity})[1]));
    for (std::size_t n : {3u, 40u})
        for (std::size_t where : {std::size_t(0), n / 2, n - 1}) {
            std::vector<float> v(n, 1.f);
            v[where] = nan;
            for (double e : of(v)) CHECK(std::isnan(e));
        }
    CHECK(softmax(Variable(zeros(Shape{3, 0}))).shape() == Shape{3, 0});
    CHECK(softmax(Variable(zeros(Shape{0, 3}))).shape() == Shape{0, 3});
}

TEST_CASE("softmax: the same bits for any number of threads") {
    CHECK(same_bits_for_any_threads([](auto const& x) { return softmax(x); }, Shape{2011, 37}));
}
}  // namespace softmax_test
