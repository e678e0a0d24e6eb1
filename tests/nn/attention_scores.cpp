// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/values.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/nn/attention_scores.hpp>

namespace attention_scores_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// The largest difference, by the root mean square.
template <class T, int R> double distance(Tensor<T, R> const& a, Tensor<T, R> const& b) {
    double worst = 0, squares = 0;
    for (Index k = 0; k < a.size(); ++k) {
        worst = std::max(worst, static_cast<double>(std::abs(a.data()[k] - b.data()[k])));
        squares += static_cast<double>(b.data()[k]) * static_cast<double>(b.data()[k]);
    }
    return worst / std::sqrt(squares / static_cast<double>(b.size()));
}
}  // namespace

TEST_CASE("Attention by parts is window_attention, forward and backward") {
    for (auto const& [window, shift, heads, h, w] :
         {std::array<Index, 5>{4, 0, 2, 8, 12}, {4, 2, 3, 12, 8}, {3, 1, 1, 3, 6}, {8, 4, 2, 8, 16}}) {
        WindowAttentionOptions const o{window, shift, heads};
        INFO("window " << window << ", shift " << shift);
        auto const run = [&](auto&& attention) {
            auto const qkv = random_variable(Shape{2, h, w, 3 * heads * 5}, 1);
            auto const table = random_variable(Shape{(2 * window - 1) * (2 * window - 1), heads}, 2);
            auto const y = attention(qkv, table);
            backward(y, random_variable(y.shape(), 3, false).value());
            return std::tuple(y.value(), qkv.grad(), table.grad());
        };
        auto const [y, gqkv, gtable] = run([&](auto const& a, auto const& b) { return window_attention(a, b, o); });
        auto const [y2, gqkv2, gtable2] = run([&](auto const& a, auto const& b) { return attention_by_parts(a, b, o); });
        CHECK(distance(y, y2) < 1e-12);
        CHECK(distance(gqkv, gqkv2) < 1e-12);
        CHECK(distance(gtable, gtable2) < 1e-12);
    }
}
}  // namespace attention_scores_test
