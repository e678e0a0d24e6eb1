// SPDX-License-Identifier: MIT
// Draws, masks, self-ensemble and blended tiles, on networks so simple that their results are known.
#include <support/catch.hpp>
#include <support/seams.hpp>
#include <support/values.hpp>
#include <tacet/denoise/denoise.hpp>
#include <limits>

namespace options_test {
using namespace tacet;
using namespace tacet::test;

namespace {

struct FieldDraws {
    std::uint64_t seed = 7;
    std::uint32_t draw = 0;
    Index image = 0, top = 0, left = 0;
    std::optional<PercentRange> percent = {};
};

/// What a network with masks adds to the pixel (i, j) in one draw.
float field(FieldDraws const& d, Index i, Index j) {
    Stream const stream{.seed = d.seed, .purpose = Purpose::own, .image = 0, .epoch = d.draw};
    return uniform_at(stream, static_cast<std::uint64_t>(i << 20 | j)) * static_cast<float>(d.percent->high) / 100;
}

/// Adds a random field that is keyed like attention masks and as strong as the share of hidden tokens.
struct Drawing {
    static constexpr Index multiple = 4, context = 8;
    static constexpr float offset = 0;
    char const* name = "drawing";
    FieldDraws draws;
    PercentRange own{75, 75};
    bool takes = true;

