// SPDX-License-Identifier: MIT
#include <tacet/io/plot.hpp>

#include <limits>

#include <support/catch.hpp>

#include "xml_check.hpp"

namespace plot_test {
using tacet::BarPlot;
using tacet::LinePlot;
using tacet::Series;
using tacet::test::contains;
using xml_check::count;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

/// The drawing without its style sheet.
std::string drawing(std::string const& svg) { return svg.substr(svg.find("</style>") + 9); }

Series wave(std::string name, int n, double step = 1) {
    Series s{.name = std::move(name)};
    for (int i = 0; i < n; ++i) s.x.push_back(i * step), s.y.push_back(2 + std::sin(i * 0.1));
    return s;
}

}  // namespace

TEST_CASE("line plot: the exact drawing of a small one") {
    LinePlot plot{.title = "Loss & more", .x_label = "step", .y_label = "loss", .width = 400, .height = 200};
    plot.series = {{.name = "train", .x = {0, 10, 20}, .y = {4, 2, 1}}};
    plot.marks = {{"floor", 0.5}};
    CHECK(drawing(plot.svg()) == R"(<rect class="paper" x="0" y="0" width="400" height="200"/>
<text class="ink title" x="16" y="26">Loss &amp; more</text>
<text class="soft" x="16" y="50">loss</text>
<text class="soft" x="337.8" y="190" text-anchor="end">step</text>
<line class="grid" x1="30.8" y1="152" x2="337.8" y2="152"/>
<text class="soft" x="22.8" y="156" text-anchor="end">0</text>
<line class="grid" x1="30.8" y1="108" x2="337.8" y2="108"/>
<text class="soft" x="22.8" y="112" text-anchor="end">2</text>
<line class="grid" x1="30.8" y1="64" x2="337.8" y2="64"/>
<text class="soft" x="22.8" y="68" text-anchor="end">4</text>
<line class="axis" x1="30.8" y1="152" x2="337.8" y2="152"/>
<line class="axis" x1="30.8" y1="152" x2="30.8" y2="156"/>
<text class="soft" x="30.8" y="170" text-anchor="middle">0</text>
<line class="axis" x1="184.3" y1="152" x2="184.3" y2="156"/>
<text class="soft" x="184.3" y="170" text-anchor="middle">10</text>
<line class="axis" x1="337.8" y1="152" x2="337.8" y2="156"/>
<text class="soft" x="337.8" y="170" text-anchor="middle">20</text>
<svg x="25.8" y="59" width="317" height="98" viewBox="25.8 59 317 98">
<line class="mark" x1="30.8" y1="141" x2="337.8" y2="141"/>
<path class="line s0 d0" d="M30.8 64L184.3 108L337.8 130"/>
<circle class="dot f0" cx="30.8" cy="64" r="3.6"><title>train: 0, 4</title></circle>
<circle class="dot f0" cx="184.3" cy="108" r="3.6"><title>train: 10, 2</title></circle>
<circle class="dot f0" cx="337.8" cy="130" r="3.6"><title>train: 20, 1</title></circle>
</svg>
<text class="f0" x="345.8" y="134">train</text>
<text class="soft" x="345.8" y="149">floor</text>
</svg>
)");
}

TEST_CASE("line plot: well formed, escaped, with its label for screen readers") {
    LinePlot plot{.title = "<b>\"A\" & 'B'</b>", .x_label = "<x>", .y_label = "&y"};
    plot.series = {wave("<script>alert(1)</script>", 10)};
    plot.marks = {{"</svg>", 2}};
    std::string const svg = plot.svg();
    CHECK(xml_check::problem(svg) == "");
    CHECK_THAT(svg, contains("aria-label=\"&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt;\""));
    CHECK(count(svg, "<script") == 0);
    CHECK(count(svg, "prefers-color-scheme:dark") == 1);
}

