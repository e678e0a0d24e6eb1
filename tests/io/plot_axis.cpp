// SPDX-License-Identifier: MIT
#include <tacet/io/plot_axis.hpp>

#include <support/catch.hpp>

namespace plot_axis_test {
using Values = std::vector<double>;

namespace {

std::vector<std::string> labels(double low, double high, bool log = false, int most = 6) {
    tacet::detail::Axis axis;
    axis.log = log;
    axis.include(low);
    axis.include(high);
    axis.settle(most, true, true);
    std::vector<std::string> out;
    for (double const tick : axis.ticks) out.push_back(axis.label(tick));
    return out;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("axis: nice steps") {
    CHECK(tacet::nice_step(10, 5) == 2);
    CHECK(tacet::nice_step(10, 4) == 2.5);
    CHECK(tacet::nice_step(1, 10) == Approx(0.1));
    CHECK(tacet::nice_step(0.7, 7) == Approx(0.1));
    CHECK(tacet::nice_step(99, 10) == 10);
    CHECK(tacet::nice_step(3e6, 6) == 5e5);
    CHECK(tacet::nice_ticks(0, 10, 5) == Values{0, 2, 4, 6, 8, 10});
    CHECK(tacet::nice_ticks(-1, 1, 4) == Values{-1, -0.5, 0, 0.5, 1});
    CHECK(tacet::nice_ticks(20.3, 29.9, 5) == Values{22, 24, 26, 28});
}

TEST_CASE("axis: logarithmic ticks") {
    CHECK(tacet::log_ticks(1, 1000, 8) == Values{1, 10, 100, 1000});
    CHECK(tacet::log_ticks(0.9, 60, 8) == Values{1, 2, 5, 10, 20, 50});
    CHECK(tacet::log_ticks(0.11, 0.19, 4) == tacet::nice_ticks(0.11, 0.19, 4));  // within a decade: nice numbers
    CHECK(tacet::log_ticks(1e-20, 1e20, 8).size() <= 8);
}

TEST_CASE("axis: labels share their decimals") {
    CHECK(labels(0, 1) == Labels{"0", "0.2", "0.4", "0.6", "0.8", "1.0"});
    CHECK(labels(20, 32.5) == Labels{"20.0", "22.5", "25.0", "27.5", "30.0", "32.5"});
    CHECK(labels(0, 30000, false, 3) == Labels{"0", "10k", "20k", "30k"});
    CHECK(labels(0, 5000) == Labels{"0", "1000", "2000", "3000", "4000", "5000"});
    CHECK(labels(0, 3e6) == Labels{"0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M", "3.0M"});
    CHECK(labels(0, 3e-5, false, 3) == Labels{"0", "1e-5", "2e-5", "3e-5"});
    CHECK(labels(-0.2, 0.2, false, 4) == Labels{"-0.2", "-0.1", "0", "0.1", "0.2"});
    CHECK(labels(0.001, 10, true) == Labels{"0.001", "0.01", "0.1", "1", "10"});
    CHECK(labels(1e-7, 1e-3, true) == Labels{"1e-7", "1e-6", "1e-5", "0.0001", "0.001"});
}

TEST_CASE("axis: ranges extend to ticks, degenerate ranges are widened") {
    tacet::detail::Axis axis;
    axis.include(20.5);
    axis.include(31.1);
    axis.settle(6, false, false);
    CHECK(axis.low == 20);
    CHECK(axis.high == 32);
    for (double const value : {0., 5., -3., 1e9, 1e-9}) {
        tacet::detail::Axis flat;
        flat.include(value);
        flat.settle(6, false, false);
        CHECK(flat.low < value);
        CHECK(flat.high > value);
        CHECK(flat.ticks.size() >= 2);
    }
    tacet::detail::Axis empty;
    empty.log = true;
    empty.include(-1);
    empty.include(std::numeric_limits<double>::quiet_NaN());
    CHECK(empty.empty());
    empty.settle(6, false, false);
    CHECK(empty.low < empty.high);
    tacet::detail::Axis huge;
    huge.include(-1.7e308);
    huge.include(1.7e308);
    huge.settle(6, false, false);
    CHECK(huge.ticks.size() < 1001);
}
}  // namespace plot_axis_test
