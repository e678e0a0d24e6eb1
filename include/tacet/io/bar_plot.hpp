// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <tacet/core/error.hpp>
#include <tacet/io/plot_axis.hpp>
#include <tacet/io/svg.hpp>

namespace tacet {

/// One colour of bars: a value for each category; NaN leaves a bar out.
struct Bars {
    std::string name = {};
    std::vector<double> values = {};
    std::vector<double> spread = {};  ///< empty, or half the length of a whisker for each value
};

/// A plot of groups of vertical bars with their values written above them.
struct BarPlot {
    std::string title = {}, y_label = {};
    std::vector<std::string> categories = {};
    std::vector<Bars> bars = {};
    int decimals = -1;                 ///< of the written values; -1: up to four significant digits
    std::optional<double> y_low = {};  ///< where the bars begin; zero otherwise. Say so when it is not zero
    int width = 720, height = 360;     ///< pixels

    /// The plot as an SVG document, legible on light and dark pages; Error when values and categories differ in number.
    std::string svg() const;
};

namespace detail {

/// Draws one BarPlot; the steps share the axis and the layout.
class BarPlotter {
public:
    explicit BarPlotter(BarPlot const& plot) : plot_(plot), svg_(plot.width, plot.height, plot.title.empty() ? "plot" : plot.title) {
        for (auto const& b : plot.bars) {
            bool const fits = b.values.size() == plot.categories.size() && (b.spread.empty() || b.spread.size() == b.values.size());
            check(fits, "bars ", quote_text(b.name), ": ", b.values.size(), " values and ", b.spread.size(), " spreads for ",
                  plot.categories.size(), " categories");
        }
        for (auto const& b : plot.bars) legend_names_.push_back(b.name);
        if (plot.bars.size() > 1) legend_ = place_legend(legend_names_, 12, plot.width - 32);
        lay_out();
    }

    std::string draw() && {
        if (!plot_.title.empty()) svg_.text("ink title", 16, 26, plot_.title);
        draw_legend();
        if (!plot_.y_label.empty()) svg_.text("soft", 16, top_ - 16, plot_.y_label);
        for (double const tick : y_.ticks) {
            svg_.line("grid", left_, y_(tick), right_, y_(tick));
            svg_.text("soft", left_ - 8, y_(tick) + 4, y_.label(tick), "end");
        }
        for (std::size_t c = 0; c < plot_.categories.size(); ++c) draw_category(c);
        svg_.line("axis", left_, y_(base_), right_, y_(base_));
        return std::move(svg_).finish();
    }

private:
    void lay_out() {
        std::size_t const n = std::max<std::size_t>(plot_.categories.size(), 1);
        top_ = (plot_.title.empty() ? 20 : 50) + (plot_.y_label.empty() ? 0 : 20) + (legend_.empty() ? 0 : 24 + 18 * legend_.back().row);
        base_ = plot_.y_low.value_or(0);
        y_.include(base_);
        for (auto const& b : plot_.bars)
            for (std::size_t i = 0; i < b.values.size(); ++i) {
                double const reach = b.spread.empty() || !std::isfinite(b.spread[i]) ? 0 : b.spread[i];
                y_.include(b.values[i] + reach);
                y_.include(plot_.y_low ? std::max(b.values[i] - reach, base_) : b.values[i] - reach);
            }
        y_.settle(std::max((plot_.height - 110) / 46, 2), false, false);
        double widest = 0;
        for (double const tick : y_.ticks) widest = std::max(widest, text_px(y_.label(tick)));
        left_ = 16 + widest + 8;
        right_ = plot_.width - 20;
        slot_ = (right_ - left_) / static_cast<double>(n);
        std::size_t lines = 1;
        for (auto const& category : plot_.categories) lines = std::max(lines, wrapped(category).size());
        bottom_ = plot_.height - 18 - 15 * static_cast<double>(lines);
        y_.from_px = bottom_, y_.to_px = top_;
    }

    std::vector<std::string> wrapped(std::string const& category) const {
        std::size_t const columns = static_cast<std::size_t>(std::max((slot_ - 6) / text_px("n"), 3.));
        auto lines = wrap_text(category, columns);
        if (lines.size() > 3) lines.resize(3), lines[2] += " …";
        for (auto& line : lines) line = clip_text(line, columns);
        return lines;
    }

    void draw_category(std::size_t c) {
        double const n = static_cast<double>(plot_.bars.size()), middle = left_ + slot_ * (static_cast<double>(c) + 0.5);
        double const bar = std::min(0.76 * slot_ / std::max(n, 1.), 64.), gap = n > 1 ? std::min(3., bar * 0.1) : 0;
        for (std::size_t b = 0; b < plot_.bars.size(); ++b) {
            double const value = plot_.bars[b].values[c], x = middle + (static_cast<double>(b) - n / 2) * bar + gap / 2;
            if (!std::isfinite(value)) continue;
            double const from = y_(base_), to = y_(value);
            std::string const text = plot_.decimals >= 0 ? fixed_number(value, plot_.decimals) : compact_number(value);
            std::string const tip = plot_.categories[c] + (plot_.bars[b].name.empty() ? "" : ", " + plot_.bars[b].name) + ": " + text;
            svg_.rectangle("f" + number_text(b % svg_colours), x, std::min(from, to), bar - gap, std::abs(to - from), tip);
            double const spread = plot_.bars[b].spread.empty() ? 0 : plot_.bars[b].spread[c], centre = x + (bar - gap) / 2;
            double const end = whisker(centre, value, spread);
            if (text_px(text, 11) < bar + 14) svg_.text("ink", centre, value < base_ ? end + 15 : end - 6, text, "middle");
        }
        auto const lines = wrapped(plot_.categories[c]);
        for (std::size_t i = 0; i < lines.size(); ++i)
            svg_.text("soft", middle, bottom_ + 18 + 15 * static_cast<double>(i), lines[i], "middle");
    }

    /// Returns the height of its outer end.
    double whisker(double x, double value, double spread) {
        if (!(spread > 0) || !std::isfinite(spread)) return y_(value);
        double const high = y_(value + spread), low = std::min(y_(value - spread), bottom_);
        svg_.line("whisker", x, low, x, high);
        svg_.line("whisker", x - 4, high, x + 4, high);
        svg_.line("whisker", x - 4, low, x + 4, low);
        return value < base_ ? low : high;
    }

    void draw_legend() {
        for (std::size_t b = 0; b < legend_.size(); ++b) {
            double const x = 16 + legend_[b].x, y = (plot_.title.empty() ? 20 : 50) + 18 * legend_[b].row;
            svg_.rectangle("f" + number_text(b % svg_colours), x, y - 10, 12, 12);
            svg_.text("ink", x + 18, y, legend_names_[b]);
        }
    }

    BarPlot const& plot_;
    Axis y_;
    Svg svg_;
    double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0, slot_ = 0, base_ = 0;
    std::vector<std::string> legend_names_;
    std::vector<LegendPlace> legend_;
};

}  // namespace detail

inline std::string BarPlot::svg() const { return detail::BarPlotter(*this).draw(); }

}  // namespace tacet
