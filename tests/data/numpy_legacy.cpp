// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/data/numpy_legacy.hpp>
#include <tacet/io/image.hpp>
#include <tacet/metrics/levels.hpp>
#include <array>

namespace numpy_legacy_test {
using namespace tacet;

// numpy.random.seed(1); numpy.random.random_sample(3), and so on: tests/golden/numpy_legacy.py.
TEST_CASE("the legacy generator gives NumPy's numbers", "[data][numpy_legacy]") {
    NumpyLegacyRng words(5489);
    for (int i = 0; i < 9999; ++i) words.next_u32();
    CHECK(words.next_u32() == 4123659995);  // the C++ standard's known answer for mt19937

    NumpyLegacyRng rng(1);
    for (double expected : {0.417022004702574, 0.7203244934421581, 0.00011437481734488664}) CHECK(rng.uniform() == expected);

    NumpyLegacyRng normal(1);
    for (double expected : {1.6243453636632417, -0.6117564136500754, -0.5281717522634557, -1.0729686221561705, 0.8654076293246785})
        CHECK(normal.normal() == expected);

    NumpyLegacyRng later(12345);
    later.discard_normals(1001);
    CHECK(later.normal() == 0.9309437641334798);
    CHECK(later.normal() == -0.8116756390217212);
}

TEST_CASE("published noise truncates and clips", "[data][numpy_legacy]") {
    Tensor<float, 2> image(Shape{2, 3});
    std::array<float, 6> const levels{100, 200, 0, 255, 50, 128};
    for (Index i = 0; i < 6; ++i) image.data()[i] = levels[static_cast<std::size_t>(i)] / 255;
    NumpyLegacyRng rng(1);
    auto const noisy = add_published_noise(image, 25, rng);
    // 100 + 40.6, 200 - 15.3, 0 - 13.2, 255 - 26.8, 50 + 21.6, 128 - 57.5: the whole part, within 0 and 255
    std::array<float, 6> const expected{140, 184, 0, 228, 71, 70};
    for (Index i = 0; i < 6; ++i) CHECK(noisy.data()[i] == expected[static_cast<std::size_t>(i)] / 255);
    CHECK(image(0, 0) == 100.f / 255);
}

TEST_CASE("the published noisy figure is regenerated bit for bit", "[data][numpy_legacy]") {
    std::string const folder = test::data_dir();
    if (folder.empty()) return test::skip("TACET_DATA is not set");
    auto const clean = read_image(folder + "/noise2noise/monarch.png").pixels;
    auto const published = read_image(folder + "/noise2noise/monarch-gaussian-noisy.png").pixels;
    REQUIRE(clean.shape() == Shape{512, 512, 3});
    REQUIRE(published.shape() == clean.shape());
    NumpyLegacyRng rng(1);
    rng.discard_normals(clean.size());
    auto const noisy = add_published_noise(clean, 25, rng);
    int differ = 0;
    for (Index i = 0; i < clean.size(); ++i) differ += level_of(noisy.data()[i]) != level_of(published.data()[i]);
    CHECK(differ == 0);
    CHECK(level_of(noisy(0, 0, 0)) == 143);  // the first pixel is (143, 56, 103), the last (107, 168, 118)
    CHECK(level_of(noisy(511, 511, 2)) == 118);
}
}  // namespace numpy_legacy_test
