// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/scratch.hpp>
#include <tacet/data/image_cache.hpp>
#include <thread>

namespace image_cache_test {
using namespace tacet;
using namespace tacet::test;

namespace {
// Pictures 0.png, 1.png, ... of 4 x 4, 48 bytes when decoded; every value of picture k is the level k + add.
struct Pictures : ScratchFolder {
    explicit Pictures(int count) {
        for (int k = 0; k < count; ++k) {
            files.push_back(*this / (std::to_string(k) + ".png"));
            put(k, 0);
        }
    }
    void put(int k, int add) const {
        Image image;
        image.pixels = Tensor<float, 3>(Shape{Index(4), Index(4), Index(k % 2 == 0 ? 3 : 1)});
        image.pixels.assign(static_cast<float>(k + add) / 255.f);
        write_image(files[static_cast<std::size_t>(k)], image, {.overwrite = true});
    }
    std::vector<std::filesystem::path> files;
};
int level(Tensor<float, 3> const& x) { return static_cast<int>(std::lround(x(0, 0, 2) * 255)); }
}  // namespace

TEST_CASE("Pictures are kept within the memory limit; the least recently used go first and are read again") {
    Pictures const dir(3);
    ImageCache const cache(dir.files, 2 * 48);
    CHECK(cache.size() == 3);
    CHECK(cache.shape(1) == Shape{Index(4), Index(4), Index(3)});  // grey is repeated
    CHECK(level(cache.image(0)) == 0);
    CHECK(level(cache.image(1)) == 1);
    for (int k = 0; k < 3; ++k) dir.put(k, 100);
    CHECK(level(cache.image(0)) == 0);    // from memory, and now used more recently than 1
    CHECK(level(cache.image(2)) == 102);  // 1 goes
    CHECK(level(cache.image(0)) == 0);
    CHECK(level(cache.image(1)) == 101);  // read again; 2 goes
    std::filesystem::remove(dir.files[2]);
    CHECK_THROWS_WITH(cache.image(2), contains("2.png"));
}

TEST_CASE("A cache keeps the pictures that it is told to, renumbered, with what was decoded of them") {
    Pictures const dir(5);
    ImageCache cache(dir.files, 3 * 48);
    for (int k : {1, 2, 4}) cache.shape(k);
    for (int k = 0; k < 5; ++k) dir.put(k, 100);
    cache.keep({0, 2, 4});
    CHECK(cache.size() == 3);
    CHECK(cache.path(1) == dir.files[2]);
    CHECK(level(cache.image(1)) == 2);    // from memory
    CHECK(level(cache.image(0)) == 100);  // read now: 1 has left its place
    CHECK(level(cache.image(2)) == 4);
    cache.keep({2});
    CHECK(cache.size() == 1);
    CHECK(level(cache.image(0)) == 4);
    cache.keep({});
    CHECK(cache.size() == 0);
}

TEST_CASE("A picture beyond the limit is served all the same") {
    Pictures const dir(2);
    ImageCache const cache(dir.files, 1);
    CHECK(level(cache.image(1)) == 1);
    auto const part = cache.crop_of(0, [](Shape<3> const&) { return Window{1, 2, 3, 2}; });
    CHECK(part.shape() == Shape{Index(3), Index(2), Index(3)});
}

TEST_CASE("Two threads share a cache that evicts all the time") {
    Pictures const dir(5);
    ImageCache const cache(dir.files, 2 * 48);
    auto const work = [&](std::uint32_t seed, int& wrong) {
        Rng rng(seed);
        for (int n = 0; n < 200; ++n) {
            auto const k = static_cast<int>(rng.below(5));
            wrong += level(cache.image(k)) != k;
        }
    };
    int first = 0, second = 0;
    std::thread other([&] { work(1, first); });
    work(2, second);
    other.join();
    CHECK(first == 0);
    CHECK(second == 0);
}
}  // namespace image_cache_test
