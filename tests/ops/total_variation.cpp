// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/total_variation.hpp>
#include <tacet/tensor/factory.hpp>
#include <cmath>

namespace total_variation_test {
using namespace tacet;
using namespace tacet::test;

namespace {
Array reference(Arrays const& in) {
    Array const& x = in[0];
    Array y(Extents{});
    for_each_index(x.shape, [&](Extents const& i) {
        auto right = i, below = i;
        ++right[2], ++below[1];
        double const dx = right[2] < x.extent(2) ? x[right] - x[i] : 0, dy = below[1] < x.extent(1) ? x[below] - x[i] : 0;
        y.data[0] += std::sqrt(dx * dx + dy * dy + 0.01) / static_cast<double>(x.size());
    });
    return y;
}
Case<4> const smooth({.name = "total_variation",
                      .reference = reference,
                      .shapes = {{{1, 1, 1, 1}}, {{2, 3, 5, 3}}, {{1, 1, 9, 2}}, {{3, 8, 1, 1}}, {{1, 13, 7, 4}}},
                      .bench = {.shapes = {{8, 128, 128, 3}}, .flops = [](Shapes const& s) { return 7 * double(count(s[0])); }}},
                     [](auto const& x) { return total_variation(x, 0.1); });
}  // namespace

TEST_CASE("total_variation: values, gradients, float") { CHECK(failures_of("total_variation") == ""); }

TEST_CASE("total_variation of a step is its height, and images of a batch do not touch") {
    auto x = zeros<double>(Shape{2, 4, 4, 1});
    for (Index h = 0; h < 4; ++h) x(1, h, 2, 0) = x(1, h, 3, 0) = 3;
    CHECK(item(total_variation(x, 1e-9)) == Approx(4 * 3.0 / 32));
    CHECK_THROWS_WITH(total_variation(x, 0), contains("eps is 0"));
    CHECK_THROWS_WITH(total_variation(Tensor<float, 4>(Shape{0, 2, 2, 1})), contains("no elements to average in (0, 2, 2, 1)"));
}

TEST_CASE("total_variation gives the same bits for any number of threads") {
    struct Restore {
        int before = num_threads();
        ~Restore() { set_num_threads(before); }
    } const restore;
    Rng rng(3);
    auto const x = Variable(randn(Shape{3, 61, 67, 3}, rng), true);
    auto const bits = [&](int threads) {
        set_num_threads(threads);
        x.zero_grad();
        auto const y = total_variation(x);
        backward(y);
        std::vector<float> all(x.grad().data(), x.grad().data() + x.size());
        all.push_back(item(y.value()));
        return all;
    };
    auto const one = bits(1);
    CHECK(bits(2) == one);
    CHECK(bits(4) == one);
}
}  // namespace total_variation_test
