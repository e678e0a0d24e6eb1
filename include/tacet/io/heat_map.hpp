// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <tacet/core/error.hpp>
#include <tacet/io/plot_axis.hpp>
#include <tacet/io/svg.hpp>

namespace tacet {

/// The colour of v in [0, 1] as "#rrggbb", from dark violet over green to light yellow: lightness grows in equal steps, so that the map
/// reads the same in grey and with any colour blindness. A path through OKLab (Ottosson, 2020).
inline std::string sequential_colour(double v) {
    double const t = std::clamp(v, 0., 1.), hue = (300 - 195 * t) * 3.14159265358979323846 / 180;
    double const lightness = 0.22 + 0.73 * t, chroma = 0.09 + 0.07 * t * t, a = chroma * std::cos(hue),
                 b = chroma * std::sin(hue);
    auto const cube = [](double x) { return x * x * x; };
    double const l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b), m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b),
                 s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
    std::array const linear{4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
                            -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
    std::string text = "#";
    for (double const x : linear) {
        double const c = std::clamp(x, 0., 1.), level = 255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055);
        auto const byte = static_cast<unsigned>(std::lround(level));
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

/// A matrix as coloured squares, the first row at the top, with a bar that tells what the colours mean. NaN leaves a square out.
struct HeatMap {
    std::string title = {}, bar_label = {};            ///< bar_label: what the values are
    std::vector<std::string> rows = {}, columns = {};  ///< their names
    std::vector<double> values = {};                   ///< (rows, columns), row after row
    std::optional<double> low = {}, high = {};         ///< where the colours begin and end; otherwise where the values do
    int width = 720;                                   ///< pixels; the height follows, as cells are square

    /// The plot as an SVG document, legible on light and dark pages; Error when values do not fit rows and columns.
    std::string svg() const;
};

namespace detail {

/// Draws one HeatMap; the steps share the layout.
class HeatMapPlotter {
public:
    explicit HeatMapPlotter(HeatMap const& map) : map_(map) {
        check(map.values.size() == map.rows.size() * map.columns.size() && !map.values.empty(), "a heat map of ", map.rows.size(),
              " rows and ", map.columns.size(), " columns with ", map.values.size(), " values");
        for (double const v : map.values) scale_.include(v);
        scale_.low = map.low.value_or(scale_.low), scale_.high = map.high.value_or(scale_.high);
        scale_.settle(5, map.low.has_value(), map.high.has_value());
        for (auto const& name : map.rows) left_ = std::max(left_, text_px(name) + 24);
        for (auto const& name : map.columns) below_ = std::max(below_, text_px(name) + 20);
        for (double const tick : scale_.ticks) bar_ = std::max(bar_, text_px(scale_.label(tick)) + 54);
        left_ = std::min(left_, 0.3 * map.width), below_ = std::min(below_, 0.3 * map.width);
        cell_ = std::clamp((map.width - left_ - bar_) / static_cast<double>(map.columns.size()), 1., 48.);
        top_ = (map.title.empty() ? 16 : 44) + (map.bar_label.empty() ? 0 : 20);
        right_ = left_ + cell_ * static_cast<double>(map.columns.size());
        bottom_ = top_ + cell_ * static_cast<double>(map.rows.size());
        scale_.from_px = bottom_, scale_.to_px = top_;
    }

    std::string draw() && {
        Svg svg(map_.width, bottom_ + below_, map_.title.empty() ? "plot" : map_.title);
        if (!map_.title.empty()) svg.text("ink title", 16, 26, map_.title);
        draw_cells(svg);
        draw_names(svg);
        draw_bar(svg);
        return std::move(svg).finish();
    }

private:
    std::string colour(double v) const { return sequential_colour((v - scale_.low) / (scale_.high - scale_.low)); }

    void draw_cells(Svg& svg) const {
        double const seam = cell_ > 6 ? 0.5 : 0;  // a hairline between large cells
        for (std::size_t i = 0, at = 0; i < map_.rows.size(); ++i)
            for (std::size_t j = 0; j < map_.columns.size(); ++j, ++at) {
                double const v = map_.values[at], x = left_ + static_cast<double>(j) * cell_, y = top_ + static_cast<double>(i) * cell_;
                if (!std::isfinite(v)) continue;
                svg.cell(colour(v), x, y, cell_ - seam, cell_ - seam, map_.rows[i] + ", " + map_.columns[j] + ": " + compact_number(v));
            }
    }
    void draw_names(Svg& svg) const {
        auto const every = static_cast<std::size_t>(std::ceil(12 / cell_));
        auto const clipped = [](std::string const& name, double room) {
            return clip_text(name, static_cast<std::size_t>(std::max((room - 20) / text_px("n"), 3.)));
        };
        for (std::size_t i = 0; i < map_.rows.size(); i += every)
            svg.text("soft", left_ - 6, top_ + (static_cast<double>(i) + 0.5) * cell_ + 4, clipped(map_.rows[i], left_), "end");
        for (std::size_t j = 0; j < map_.columns.size(); j += every)
            svg.text_upwards("soft", left_ + (static_cast<double>(j) + 0.5) * cell_ + 4, bottom_ + 6, clipped(map_.columns[j], below_),
                             "end");
    }
    void draw_bar(Svg& svg) const {
        double const x = right_ + 20, wide = 14;
        constexpr int steps = 64;
        double const high = (bottom_ - top_) / steps;
        for (int k = 0; k < steps; ++k)
            svg.cell(sequential_colour((k + 0.5) / steps), x, bottom_ - (k + 1) * high, wide, high + 0.5);
        for (double const tick : scale_.ticks) {
            svg.line("axis", x + wide, scale_(tick), x + wide + 4, scale_(tick));
            svg.text("soft", x + wide + 8, scale_(tick) + 4, scale_.label(tick));
        }
        svg.text("soft", 16, top_ - 14, map_.bar_label);
    }

    HeatMap const& map_;
    Axis scale_;
    double left_ = 0, top_ = 0, right_ = 0, bottom_ = 0, below_ = 0, bar_ = 0, cell_ = 0;
};

}  // namespace detail

inline std::string HeatMap::svg() const { return detail::HeatMapPlotter(*this).draw(); }

}  // namespace tacet
