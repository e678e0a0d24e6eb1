// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/metrics/histogram.hpp>

namespace histogram_test {
using namespace tacet;

namespace {
Histogram of(std::vector<float> const& values) {
    Histogram h(0, 4, 4);
    h.add(values);
    return h;
}
}  // namespace

TEST_CASE("a histogram counts every value once", "[metrics][histogram]") {
    auto const h = of({0, 0.5f, 1, 3.999f, 4, 100, -7, INFINITY});
    CHECK(h.total() == 8);
    CHECK(h.shares() == std::vector<double>{3. / 8, 1. / 8, 0, 4. / 8});  // what lies outside is in the outermost bins
    CHECK(h.centres() == std::vector<double>{0.5, 1.5, 2.5, 3.5});
    CHECK(of({1, 2, 9}).mean() == 4);  // of the values, not of the bins
    CHECK(std::isnan(of({}).mean()));
    CHECK_THROWS_WITH(of({NAN}), "histogram: a value is not a number");
    CHECK_THROWS_WITH(Histogram(1, 1, 4), "histogram: 4 bins from 1 to 1");
    CHECK_THROWS_AS(Histogram(0, 1, 0), Error);
}

TEST_CASE("overlap and Jensen-Shannon divergence by hand", "[metrics][histogram]") {
    auto const a = of({0, 0, 1, 1}), b = of({1, 1, 2, 2}), far = of({3, 3});
    CHECK(overlap(a, a) == 1);
    CHECK(overlap(a, of({1, 0})) == 1);  // shares, not counts
    CHECK(overlap(a, far) == 0);
    CHECK(overlap(a, b) == 0.5);
    CHECK(jensen_shannon(a, a) == 0);
    CHECK(jensen_shannon(a, far) == 1);
    CHECK(jensen_shannon(a, b) == 0.5);  // half of the mass is told apart
    // p = (1/2, 1/2), q = (1, 0), m = (3/4, 1/4).
    double const expected = 0.5 * (0.5 * std::log2(2. / 3) + 0.5 * std::log2(2.)) + 0.5 * std::log2(4. / 3);
    CHECK(jensen_shannon(a, of({0})) == Approx(expected).epsilon(1e-14));
    CHECK(jensen_shannon(of({0}), a) == Approx(expected).epsilon(1e-14));
    CHECK(mean_overlap({a, b, far}) == Approx(0.5 / 3));
    CHECK(mean_jensen_shannon({a, b, far}) == Approx(2.5 / 3));
    CHECK(std::isnan(mean_overlap({a})));
    CHECK_THROWS_WITH(overlap(a, of({})), "an empty histogram cannot be compared");
    CHECK_THROWS_WITH(overlap(a, Histogram(0, 4, 5)), "histograms of different bins cannot be compared");
}
}  // namespace histogram_test
