// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <tacet/core/error.hpp>
#include <tacet/io/plot_axis.hpp>
#include <tacet/io/plot_track.hpp>

namespace tacet {

/// One curve of a plot: y over x. NaN and infinities are gaps.
struct Series {
    std::string name = {};
    std::vector<double> x = {}, y = {};
    double smooth = 0;  ///< > 0: a moving average over about that many points, the points themselves drawn faintly behind it
};

/// A horizontal line to compare with, such as the PSNR of the noisy input.
struct Mark {
    std::string name = {};
    double y = 0;
};

/// A line plot with grid, ticks at round numbers, and each curve labelled at its end (in a legend when there are more than six).
struct LinePlot {
    std::string title = {}, x_label = {}, y_label = {};
    std::vector<Series> series = {};
    std::vector<Mark> marks = {};
    std::vector<std::string> x_names = {};  ///< names of x = 0, 1, 2, ..., written in place of numbers, upwards where they are many
    bool log_x = false, log_y = false;      ///< values <= 0 are then gaps
    std::optional<double> y_low = {}, y_high = {};
    int width = 720, height = 380;  ///< pixels

    /// The plot as an SVG document, legible on light and dark pages; Error when x and y of a series differ in length.
    std::string svg() const;
};

namespace detail {

/// Draws one LinePlot; the steps share the axes and the layout.
class LinePlotter {
public:
    explicit LinePlotter(LinePlot const& plot)
        : plot_(plot), end_(plot.series.size(), std::numeric_limits<double>::quiet_NaN()),
          svg_(plot.width, plot.height, plot.title.empty() ? "plot" : plot.title) {
        for (auto const& s : plot.series)
            check(s.x.size() == s.y.size(), "series ", quote_text(s.name), ": ", s.x.size(), " x and ", s.y.size(), " y");
        if (plot.series.size() > 6) {
            for (auto const& s : plot.series) legend_names_.push_back(s.name);
            legend_ = place_legend(legend_names_, 22, plot.width - 32);
        }
        fit_axes();
        lay_out();
    }

    std::string draw() && {
        if (!plot_.title.empty()) svg_.text("ink title", 16, 26, plot_.title);
        draw_legend();
        draw_axes();
        svg_.begin_clip(left_ - 5, top_ - 5, right_ - left_ + 10, bottom_ - top_ + 10);  // dots may stand on the edge
        for (auto const& mark : plot_.marks)
            if (y_.shows(mark.y)) svg_.line("mark", left_, y_(mark.y), right_, y_(mark.y));
        for (std::size_t i = 0; i < plot_.series.size(); ++i) draw_series(i);
        svg_.end_clip();
        draw_end_labels();
        return std::move(svg_).finish();
    }

private:
    void fit_axes() {
        x_.log = plot_.log_x;
        y_.log = plot_.log_y;
        for (auto const& s : plot_.series)
            for (std::size_t i = 0; i < s.x.size(); ++i) {
                if (!x_.shows(s.x[i]) || !y_.shows(s.y[i])) continue;
                x_.include(s.x[i]);
                y_.include(s.y[i]);
            }
        empty_ = x_.empty();
        for (auto const& mark : plot_.marks) y_.include(mark.y);
        y_.low = plot_.y_low.value_or(y_.low);
        y_.high = plot_.y_high.value_or(y_.high);
        x_.make_drawable();
    }

    void lay_out() {
        top_ = (plot_.title.empty() ? 14 : 44) + (plot_.y_label.empty() ? 0 : 20) + (legend_.empty() ? 0 : 22 + 18 * legend_.back().row);
        bottom_ = plot_.height - (plot_.x_label.empty() ? 12 : 30);
        if (!plot_.x_names.empty()) lay_out_names();
        else bottom_ -= 18;
        y_.settle(std::max(static_cast<int>((bottom_ - top_) / 46), 2), plot_.y_low.has_value(), plot_.y_high.has_value());
        double widest = 0, names = 0;
        for (double const tick : y_.ticks) widest = std::max(widest, text_px(y_.label(tick)));
        left_ = 16 + widest + 8;
        if (legend_.empty())
            for (auto const& s : plot_.series) names = std::max(names, text_px(s.name));
        for (auto const& mark : plot_.marks) names = std::max(names, text_px(mark.name));
        right_ = plot_.width - 20 - (names > 0 ? std::min(names + 8, plot_.width * 0.35) : 0);
        x_.ticks =
            x_.log ? log_ticks(x_.low, x_.high, 8) : nice_ticks(x_.low, x_.high, std::max(static_cast<int>((right_ - left_) / 90), 2));
        x_.from_px = left_, x_.to_px = right_;
        y_.from_px = bottom_, y_.to_px = top_;
    }

    /// Names stand under the axis, or upwards where they are wider than their places.
    void lay_out_names() {
        double widest = 0;
        for (auto const& name : plot_.x_names) widest = std::max(widest, text_px(name));
        x_.low = 0, x_.high = static_cast<double>(plot_.x_names.size() - 1);
        x_.make_drawable();
        upwards_ = widest + 8 > 0.75 * plot_.width / static_cast<double>(plot_.x_names.size());
        bottom_ -= upwards_ ? std::min(widest, plot_.height * 0.4) + 8 : 18;
    }