TEST_CASE("line plot: gaps where a value is missing") {
    LinePlot plot;
    plot.series = {{.name = "", .x = {0, 1, 2, 3, 4}, .y = {1, 2, missing, 2, infinite}}};
    std::string const svg = plot.svg();
    CHECK(xml_check::problem(svg) == "");
    std::size_t const d = svg.find(" d=\"M");
    std::string const path = svg.substr(d + 4, svg.find('"', d + 4) - d - 4);
    CHECK(count(path, "M") == 2);
    CHECK(count(path, "L") == 1);
    CHECK(count(svg, "nan") == 0);
    CHECK(count(svg, "inf") == 0);
    LinePlot log{.log_y = true};
    log.series = {{.name = "", .x = {0, 1, 2, 3}, .y = {1, 0, -1, 10}}};
    CHECK(count(drawing(log.svg()), "<circle") == 2);
    LinePlot log_x{.log_x = true};
    log_x.series = {{.name = "", .x = {0, 1, 2, 3}, .y = {1, 0, -1, 10}}};
    CHECK(count(drawing(log_x.svg()), "<circle") == 3);
}

TEST_CASE("line plot: labels at the ends keep apart, many curves get a legend") {
    LinePlot plot;
    for (int i = 0; i < 6; ++i) plot.series.push_back(wave("curve " + std::to_string(i), 100));  // all end at the same height
    std::string const svg = drawing(plot.svg());
    std::vector<double> heights;
    for (int i = 0; i < 6; ++i) {
        std::size_t const at = svg.find(">curve " + std::to_string(i) + "<"), y = svg.rfind("y=\"", at);
        heights.push_back(std::stod(svg.substr(y + 3)));
    }
    std::sort(heights.begin(), heights.end());
    for (std::size_t i = 1; i < heights.size(); ++i) CHECK(heights[i] - heights[i - 1] >= 14.9);
    CHECK(heights.front() >= 0);
    CHECK(heights.back() <= plot.height);
    plot.series.push_back(wave("curve 6", 100));
    CHECK(count(drawing(plot.svg()), " class=\"line s") == 14);  // seven curves and their samples in the legend
}