    Variable<float, 4> operator()(Variable<float, 4> const& x, FieldDraws d) const {
        if (!d.percent) d.percent = own;
        auto const y = x.value().clone();
        for (Index i = 0; i < y.shape()[1]; ++i)
            for (Index j = 0; j < y.shape()[2]; ++j)
                for (Index c = 0; c < y.shape()[3]; ++c) y(0, i, j, c) += field(d, d.top + i, d.left + j);
        return Variable<float, 4>(y);
    }
    bool takes_masks() const { return takes; }
    PercentRange own_mask() const { return own; }
    Index in_channels() const { return 3; }
    Index floats_per_pixel() const { return 10; }
};

/// Running averages along rows, then columns: sees everything before a pixel, with weights that fade.
struct Fading {
    static constexpr Index multiple = 8, context = 256, margin = 32;
    static constexpr float offset = 0, keep = 0.85f;
    Variable<float, 4> operator()(Variable<float, 4> const& x) const {
        auto const y = x.value().clone();
        for (Index i = 0; i < y.shape()[1]; ++i)
            for (Index j = 0; j < y.shape()[2]; ++j) {
                if (j > 0) y(0, i, j, 0) = keep * y(0, i, j - 1, 0) + (1 - keep) * y(0, i, j, 0);
            }
        for (Index i = 1; i < y.shape()[1]; ++i)
            for (Index j = 0; j < y.shape()[2]; ++j) y(0, i, j, 0) = keep * y(0, i - 1, j, 0) + (1 - keep) * y(0, i, j, 0);
        return Variable<float, 4>(y);
    }
    Index in_channels() const { return 1; }
    Index floats_per_pixel() const { return 10; }
};

Tensor<float, 3> picture(Index h, Index w, Index c) {
    Rng rng(static_cast<std::uint64_t>(h * 1000 + w));
    return uniform(Shape{h, w, c}, rng);
}

}  // namespace

TEST_CASE("Draws are averaged, each has its own number, and the seed and the mask are the caller's") {
    Drawing const network;
    auto const image = picture(9, 14, 3);
    auto const expected = [&](std::uint64_t seed, int draws, int percent) {
        auto y = image.clone();
        for (Index i = 0; i < 9; ++i)
            for (Index j = 0; j < 14; ++j)
                for (int k = 0; k < draws; ++k)
                    for (Index c = 0; c < 3; ++c)
                        y(i, j, c) += field({.seed = seed, .draw = std::uint32_t(k), .percent = PercentRange{percent, percent}}, i, j) /
                                      static_cast<float>(draws);
        return y;
    };
    CHECK(largest_difference(denoise(network, image), expected(0, 1, 75)) < 1e-6);
    auto const three = denoise(network, image, {.masks = {.draws = 3, .seed = 5}});
    CHECK(largest_difference(three, expected(5, 3, 75)) < 1e-6);
    CHECK(same_bits(three, denoise(network, image, {.masks = {.draws = 3, .seed = 5}})));
    CHECK(largest_difference(three, denoise(network, image, {.masks = {.draws = 3, .seed = 6}})) > 0.01);
    CHECK(largest_difference(denoise(network, image, {.masks = {.attention_mask = PercentRange{20, 20}}}), expected(0, 1, 20)) < 1e-6);
    CHECK(same_bits(denoise(network, image, {.masks = {.attention_mask = PercentRange{}}}), image));
}

TEST_CASE("The self-ensemble is the mean over eight views, each with draws of its own; tiles change nothing") {
    Drawing const network;
    auto const image = picture(30, 145, 3);
    DenoiseOptions options{.masks = {.draws = 2, .seed = 3}, .self_ensemble = true};
    auto expected = zeros(image.shape());
    for (int k = 0; k < 8; ++k)
        for (int draw = 0; draw < 2; ++draw) {
            auto const view = transform(image, Symmetry::of(k)).clone();
            FieldDraws const d{.seed = 3, .draw = std::uint32_t(8 * draw + k), .percent = PercentRange{75, 75}};
            for (Index i = 0; i < view.shape()[0]; ++i)
                for (Index j = 0; j < view.shape()[1]; ++j)
                    for (Index c = 0; c < 3; ++c) view(i, j, c) += field(d, i, j);
            expected += transform(view, Symmetry::of(k).inverse()) / 16.f;
        }
    std::vector<double> shares;
    options.progress = [&](double share) { return shares.push_back(share), true; };
    auto const whole = denoise(network, image, options);
    CHECK(largest_difference(whole, expected) < 1e-6);
    CHECK(shares.size() == 17);  // one per pass and the end
    CHECK((std::is_sorted(shares.begin(), shares.end()) && shares[1] == 1. / 16 && shares.back() == 1));
    options.max_memory = 20 * 40 * 10 * 4;
    CHECK(same_bits(whole, denoise(network, image, options)));
    CHECK(shares.size() > 17 + 33);
    auto const grey = picture(30, 45, 1), turned = transform(grey, Symmetry::of(5));
    auto const a = denoise(Fading(), grey, {.self_ensemble = true}), b = denoise(Fading(), turned, {.self_ensemble = true});
    CHECK(largest_difference(a, transform(b, Symmetry::of(5).inverse())) < 1e-6);
}

TEST_CASE("Options that a network cannot follow are refused, and what a user should know is said") {
    auto const image = picture(8, 8, 3);
    auto const message = [&](auto const& network, DrawOptions const& masks) {
        return message_of([&] { denoise(network, image, {.masks = masks}); });
    };
    CHECK_THAT(message(Fading(), {.attention_mask = PercentRange{50, 50}}), contains("this network has no attention masks"));
    CHECK_THAT(message(Fading(), {.draws = 2}), contains("without attention masks all draws are the same"));
    Drawing network;
    CHECK_THAT(message(network, {.draws = 0}), contains("draws lies between 1 and 65536, not 0"));
    CHECK_THAT(message(network, {.attention_mask = PercentRange{50, 101}}), contains("between 0 and 100, not 50 to 101"));
    CHECK_THAT(message(network, {.attention_mask = PercentRange{60, 50}}), contains("the range 60 to 50 % is empty"));
    CHECK_THAT(message(network, {.draws = 2, .attention_mask = PercentRange{}}), contains("drawing: without attention masks all draws"));
    std::string notes;
    DenoiseOptions options{.masks = {.attention_mask = PercentRange{}}, .note = [&](std::string const& line) { notes += line; }};
    denoise(network, image, options);
    CHECK_THAT(notes, contains("attention masks are off"));
    notes.clear(), network.own = {};  // trained without: nothing to say
    denoise(network, image, options);
    CHECK(notes == "");
    network.takes = false;
    CHECK_THAT(message(network, {.attention_mask = PercentRange{}}), contains("drawing: this network has no attention masks"));
}

TEST_CASE("Percentages are read from text") {
    CHECK(parse_percent_range("75", "mask") == PercentRange{75, 75});
    CHECK(parse_percent_range("0-100", "mask") == PercentRange{0, 100});
    CHECK(!parse_percent_range("off", "mask"));
    for (char const* text : {"off", "60-90", "5"}) CHECK(percent_text(parse_percent_range(text, "mask")) == text);
    auto const message = [](char const* text) { return message_of([&] { parse_percent_range(text, "--mask"); }); };
    for (char const* text : {"", "on", "75%", "7.5", "1-", "-", "1-2-3", "99999999999"})
        CHECK_THAT(message(text), contains("--mask: \"" + std::string(text) + "\" is neither PERCENT nor LOW-HIGH"));
    CHECK_THAT(message("101"), contains("between 0 and 100, not 101 to 101"));
    CHECK_THAT(message("-5"), contains("between 0 and 100, not -5 to -5"));
    CHECK_THAT(message("90-60"), contains("--mask: the range 90 to 60 % is empty"));
}

TEST_CASE("The shares of blended tiles sum to one, however narrow the tiles; exact tiles are kept where they cost little") {
    for (auto const& [h, w, limit] : {std::tuple<Index, Index, Index>{96, 200, 90 * 90}, {40, 300, 70 * 70}, {16, 100, 16 * 80}}) {
        auto const tiling = choose_tiling(h, w, {32, 256, 8, 32}, limit, 1.5);
        REQUIRE(tiling.margin == 32);
        auto const total = zeros(Shape{h - 5, w - 3, 1});
        for (auto const& tile : tiling.tiles) {
            CHECK((tile.core.top % 8 == 0 && tile.reach.left % 8 == 0));
            CHECK(tile.reach.height * tile.reach.width <= limit);
            add_blended(total, ones(Shape{Index(1), tile.reach.height, tile.reach.width, Index(1)}), tile, 32, h, w);
        }
        CHECK(largest_difference(total, ones(total.shape())) < 1e-6);
    }
    CHECK(choose_tiling(512, 512, {32, 32, 8, 8}, 400 * 400, 1.5).margin == 0);  // costs little
    CHECK(choose_tiling(512, 512, {32, 128, 8, 0}, 300 * 300, 1.5).margin == 0);  // may not be blended
    CHECK(choose_tiling(512, 512, {32, 128, 8, 32}, 512 * 512, 1.5).tiles.size() == 1);
    CHECK(choose_tiling(512, 512, {32, 128, 8, 32}, 300 * 300, 1.5).margin == 32);
    CHECK(choose_tiling(512, 512, {32, 128, 8, 32}, 300 * 300, std::numeric_limits<double>::infinity()).margin == 0);
    CHECK(choose_tiling(512, 512, {32, 128, 8, 32}, 200 * 200, 100).margin == 32);  // exact tiles do not fit
}

TEST_CASE("Blended tiles stay near the whole image's result, without seams") {
    auto const image = picture(256, 320, 1);
    auto const whole = denoise(Fading(), image);
    std::string notes;
    DenoiseOptions options{.max_memory = 160 * 160 * 10 * 4, .note = [&](std::string const& line) { notes += line; }};
    auto const blended = denoise(Fading(), image, options);
    CHECK_THAT(notes, contains("tiles are blended"));
    CHECK(largest_difference(whole, blended) < 0.01);  // the first pixels of a tile are wrong by up to 0.5, and count for nothing
    options.exact_up_to = std::numeric_limits<double>::infinity();
    CHECK(largest_difference(whole, denoise(Fading(), image, options)) < 1e-6);

    CHECK(seam_energy(blended, whole, choose_tiling(256, 320, {32, 256, 8, 32}, 160 * 160, 1.5)) < 0.75);
}
}  // namespace options_test
