// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/known_values.hpp>
#include <support/op_case.hpp>
#include <tacet/ops/window_attention.hpp>
#include <tacet/tensor/move.hpp>
#include <tacet/tensor/factory.hpp>

namespace window_attention_test {
using namespace tacet;
using namespace tacet::test;

namespace {
/// Whether pixel b, seen from pixel a, is in the same window of the rolled image and on the same side of its edges.
bool meet(std::ptrdiff_t a, std::ptrdiff_t b, std::ptrdiff_t extent, WindowAttentionOptions const& o) {
    auto const rolled = [&](std::ptrdiff_t i) { return ((i - o.shift) % extent + extent) % extent; };
    bool const together = rolled(a) / o.window == rolled(b) / o.window;
    return together && (rolled(a) > a) == (rolled(b) > b);
}
/// For each pixel and head by itself: the softmax over all pixels that it meets.
auto attention(WindowAttentionOptions const& o) {
    return [o](Arrays const& in) {
        Array const &qkv = in[0], &table = in[1];
        auto const height = qkv.extent(1), width = qkv.extent(2), c = qkv.extent(3) / 3, d = c / o.heads;
        Array y({qkv.extent(0), height, width, c});
        for_each_index({qkv.extent(0), height, width, o.heads}, [&](Extents const& i) {
            std::vector<double> weight;
            std::vector<Extents> seen;
            double sum = 0;
            for_each_index({height, width}, [&](Extents const& k) {
                if (!meet(i[1], k[0], height, o) || !meet(i[2], k[1], width, o)) return;
                if (in.size() > 2 && in[2][{i[0], k[0], k[1]}] == 0) return;
                double product = 0;
                for (std::ptrdiff_t m = i[3] * d; m < (i[3] + 1) * d; ++m)
                    product += qkv[{i[0], i[1], i[2], m}] * qkv[{i[0], k[0], k[1], c + m}];
                auto const row = (i[1] - k[0] + o.window - 1) * (2 * o.window - 1) + i[2] - k[1] + o.window - 1;
                weight.push_back(std::exp(product / std::sqrt(double(d)) + table[{row, i[3]}]));
                seen.push_back(k);
                sum += weight.back();
            });
            for (std::size_t n = 0; n < seen.size(); ++n)
                for (std::ptrdiff_t m = i[3] * d; m < (i[3] + 1) * d; ++m)
                    y[{i[0], i[1], i[2], m}] += weight[n] / sum * qkv[{i[0], seen[n][0], seen[n][1], 2 * c + m}];
        });
        return y;
    };
}

/// 256 windows, with 30 channels for each head.
Bench bench(WindowAttentionOptions const& o) {
    Index const c = o.heads * 30, side = 2 * o.window - 1, edge = 16 * o.window;
    return {.shapes = {{1, edge, edge, 3 * c}, {side * side, o.heads}, {1, edge, edge}},
            .flops = [=](Shapes const&) { return 4.0 * double(edge * edge * o.window * o.window * c); },
            .backward = 2.5};
}

Case<4, weights(2)> without_mask(std::string variant, WindowAttentionOptions o, std::vector<Shapes> shapes) {
    Bench b = bench(o);
    b.shapes.pop_back();
    return {{.name = "window_attention", .variant = variant, .reference = attention(o), .shapes = std::move(shapes),
             .float_tolerance = 2e-5, .bench = b},
            [o](auto const& qkv, auto const& table) { return window_attention(qkv, table, o); }};
}
Case<4, weights(2), 3> with_mask(std::string variant, WindowAttentionOptions o, std::vector<Shapes> shapes) {
    return {{.name = "window_attention", .variant = variant, .reference = attention(o), .shapes = std::move(shapes),
             .inputs = {{}, {}, {.differentiable = false, .binary = true}}, .float_tolerance = 2e-5, .bench = bench(o)},
            [o](auto const& qkv, auto const& table, auto const& keep) {
                return window_attention(qkv, table, o, Tensor(cast<std::uint8_t>(keep.value())));
            }};
}

// One number as query, key and value of one token: qkv itself cannot have one element.
Case<4, weights(2)> const single({.name = "window_attention", .variant = "one token", .reference = [](Arrays const& in) { return in[0]; },
                         .shapes = {{{1, 1, 1, 1}, {1, 1}}}, .bench = {.shapes = {{1, 128, 128, 1}, {1, 1}}}},
                        [](auto const& x, auto const& table) {
                            using X = std::decay_t<decltype(x)>;
                            auto const threefold = zeros<typename X::value_type>(Shape{1, x.shape()[1], x.shape()[2], 3});
                            Variable const qkv = x + to<typename X::device_type>(threefold);
                            return window_attention(qkv, table, {.window = 1});
                        });
auto const plain = without_mask("8", {.window = 8}, {{{1, 1, 1, 3}, {225, 1}}, {{1, 3, 5, 6}, {225, 1}}, {{1, 8, 8, 3}, {225, 1}}});
auto const heads = without_mask("2, 3 heads", {.window = 2, .heads = 3},
                                {{{1, 2, 2, 9}, {9, 3}}, {{2, 3, 4, 90}, {9, 3}}, {{1, 5, 3, 135}, {9, 3}}, {{1, 2, 2, 270}, {9, 3}},
                                 {{1, 2, 1, 288}, {9, 3}}, {{1, 2, 2, 540}, {9, 3}}, {{1, 1, 2, 576}, {9, 3}}});
auto const large = without_mask("9", {.window = 9}, {{{1, 3, 4, 6}, {289, 1}}, {{1, 2, 9, 102}, {289, 1}}});
auto const shifted = without_mask("3 shifted by 1", {.window = 3, .shift = 1, .heads = 2},
                                  {{{1, 6, 6, 6}, {25, 2}}, {{1, 7, 5, 18}, {25, 2}}, {{1, 2, 3, 6}, {25, 2}}});
auto const masked = with_mask("4 shifted by 2, mask", {.window = 4, .shift = 2, .heads = 2},
                              {{{1, 8, 8, 6}, {49, 2}, {1, 8, 8}}, {{1, 5, 6, 12}, {49, 2}, {1, 5, 6}}});
auto const swin = with_mask("8 shifted by 4, mask", {.window = 8, .shift = 4, .heads = 6}, {{{1, 9, 3, 18}, {225, 6}, {1, 9, 3}}});
}  // namespace

TEST_CASE("window_attention: values, gradients, float") { CHECK(failures_of("window_attention") == ""); }

TEST_CASE("window_attention computes what PyTorch does in Swin: rolled, with -100 between regions") {
    CHECK(difference_from_torch([](auto const& x, auto const& t) { return window_attention(x, t, {.window = 2, .shift = 1, .heads = 2}); },
                                {{0.75, -1.75, -1.5, 0.25, 0.2870118, -1.468143039, -1.977476752, -0.021274761, 0.479910633, 1.678570125,
                                  -1.78324106, -0.218519309, 0, 1.75, 2, -0.5},
                                 {0, 0, 0, 0, -2, -0.5, 0, 0, 0, 0, -0.75, 1.5, 0.015766153, -0.086463563, 0.10188074, 0.062076907,
                                  -0.393637502, 0.610098085, 0.010247031, 0.007299112, 0.018574157, 0.009398979, -1.553885532,
                                  1.246428668, -0.003464069, 0.036950073, -0.10188074, -0.062076907, 1.643637502, -0.360098085,
                                  -0.014410594, -0.006879139, -0.018574157, -0.009398979, 1.553885532, -0.746428668, 0, 0, 0, 0, -1.75,
                                  0, 0, 0, 0, 0, 0, -1.75},
                                 {0, 0, -0.104052736, 0.316657804, 0, 0, 0, 0, 0.175551389, -0.436941541, 0, 0, 0, 0, -0.071498653,
                                  0.120283737, 0, 0}}, Shape{1, 4, 2, 6}, Shape{9, 2})
          == "");
}

TEST_CASE("window_attention: a token that sees none gives 0, and passes no gradient") {
    Rng rng(1);
    Shape const image{1, 8, 8, 3};
    Variable const qkv(randn(image, rng), true);
    Variable const table(randn(Shape{225, 1}, rng), true);
    Tensor<std::uint8_t, 3> const keep(Shape{1, 8, 8});
    for (Index k = 0; k < keep.size(); ++k) keep.data()[k] = k / 8 < 4;  // below, the shifted window is of other regions
    auto const y = window_attention(qkv, table, {.window = 8, .shift = 4}, keep);
    for (Index i = 0; i < 8; ++i)
        for (Index j = 0; j < 8; ++j) CHECK((y.value()(0, i, j, 0) == 0) == (i >= 4));
    backward(y, randn(y.shape(), rng));
    for (Index i = 4; i < 8; ++i)
        for (Index j = 0; j < 8; ++j)
            for (Index c = 0; c < 3; ++c) CHECK(qkv.grad()(0, i, j, c) == 0);

    auto const none = window_attention(qkv, table, {}, Tensor<std::uint8_t, 3>(zeros<std::uint8_t>(Shape{1, 8, 8})));
    for (Index k = 0; k < none.size(); ++k) CHECK(none.value().data()[k] == 0);
}

TEST_CASE("window_attention: logits of any size") {
    Variable const qkv(Tensor<float, 4>(1e18f * spread<float>(Shape{1, 8, 8, 18})), true);
    Variable const table(zeros(Shape{225, 2}), true);
    auto const y = window_attention(qkv, table, {.heads = 2});
    backward(y, y.value());
    for (Index k = 0; k < y.size(); ++k) REQUIRE(std::isfinite(y.value().data()[k]));
}

TEST_CASE("window_attention: images without pixels") {
    Variable const qkv(zeros(Shape{0, 8, 8, 6}), true);
    Variable const table(zeros(Shape{225, 1}), true);
    auto const y = window_attention(qkv, table, {});
    CHECK(y.shape() == Shape{0, 8, 8, 2});
    backward(y, y.value());
    CHECK(table.grad()(0, 0) == 0);
}

TEST_CASE("window_attention: the same bits for any number of threads") {
    auto const f = [](auto const& x, auto const& t) { return window_attention(x, t, {.shift = 4, .heads = 2}); };
    CHECK(same_bits_for_any_threads(f, Shape{3, 41, 43, 42}, Shape{225, 2}));
}

TEST_CASE("window_attention names what does not fit") {
    Variable const qkv(zeros(Shape{1, 8, 8, 12}));
    Variable const table(zeros(Shape{225, 2}));
    auto const of = [&](WindowAttentionOptions const& o) { return window_attention(qkv, table, o); };
    CHECK_THROWS_AS(of({.window = 0}), ShapeError);
    CHECK_THROWS_WITH(of({.window = 0}), "window_attention: the window 0 is not between 1 and 64");
    CHECK_THROWS_WITH(of({.window = 8, .shift = 8}), "window_attention: the shift 8 is not at least 0 and below the window 8");
    CHECK_THROWS_WITH(of({.window = 8, .shift = -1}), "window_attention: the shift -1 is not at least 0 and below the window 8");
    CHECK_THROWS_WITH(of({.heads = 0}), "window_attention: 0 heads");
    CHECK_THROWS_WITH(of({.heads = 5}), "window_attention: the channels of qkv (1, 8, 8, 12) are not 3 times 5 heads");
    CHECK_THROWS_WITH(of({.heads = 4}), "window_attention: the table of biases (225, 2) is not (225, 4), (2 window - 1)^2 by heads");
    CHECK_THROWS_WITH(of({.window = 4, .heads = 2}),
                      "window_attention: the table of biases (225, 2) is not (49, 2), (2 window - 1)^2 by heads");
    CHECK_THROWS_WITH(window_attention(Variable(zeros(Shape{1, 1, 1, 195})), Variable(zeros(Shape{225, 1})), {}),
                      "window_attention: heads of 65 channels, at most 64 are possible");
    CHECK_THROWS_WITH(window_attention(qkv, table, {.heads = 2}, Tensor<std::uint8_t, 3>(Shape{1, 8, 7})),
                      "window_attention: the mask (1, 8, 7) does not fit qkv (1, 8, 8, 12)");
}
}  // namespace window_attention_test