TEST_CASE("line plot: a long series makes a small file that shows the extremes") {
    LinePlot plot;
    plot.series = {wave("loss", 1'000'000)};
    plot.series[0].y[777'777] = 9;  // one spike
    plot.series[0].y[333'333] = missing;
    std::string const svg = plot.svg();
    CHECK(svg.size() < 100'000);
    LinePlot small;
    small.series = {wave("loss", 1'000'000)};
    CHECK(svg.size() > small.svg().size() / 2);
    CHECK(count(svg, ">8<") == 1);  // the axis reaches the spike
    // the line does, too: nine lies near the top
    double top = 1e9;
    std::size_t const d = svg.find(" d=\"M");
    for (std::size_t i = svg.find(' ', d + 5); i < svg.find('"', d + 5); i = svg.find(' ', i + 1))
        top = std::min(top, std::stod(svg.substr(i + 1)));
    CHECK(top < 60);
}

TEST_CASE("line plot: smoothing draws the points faintly behind") {
    LinePlot plot;
    plot.series = {wave("loss", 500)};
    plot.series[0].smooth = 20;
    CHECK(count(drawing(plot.svg()), "faint") == 1);
    auto const average = tacet::detail::moving_average({5, missing, 5, 5}, 10);
    CHECK(average[0] == Approx(5));
    CHECK(std::isnan(average[1]));
    CHECK(average[3] == Approx(5));
    auto const step = tacet::detail::moving_average({0, 1}, 1);
    CHECK(step[1] == Approx(1 / (1 + std::exp(-1))));  // weights e^-1 and 1
}

TEST_CASE("line plot: nothing to show, one point, huge values") {
    CHECK_THAT(LinePlot{}.svg(), contains(">no data<"));
    LinePlot all_missing{.log_y = true};
    all_missing.series = {{.name = "x", .x = {1, 2}, .y = {-1, missing}}};
    CHECK_THAT(all_missing.svg(), contains(">no data<"));
    LinePlot one;
    one.series = {{.name = "x", .x = {3}, .y = {7}}};
    CHECK(count(drawing(one.svg()), "<circle") == 1);
    LinePlot huge;
    huge.series = {{.name = "x", .x = {0, 1}, .y = {-1e308, 1e308}}};
    CHECK(xml_check::problem(huge.svg()) == "");
    CHECK(count(huge.svg(), "nan") == 0);
    CHECK_THROWS_WITH((LinePlot{.series = {{.name = "a", .x = {1}, .y = {}}}}.svg()), "series \"a\": 1 x and 0 y");
}

TEST_CASE("line plot: fixed ends of the axis") {
    LinePlot plot{.y_low = 0, .y_high = 4};
    plot.series = {{.name = "", .x = {0, 1, 2}, .y = {1, 100, 2}}};
    std::string const svg = drawing(plot.svg());
    CHECK_THAT(svg, contains(">4<"));
    CHECK(count(svg, ">100<") == 0);
    CHECK(xml_check::problem(plot.svg()) == "");
}

TEST_CASE("line plot: names in place of numbers, upwards where they are many") {
    LinePlot plot{.x_names = {"one", "two", "<three>"}};
    plot.series = {{.name = "s", .x = {0, 1, 2}, .y = {1, 2, 1}}};
    std::string const few = drawing(plot.svg());
    for (std::string const text : {">one<", ">two<", ">&lt;three&gt;<"}) CHECK_THAT(few, contains(text));
    CHECK(count(few, "rotate") == 0);
    for (int i = 0; i < 37; ++i) plot.x_names.push_back("a longer name " + std::to_string(i));
    CHECK(count(drawing(plot.svg()), "rotate(-90") == 40);
    for (int i = 0; i < 100; ++i) plot.x_names.push_back("a longer name " + std::to_string(i));
    CHECK(count(drawing(plot.svg()), "rotate(-90") < 60);  // they do not crowd
    CHECK(xml_check::problem(plot.svg()) == "");
}

TEST_CASE("bar plot: bars stand on the axis and carry their values") {
    BarPlot plot{.title = "Gain", .y_label = "dB", .categories = {"a", "b & c"}, .decimals = 1};
    plot.bars = {{.name = "one", .values = {10, 5}}, {.name = "two", .values = {-2.5, missing}, .spread = {0.5, 0}}};
    std::string const svg = drawing(plot.svg());
    CHECK(xml_check::problem(plot.svg()) == "");
    for (std::string const text : {">10.0<", ">5.0<", ">-2.5<", ">a<", ">b &amp; c<", ">one<", ">two<", "<title>a, two: -2.5</title>"})
        CHECK_THAT(svg, contains(text));
    CHECK(count(svg, "whisker") == 3);
    CHECK(count(svg, "<rect") == 1 + 2 + 3);  // the paper, two in the legend, three bars
    auto const height = [&](std::string const& tip) {
        std::size_t const at = svg.find("<title>" + tip), h = svg.rfind("height=\"", at);
        return std::stod(svg.substr(h + 8));
    };
    CHECK(height("a, one") == Approx(2 * height("b &amp; c, one")).margin(0.2));
    CHECK(height("a, two") == Approx(height("a, one") / 4).margin(0.2));
}

TEST_CASE("bar plot: one colour has no legend; errors") {
    BarPlot plot{.categories = {"a"}, .bars = {{.name = "hidden", .values = {3}}}};
    CHECK(count(drawing(plot.svg()), ">hidden<") == 0);
    CHECK(xml_check::problem(BarPlot{}.svg()) == "");
    CHECK_THROWS_WITH((BarPlot{.categories = {"a", "b"}, .bars = {{.name = "x", .values = {1}}}}.svg()),
                      "bars \"x\": 1 values and 0 spreads for 2 categories");
    BarPlot from_20{.categories = {"a", "b"}, .bars = {{.values = {25, 30}}}, .y_low = 20};
    CHECK_THAT(drawing(from_20.svg()), contains(">20<"));
    CHECK(count(drawing(from_20.svg()), ">0<") == 0);
}

TEST_CASE("plot: labels spread as little as possible") {
    double a = 10, b = 12, c = 100;
    tacet::detail::spread_labels({&a, &b, &c}, 15, 0, 200);
    CHECK(a == 10);
    CHECK(b == 25);
    CHECK(c == 100);
    double d = 95, e = 96, f = 97;
    tacet::detail::spread_labels({&d, &e, &f}, 15, 0, 100);
    CHECK(f == 100);
    CHECK(e == 85);
    CHECK(d == 70);
}
}  // namespace plot_test
