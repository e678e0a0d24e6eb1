// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/denoise/denoise.hpp>
#include <tacet/models/noise2noise.hpp>
#include <thread>

namespace denoise_test {
using namespace tacet;

namespace {

Noise2NoiseUNet<> network(Index in, Index out) {
    Rng rng(11);
    return Noise2NoiseUNet<>(in, out, rng, 4);
}
Tensor<float, 3> picture(Index h, Index w, Index c) {
    Rng rng(static_cast<std::uint64_t>(h * 1000 + w));
    return uniform(Shape{h, w, c}, rng);
}
bool same(Tensor<float, 3> const& a, Tensor<float, 3> const& b) {
    return a.shape() == b.shape() && std::equal(a.data(), a.data() + a.size(), b.data());
}
/// A network that returns its input: what denoise() adds and removes around it must cancel.
struct Identity {
    static constexpr Index multiple = 8, context = 16;
    static constexpr float offset = 0.25f;
    Variable<float, 4> operator()(Variable<float, 4> const& x) const { return x; }
    Index in_channels() const { return 3; }
    Index floats_per_pixel() const { return 10; }
};

/// Two levels of convolutions with so many channels that they take the fast way.
struct TwoLevels {
    static constexpr Index multiple = 2, context = 16;  // 8 pixels that it sees, in whole tiles of the convolutions 16
    static constexpr float offset = 0.5f;
    Rng rng{3};
    Conv2d<> first{3, 16, 3, rng, {.padding = 1}}, fine{16, 16, 3, rng, {.padding = 1}}, coarse{16, 32, 3, rng, {.padding = 1}},
        last{48, 3, 3, rng, {.padding = 1}};
    Variable<float, 4> operator()(Variable<float, 4> const& x) const {
        auto const y = fine(first(x));
        return last(concat(upsample_nearest(coarse(max_pool2d(y, 2)), 2), y));
    }
    Index in_channels() const { return 3; }
    Index floats_per_pixel() const { return 100; }
};

/// Convolutions in a row: the last bits of an output depend on twice as many pixels as the output itself.
struct Chain {
    static constexpr Index multiple = 1, context = 24;
    static constexpr float offset = 0;
    Rng rng{4};
    Conv2d<> first{3, 16, 3, rng, {.padding = 1}}, a{16, 16, 3, rng, {.padding = 1}}, last{16, 3, 3, rng, {.padding = 1}};
    Variable<float, 4> operator()(Variable<float, 4> const& x) const {
        auto y = first(x);
        for (int k = 0; k < 10; ++k) y = a(y);
        return last(y);
    }
    Index in_channels() const { return 3; }
    Index floats_per_pixel() const { return 100; }
};

}  // namespace

TEST_CASE("Tiles cover an image once, start at multiples, and reach as far as they must") {
    for (auto const& [h, w, limit] : {std::tuple<Index, Index, Index>{512, 512, 1 << 30},
                                      {512, 768, 200'000},
                                      {64, 2048, 150'000},
                                      {96, 32, 1},
                                      {100, 70, 1}}) {
        std::vector<int> covered(static_cast<std::size_t>(h * w));
        for (auto const& [core, reach] : plan_tiles(h, w, 32, 160, limit)) {
            REQUIRE(core.top % 32 == 0);
            REQUIRE(core.left % 32 == 0);
            REQUIRE((reach.top == std::max<Index>(0, core.top - 160) && reach.left == std::max<Index>(0, core.left - 160)));
            REQUIRE(reach.top + reach.height == std::min(h, core.top + core.height + 160));
            REQUIRE(reach.left + reach.width == std::min(w, core.left + core.width + 160));
            for (Index i = 0; i < core.height; ++i)
                for (Index j = 0; j < core.width; ++j) ++covered[static_cast<std::size_t>((core.top + i) * w + core.left + j)];
        }
        REQUIRE(std::all_of(covered.begin(), covered.end(), [](int n) { return n == 1; }));
    }
    REQUIRE(plan_tiles(512, 512, 32, 160, 1 << 30).size() == 1);
    REQUIRE(plan_tiles(1024, 1024, 32, 160, 600 * 600).size() > 1);
    // Four quarters, which reach beyond the middle only, are less to compute than smaller tiles that reach in all directions.
    REQUIRE(plan_tiles(2048, 2048, 128, 256, 1280 * 1280).size() == 4);
}

TEST_CASE("The result does not depend on the memory limit: tiled and untiled agree bit for bit") {
    auto const check_same = [](auto const& model, Tensor<float, 3> const& image, std::size_t memory) {
        Index tiles = 0;
        auto const whole = denoise(model, image);
        auto const tiled = denoise(model, image, {.max_memory = memory, .progress = [&](double) { return ++tiles > 0; }});
        REQUIRE(tiles > 4);  // it was tiled indeed
        REQUIRE(same(whole, tiled));
    };
    check_same(TwoLevels(), picture(131, 90, 3), 1'000'000);
    check_same(Chain(), picture(70, 131, 3), 500'000);
    DirectConvolutions const guard;
    check_same(TwoLevels(), picture(90, 131, 3), 1'000'000);
    check_same(network(3, 3), picture(180, 1000, 3), 20'000'000);
}

TEST_CASE("Any size keeps its size; padding and offset cancel around the identity") {
    for (auto const& [h, w] : {std::pair<Index, Index>{1, 1}, {1, 77}, {5, 5}, {33, 31}, {64, 64}}) {
        auto const image = picture(h, w, 3), result = denoise(Identity{}, image);
        REQUIRE(result.shape() == image.shape());
        for (Index k = 0; k < image.size(); ++k) REQUIRE(result.data()[k] == Approx(image.data()[k]).margin(1e-6));
        REQUIRE(denoise(network(3, 3), image).shape() == image.shape());
    }
}

TEST_CASE("Grey pictures pass through networks for colour, and colour through networks for grey") {
    auto const grey = picture(40, 50, 1);
    auto const colour_network = network(3, 3);
    Tensor<float, 3> const rgb(grey + Constant<float, 3>{Shape{40, 50, 3}, 0.f});
    auto const expected = denoise(colour_network, rgb), result = denoise(colour_network, grey);
    for (Index k = 0; k < grey.size(); ++k) {
        auto const* three = expected.data() + 3 * k;
        REQUIRE(result.data()[k] == Approx((three[0] + three[1] + three[2]) / 3).margin(1e-6));
    }
    auto const grey_network = network(1, 1);
    auto const planes = denoise(grey_network, rgb), plane = denoise(grey_network, grey);
    for (Index k = 0; k < grey.size(); ++k)
        for (Index c = 0; c < 3; ++c) REQUIRE(planes.data()[3 * k + c] == plane.data()[k]);
}

TEST_CASE("denoise() refuses what it cannot take, and stops when asked to") {
    REQUIRE_THROWS_WITH(denoise(network(9, 3), picture(32, 32, 3)), test::contains("has 3 channels, the network takes 9"));
    REQUIRE_THROWS_WITH(denoise(network(3, 3), Tensor<float, 3>(Shape{0, 32, 3})), test::contains("no pixels"));
    REQUIRE_THROWS_AS(denoise(network(3, 3), picture(32, 32, 3), {.progress = [](double share) { return share < 1; }}), Cancelled);
}

TEST_CASE("Two threads denoise with one network at once and get what one gets") {
    auto const model = network(3, 3);
    auto const a = picture(100, 90, 3), b = picture(60, 130, 3);
    auto const expected_a = denoise(model, a), expected_b = denoise(model, b);
    Tensor<float, 3> result_a, result_b;
    std::thread other([&] { for (int i = 0; i < 3; ++i) result_a = denoise(model, a); });
    for (int i = 0; i < 3; ++i) result_b = denoise(model, b);
    other.join();
    REQUIRE(same(result_a, expected_a));
    REQUIRE(same(result_b, expected_b));
}

TEST_CASE("denoise() records nothing and leaves the network's gradients alone") {
    auto const model = network(3, 3);
    denoise(model, picture(32, 32, 3));
    REQUIRE(!model.enc_conv0.weight.has_grad());
}

TEST_CASE("Where memory is too little, tiles become smaller, which is said, and the result stays the same") {
    Chain const chain;
    auto const image = picture(160, 200, 3);
    auto const whole = denoise(chain, image);
    std::vector<std::string> notes;
    DenoiseOptions options;
    options.note = [&](std::string const& line) { notes.push_back(line); };
    auto const limited = [&](std::size_t bytes) {
        release_cached_memory();
        set_memory_limit(memory_statistics().live + bytes);
        Tensor<float, 3> result;
        std::string error;
        try {
            result = denoise(chain, image, options);
        } catch (OutOfMemory const& e) { error = e.what(); }
        set_memory_limit(std::numeric_limits<std::size_t>::max());
        if (error.empty()) REQUIRE(same(result, whole));
        return error;
    };
    CHECK(limited(3'000'000) == "");
    REQUIRE(!notes.empty());
    CHECK_THAT(notes[0], test::contains("out of memory: "));
    CHECK_THAT(notes[0], test::contains(" instead of 160 x 200 pixels"));
    CHECK_THAT(limited(900'000), test::contains("denoise: the smallest tiles, "));
    CHECK(same(denoise(chain, image), whole));
}
}  // namespace denoise_test