    void draw_names() {
        double const step = plot_.x_names.size() > 1 ? x_(1) - x_(0) : right_ - left_;
        std::size_t const every = upwards_ ? static_cast<std::size_t>(std::ceil(13 / step)) : 1;
        auto const columns = static_cast<std::size_t>(plot_.height * 0.4 / text_px("n"));
        for (std::size_t k = 0; k < plot_.x_names.size(); ++k) {
            double const at = x_(static_cast<double>(k));
            svg_.line("axis", at, bottom_, at, bottom_ + 4);
            if (k % every) continue;
            if (upwards_) svg_.text_upwards("soft", at + 4, bottom_ + 8, clip_text(plot_.x_names[k], columns), "end");
            else svg_.text("soft", at, bottom_ + 18, plot_.x_names[k], "middle");
        }
    }

    void draw_axes() {
        if (!plot_.y_label.empty()) svg_.text("soft", 16, top_ - 14, plot_.y_label);
        if (!plot_.x_label.empty()) svg_.text("soft", right_, plot_.height - 10, plot_.x_label, "end");
        for (double const tick : y_.ticks) {
            if (empty_) break;
            svg_.line("grid", left_, y_(tick), right_, y_(tick));
            svg_.text("soft", left_ - 8, y_(tick) + 4, y_.label(tick), "end");
        }
        svg_.line("axis", left_, bottom_, right_, bottom_);
        if (empty_) return svg_.text("soft", (left_ + right_) / 2, (top_ + bottom_) / 2, "no data", "middle");
        if (!plot_.x_names.empty()) return draw_names();
        double free_from = -1e9;
        for (double const tick : x_.ticks) {
            double const at = x_(tick), half = text_px(x_.label(tick)) / 2;
            svg_.line("axis", at, bottom_, at, bottom_ + 4);
            if (at - half < free_from) continue;  // labels of a logarithmic axis may crowd
            svg_.text("soft", at, bottom_ + 18, x_.label(tick), "middle");
            free_from = at + half + 6;
        }
    }

    Track track(std::vector<double> const& x, std::vector<double> const& y) const {
        Track out;
        for (std::size_t i = 0; i < x.size(); ++i) {
            bool const here = x_.shows(x[i]) && y_.shows(y[i]);
            out.x.push_back(x_.shows(x[i]) ? x_(x[i]) : out.x.empty() ? left_ : out.x.back());
            out.y.push_back(here ? std::clamp(y_(y[i]), -1e5, 1e5) : std::numeric_limits<double>::quiet_NaN());
        }
        return out;
    }

    void draw_series(std::size_t index) {
        Series const& s = plot_.series[index];
        std::string const c = number_text(index % svg_colours), line = "line s" + c;
        Track points = track(s.x, s.y);
        if (s.smooth > 0) {
            svg_.path(line + " faint", path_data(thin_out(points, right_ - left_)));
            points = track(s.x, moving_average(s.y, s.smooth));
        }
        svg_.path(line + " d" + c, path_data(thin_out(points, right_ - left_)));
        bool const few = s.smooth <= 0 && points.x.size() * 20 < static_cast<std::size_t>(right_ - left_);
        for (std::size_t i = 0; i < points.x.size(); ++i) {
            if (!std::isfinite(points.y[i])) continue;
            end_[index] = points.y[i];
            std::string const tip = (s.name.empty() ? "" : s.name + ": ") + compact_number(s.x[i], 6) + ", " + compact_number(s.y[i], 5);
            if (few) svg_.circle("dot f" + c, points.x[i], points.y[i], 3.6, tip);
        }
    }

    void draw_legend() {
        for (std::size_t i = 0; i < legend_.size(); ++i) {
            double const x = 16 + legend_[i].x, y = (plot_.title.empty() ? 18 : 48) + 18 * legend_[i].row;
            std::string const c = number_text(i % svg_colours);
            svg_.line("line s" + c + " d" + c, x, y - 4, x + 22, y - 4);
            svg_.text("ink", x + 28, y, legend_names_[i]);
        }
    }

    void draw_end_labels() {
        struct Label {
            std::string css, name;
            double y;
        };
        std::vector<Label> labels;
        for (std::size_t i = 0; i < plot_.series.size() && legend_.empty(); ++i)
            if (std::isfinite(end_[i]) && !plot_.series[i].name.empty())
                labels.push_back({"f" + number_text(i % svg_colours), plot_.series[i].name, end_[i]});
        for (auto const& mark : plot_.marks)
            if (y_.shows(mark.y)) labels.push_back({"soft", mark.name, y_(mark.y)});
        std::vector<double*> heights;
        for (auto& label : labels) heights.push_back(&label.y);
        spread_labels(heights, 15, top_, bottom_);
        std::size_t const columns = static_cast<std::size_t>(std::max(plot_.width - right_ - 14, 20.) / text_px("n"));
        for (auto const& label : labels) svg_.text(label.css, right_ + 8, label.y + 4, clip_text(label.name, columns));
    }

    LinePlot const& plot_;
    Axis x_, y_;
    std::vector<double> end_;  // height of each curve's last point
    Svg svg_;
    double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0;
    std::vector<std::string> legend_names_;
    std::vector<LegendPlace> legend_;  // empty when the curves are labelled at their ends
    bool empty_ = false, upwards_ = false;
};

}  // namespace detail

inline std::string LinePlot::svg() const { return detail::LinePlotter(*this).draw(); }

}  // namespace tacet
