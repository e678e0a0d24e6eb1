// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/values.hpp>
#include <tacet/nn/attention_mask.hpp>
#include <cmath>
#include <set>

namespace attention_mask_test {
using namespace tacet;

namespace {
double kept(auto const& mask) {
    double sum = 0;
    for (Index i = 0; i < mask.size(); ++i) sum += mask.data()[i];
    return sum / static_cast<double>(mask.size());
}
/// The share of tokens on which two masks agree.
double agreement(Tensor<std::uint8_t, 3> const& a, Tensor<std::uint8_t, 3> const& b) {
    double same = 0;
    for (Index i = 0; i < a.size(); ++i) same += a.data()[i] == b.data()[i];
    return same / static_cast<double>(a.size());
}
}  // namespace

TEST_CASE("A token is kept when its word of the named stream says so", "[nn][mask]") {
    AttentionMaskKey const key{.seed = 77, .draw = 5, .layer = 3, .image = 2};
    auto const keep = attention_keep_masks(key, {75, 75}, Shape{2, 9, 13, 3}, 4, 6);
    for (Index n = 0; n < 2; ++n)
        for (Index y = 0; y < 9; ++y)
            for (Index x = 0; x < 13; ++x)
                for (Index h = 0; h < 3; ++h) {
                    Stream const stream{.seed = 77, .purpose = Purpose::attention_mask, .image = 3u << 16 | unsigned(2 + n), .epoch = 5};
                    auto const index = std::uint64_t(h) << 40 | std::uint64_t(y + 4) << 20 | std::uint64_t(x + 6);
                    REQUIRE(keep(n, y, x, h) == (u32_at(stream, index) >= 3u << 30));
                }
}

TEST_CASE("Attention masks have the ratio asked for, independent over tokens, rows, layers, draws, pictures, heads and seeds", "[nn][mask]") {
    Shape const shape{1, 200, 300};
    for (int percent : {0, 1, 50, 65, 75, 99, 100}) {
        double const p = percent / 100., deviation = std::sqrt(p * (1 - p) / 60000);
        CHECK(std::abs(kept(attention_keep_mask({.seed = 1}, {percent, percent}, shape)) - (1 - p)) <= 4 * deviation);
    }
    auto const base = attention_keep_mask({.seed = 1}, {50, 50}, shape);
    double const margin = 4 * 0.5 / std::sqrt(60000);
    for (AttentionMaskKey const& key : {AttentionMaskKey{.seed = 2}, AttentionMaskKey{.seed = 1, .draw = 1},
                                        AttentionMaskKey{.seed = 1, .layer = 1}, AttentionMaskKey{.seed = 1, .image = 1}})
        CHECK(agreement(base, attention_keep_mask(key, {50, 50}, shape)) == Approx(0.5).margin(margin));
    CHECK(agreement(base, attention_keep_mask({.seed = 1}, {50, 50}, shape, 0, 1)) == Approx(0.5).margin(margin));
    CHECK(agreement(base, attention_keep_mask({.seed = 1}, {50, 50}, shape, 1, 0)) == Approx(0.5).margin(margin));
    auto const heads = attention_keep_masks({.seed = 1}, {50, 50}, Shape{1, 200, 300, 6});
    double both = 0;
    for (Index i = 0; i < 60000; ++i) {
        REQUIRE(heads.data()[6 * i] == base.data()[i]);  // the shared mask is that of the first head
        both += heads.data()[6 * i] == heads.data()[6 * i + 5];
    }
    CHECK(both / 60000 == Approx(0.5).margin(margin));
    CHECK(kept(heads) == Approx(0.5).margin(margin));
}

TEST_CASE("The ratio is drawn once per layer and pass, both ends included", "[nn][mask]") {
    std::set<int> seen;
    double sum = 0;
    for (std::uint32_t draw = 0; draw < 3100; ++draw) {
        int const percent = attention_mask_percent({.seed = 4, .draw = draw, .layer = 7}, {60, 90});
        seen.insert(percent), sum += percent;
        REQUIRE(attention_mask_percent({.seed = 4, .draw = draw, .layer = 7, .image = 5}, {60, 90}) == percent);  // all pictures share it
    }
    CHECK((*seen.begin() == 60 && *seen.rbegin() == 90 && seen.size() == 31));
    CHECK(sum / 3100 == Approx(75).margin(4 * 8.94 / std::sqrt(3100)));
    int const percent = attention_mask_percent({.seed = 9}, {60, 90});
    auto const keep = attention_keep_mask({.seed = 9}, {60, 90}, Shape{2, 200, 200});
    CHECK(kept(keep) == Approx(1 - percent / 100.).margin(0.006));
}

TEST_CASE("A tile has its part of the picture's mask, and a part of a batch its part of the batch's", "[nn][mask]") {
    AttentionMaskKey const key{.seed = 3, .draw = 8, .layer = 23};
    PercentRange const range{60, 90};
    auto const whole = attention_keep_masks(key, range, Shape{3, 70, 50, 2});
    for (auto const& [top, left] : {std::pair<Index, Index>{0, 0}, {24, 16}, {13, 7}, {37, 22}}) {
        auto const tile = attention_keep_masks(key, range, Shape{3, 33, 28, 2}, top, left);
        for (Index n = 0; n < 3; ++n)
            for (Index y = 0; y < 33; ++y)
                for (Index x = 0; x < 28; ++x)
                    for (Index h = 0; h < 2; ++h) REQUIRE(tile(n, y, x, h) == whole(n, top + y, left + x, h));
    }
    auto later = key;
    later.image = 2;
    auto const third = attention_keep_masks(later, range, Shape{1, 70, 50, 2});
    CHECK(std::equal(third.data(), third.data() + third.size(), whole.data() + 2 * third.size()));
}

TEST_CASE("Masks are the same for any number of threads, and at the far end of the largest picture", "[nn][mask]") {
    int const threads = num_threads();
    AttentionMaskKey const key{.seed = 3, .draw = 0xffffffff, .layer = 65535};
    auto const draw = [&] { return attention_keep_masks(key, {75, 75}, Shape{2, 150, 131, 2}, (1 << 20) - 150, (1 << 20) - 131); };
    set_num_threads(1);
    auto const one = draw();
    for (int n : {2, 5}) {
        set_num_threads(n);
        CHECK(test::same_bits(draw(), one));
    }
    set_num_threads(threads);
    CHECK(kept(one) == Approx(0.25).margin(0.01));
    CHECK(attention_keep_mask(key, {1, 2}, Shape{1, 0, 8}).size() == 0);
}

TEST_CASE("Attention masks refuse ratios outside 0 to 100, and positions that have no word", "[nn][mask]") {
    Shape const shape{1, 8, 8};
    CHECK_THROWS_WITH(attention_keep_mask({}, {-1, 5}, shape), "attention mask: percentages lie between 0 and 100, not -1 to 5");
    CHECK_THROWS_WITH(attention_mask_percent({}, {50, 101}), "attention mask: percentages lie between 0 and 100, not 50 to 101");
    CHECK_THROWS_WITH(attention_keep_mask({}, {80, 70}, shape), "attention mask: the range 80 to 70 % is empty");
    CHECK_THROWS_WITH(attention_keep_mask({.layer = 65536}, {}, shape), "attention mask: layer 65536 is not between 0 and 65535");
    CHECK_THROWS_WITH(attention_keep_mask({.image = 65536}, {}, shape), "attention mask: picture 65536 of a batch of shape (1, 8, 8, 1)");
    CHECK_THROWS_WITH(attention_keep_masks({}, {}, Shape{1, 8, 8, 257}), "attention mask: 257 heads");
    CHECK_THROWS_AS(attention_keep_mask({}, {}, shape, -1, 0), ShapeError);
    CHECK_THROWS_WITH(attention_keep_mask({}, {}, shape, 0, (1 << 20) - 7),
                      "attention mask: a tile of shape (1, 8, 8, 1) at (0, 1048569) reaches beyond 1048576 pixels");
}
}  // namespace attention_mask_test
