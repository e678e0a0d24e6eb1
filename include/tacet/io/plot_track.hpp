// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <tacet/io/svg.hpp>

namespace tacet::detail {

/// The points of one curve in pixels; a NaN is a gap.
struct Track {
    std::vector<double> x, y;
};

inline std::vector<double> moving_average(std::vector<double> const& y, double length) {
    double const fade = std::exp(-1 / length);
    std::vector<double> out;
    double sum = 0, weight = 0;
    for (double const v : y) {
        if (std::isfinite(v)) {
            sum = fade * sum + (1 - fade) * v;
            weight = fade * weight + (1 - fade);
        }
        out.push_back(std::isfinite(v) ? sum / weight : v);
    }
    return out;
}

/// Keeps at most four points per pixel column (first, lowest, highest, last): the drawn line is the same, the file small.
inline Track thin_out(Track const& track, double width) {
    if (static_cast<double>(track.x.size()) < 4 * width || !std::ranges::is_sorted(track.x)) return track;
    Track out;
    auto const keep = [&](std::size_t i) { out.x.push_back(track.x[i]), out.y.push_back(track.y[i]); };
    for (std::size_t begin = 0, end = 0; begin < track.x.size(); begin = end) {
        std::size_t low = begin, high = begin;
        for (end = begin; end < track.x.size() && std::floor(track.x[end]) == std::floor(track.x[begin]); ++end) {
            if (!(track.y[end] >= track.y[low])) low = end;  // a NaN becomes both: the gap stays
            if (!(track.y[end] <= track.y[high])) high = end;
        }
        std::vector<std::size_t> kept{begin, low, high, end - 1};
        std::ranges::sort(kept);
        kept.erase(std::ranges::unique(kept).begin(), kept.end());
        for (std::size_t const i : kept) keep(i);
    }
    return out;
}

inline std::string path_data(Track const& track) {
    std::string d;
    bool pen_down = false;
    for (std::size_t i = 0; i < track.x.size(); ++i) {
        bool const here = std::isfinite(track.x[i]) && std::isfinite(track.y[i]);
        if (here) d += (pen_down ? "L" : "M") + px(track.x[i]) + " " + px(track.y[i]);
        pen_down = here;
    }
    return d;
}

/// Moves labels apart so that they keep `gap` pixels, as little as possible, within [top, bottom].
inline void spread_labels(std::vector<double*> labels, double gap, double top, double bottom) {
    std::ranges::sort(labels, {}, [](double const* y) { return *y; });
    double least = top;
    for (double* y : labels) least = (*y = std::max(*y, least)) + gap;
    double most = bottom;
    for (std::size_t i = labels.size(); i-- > 0;) most = (*labels[i] = std::min(*labels[i], most)) - gap;
}

}  // namespace tacet::detail
