// SPDX-License-Identifier: MIT
#include <tacet/io/heat_map.hpp>

#include <limits>

#include <support/catch.hpp>

#include "xml_check.hpp"

namespace heat_map_test {
using tacet::HeatMap;
using tacet::sequential_colour;
using tacet::test::contains;
using xml_check::count;

namespace {
// The luminance of "#rrggbb" (sRGB), 0 to 1.
double luminance(std::string const& colour) {
    auto const linear = [&](std::size_t at) {
        double const v = std::stoi(colour.substr(at, 2), nullptr, 16) / 255.;
        return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5);
}
}  // namespace

TEST_CASE("heat map: colours grow lighter in even steps, from dark to light") {
    for (int k = 0; k < 50; ++k) {
        // The lightness of CIELAB, of 0 to 100.
        auto const lightness = [](double v) { return 116 * std::cbrt(luminance(sequential_colour(v))) - 16; };
        double const step = lightness((k + 1) / 50.) - lightness(k / 50.);
        CAPTURE(k);
        CHECK(step > 0.7);
        CHECK(step < 2.6);
    }
    CHECK(luminance(sequential_colour(0)) < 0.03);
    CHECK(luminance(sequential_colour(1)) > 0.75);
    CHECK(sequential_colour(-1) == sequential_colour(0));
    CHECK(sequential_colour(2) == sequential_colour(1));
}

TEST_CASE("heat map: a cell for each value, with names, tips and a bar") {
    double const missing = std::numeric_limits<double>::quiet_NaN();
    HeatMap map{.title = "A & B", .bar_label = "likeness", .rows = {"first", "<second>"}, .columns = {"x", "y", "z"},
                .values = {0, 0.25, 0.5, 0.75, 1, missing}, .low = 0, .high = 1};
    std::string const svg = map.svg();
    CHECK(xml_check::problem(svg) == "");
    for (std::string const text :
         {">A &amp; B<", ">likeness<", ">&lt;second&gt;<", ">z<", "<title>first, y: 0.25</title>", ">0.2<", ">1.0<"})
        CHECK_THAT(svg, contains(text));
    CHECK(count(svg, "<title>") == 5);  // the missing one has none
    CHECK_THAT(svg, contains("fill=\"" + sequential_colour(0.75) + "\""));
    CHECK(count(svg, "rotate(-90") == 3);
    CHECK(count(svg, "nan") == 0);
    map.low = map.high = std::nullopt;  // then from the values
    CHECK(xml_check::problem(map.svg()) == "");
    map.values.pop_back();
    CHECK_THROWS_WITH(map.svg(), "a heat map of 2 rows and 3 columns with 5 values");
    CHECK_THROWS_AS(HeatMap{}.svg(), tacet::Error);
}

TEST_CASE("heat map: many and long names, equal values, nothing but gaps") {
    HeatMap map;
    for (int k = 0; k < 90; ++k) map.rows.push_back("a layer with a name as long as this, number " + std::to_string(k));
    map.columns = map.rows;
    map.values.assign(8100, 0.5);
    std::string const svg = map.svg();
    CHECK(xml_check::problem(svg) == "");
    CHECK(count(svg, "rotate(-90") < 60);  // names do not crowd
    HeatMap const empty{.rows = {"a"}, .columns = {"b"}, .values = {std::numeric_limits<double>::infinity()}};
    CHECK(xml_check::problem(empty.svg()) == "");
    CHECK(count(empty.svg(), "inf") == 0);
}
}  // namespace heat_map_test
