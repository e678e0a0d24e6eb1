// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/train/batch.hpp>
#include <set>

namespace batch_test {
using namespace tacet;

namespace {
/// Counts its steps; throws at one of them.
class Counting final : public BatchSource {
public:
    explicit Counting(Index bad = -1) : bad_(bad) {}
    Batch batch(Index step) const override {
        check(step != bad_, "no batch at step ", step);
        return Batch{{}, {}, {std::to_string(step)}};
    }

private:
    Index bad_;
};
}  // namespace

TEST_CASE("shuffled() visits every element once in each epoch, in another order each time") {
    for (Index n : {1, 2, 3, 7, 16, 100, 1000}) {
        std::set<Index> seen;
        for (Index k = 0; k < n; ++k) seen.insert(shuffled(k, n, 42, 0));
        REQUIRE(static_cast<Index>(seen.size()) == n);
        REQUIRE((*seen.begin() == 0 && *seen.rbegin() == n - 1));
    }
    Index same_epoch = 0, same_key = 0, fixed = 0;
    for (Index k = 0; k < 1000; ++k) {
        same_epoch += shuffled(k, 1000, 42, 0) == shuffled(k, 1000, 42, 1);
        same_key += shuffled(k, 1000, 42, 0) == shuffled(k, 1000, 43, 0);
        fixed += shuffled(k, 1000, 42, 0) == k;
    }
    REQUIRE((same_epoch < 10 && same_key < 10 && fixed < 10));
}

TEST_CASE("The prefetcher delivers the batches of the steps in order, from any step on") {
    Counting const source;
    Prefetcher batches(source, 5, 40);
    for (Index step = 5; step < 40; ++step) REQUIRE(batches.next().names[0] == std::to_string(step));
}

TEST_CASE("What goes wrong in the prefetcher's thread reaches the caller, after the batches before it") {
    Counting const source(7);
    Prefetcher batches(source, 5, 40);
    REQUIRE(batches.next().names[0] == "5");
    REQUIRE(batches.next().names[0] == "6");
    REQUIRE_THROWS_WITH(batches.next(), "no batch at step 7");
}

TEST_CASE("A prefetcher can be dropped at any moment") {
    Counting const source;
    for (int i = 0; i < 20; ++i) {
        Prefetcher batches(source, 0, 1000000);
        if (i % 2) batches.next();
    }
}
}  // namespace batch_test
