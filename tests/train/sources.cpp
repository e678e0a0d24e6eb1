// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/program.hpp>
#include <support/values.hpp>
#include <tacet/train/sources.hpp>
#include <set>

namespace sources_test {
using namespace tacet;
using namespace tacet::test;

namespace {
PatchOptions options() { return {.batch = 4, .crop = 16, .seed = 5, .noise = {"gaussian", 15, 15}, .clean_targets = true}; }
Index hidden(Tensor<float, 4> const& x, Index n) {
    Index count = 0;
    for (Index i = 0; i < 16; ++i)
        for (Index j = 0; j < 16; ++j) {
            bool const first = x(n, i, j, 0) == masked_value;
            CHECK((x(n, i, j, 1) == masked_value) == first);  // all channels of a pixel
            CHECK((x(n, i, j, 2) == masked_value) == first);
            count += first;
        }
    return count;
}
}  // namespace

TEST_CASE("Inputs are masked after the noise, each patch with a share of its own; targets are whole") {
    auto o = options();
    auto const plain = DeadLeavesSource(o).batch(3);
    o.input_mask = PercentRange{80, 90};
    auto const masked = DeadLeavesSource(o).batch(3);
    CHECK(same_bits(masked.target, plain.target));
    std::set<Index> counts;
    for (Index n = 0; n < 4; ++n) {
        Index const count = hidden(masked.input, n);
        counts.insert(count);
        CHECK((count > 179 && count < 249));
    }
    CHECK(counts.size() > 1);
    Index differing = 0;
    for (Index k = 0; k < plain.input.size(); ++k)
        differing += masked.input.data()[k] != masked_value && masked.input.data()[k] != plain.input.data()[k];
    CHECK(differing == 0);  // what is seen is as noisy as before
    CHECK(same_bits(DeadLeavesSource(o).batch(3).input, masked.input));
    CHECK(!same_bits(DeadLeavesSource(o).batch(4).input, masked.input));
    o.input_mask = PercentRange{0, 0};
    CHECK(same_bits(DeadLeavesSource(o).batch(3).input, plain.input));
}

TEST_CASE("Inputs are clipped where that is wanted, targets never change") {
    auto o = options();
    o.noise = {"gaussian", 100, 100};
    auto const plain = DeadLeavesSource(o).batch(0);
    o.clip = true;
    auto const clipped = DeadLeavesSource(o).batch(0);
    CHECK(same_bits(clipped.target, plain.target));
    CHECK(same_bits(clipped.input, Tensor<float, 4>(clamp(plain.input, 0.f, 1.f))));
    CHECK(!same_bits(clipped.input, plain.input));
}

TEST_CASE("Patches are flipped and turned in eight ways, input and target alike") {
    auto o = options();
    o.noise = {"gaussian", 0, 0};
    o.batch = 1;
    DeadLeavesSource const plain(o);
    o.augment = true;
    DeadLeavesSource const turned(o);
    std::set<int> found;
    for (Index step = 0; step < 60; ++step) {
        auto const x = plain.batch(step), y = turned.batch(step);
        CHECK(same_bits(y.input, y.target));
        for (int k = 0; k < Symmetry::count; ++k)
            if (same_bits(transform(x.target, Symmetry::of(k)), y.target)) {
                found.insert(k);
                break;
            }
    }
    CHECK(found.size() == 8);
}

TEST_CASE("Pairs are masked and turned together") {
    ScratchFolder dir;
    for (char const* folder : {"a", "b"}) write_picture(dir / folder / "x.png", picture(16, 16));
    ImageCache const a({dir / "a/x.png"}), b({dir / "b/x.png"});
    auto o = options();
    o.augment = true, o.input_mask = PercentRange{50, 50};
    auto const batch = PairSource(a, b, o).batch(0);
    Index seen = 0, differing = 0;
    for (Index k = 0; k < batch.input.size(); ++k) {
        if (batch.input.data()[k] == masked_value) continue;
        ++seen, differing += batch.input.data()[k] != batch.target.data()[k];
    }
    CHECK(differing == 0);
    CHECK((10 * seen > 4 * batch.input.size() && 10 * seen < 6 * batch.input.size()));
}
}  // namespace sources_test
