// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <tacet/io/text.hpp>

namespace tacet {

/// The smallest step of the form 1, 2, 2.5 or 5 times a power of ten that cuts a span into at most `most` parts.
inline double nice_step(double span, int most) {
    double const rough = span / most, power = std::pow(10, std::floor(std::log10(rough)));
    for (double const factor : {1., 2., 2.5, 5.})
        if (factor * power >= rough * (1 - 1e-9)) return factor * power;
    return 10 * power;
}

/// The multiples of `step` within [low, high].
inline std::vector<double> multiples(double step, double low, double high) {
    double const slack = 1e-9 * (high - low);
    std::vector<double> ticks;
    for (double k = std::ceil((low - slack) / step); k * step <= high + slack && ticks.size() < 1000; ++k)
        ticks.push_back(k == 0 ? 0 : k * step);
    return ticks;
}

/// The multiples of a nice step within [low, high], at most about `most`.
inline std::vector<double> nice_ticks(double low, double high, int most) {
    return multiples(nice_step(high - low, std::max(most, 1)), low, high);
}

/// Ticks for a logarithmic axis over [low, high], 0 < low < high: powers of ten, with 2s and 5s when those are few, or nice numbers.
inline std::vector<double> log_ticks(double low, double high, int most) {
    int const first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
    auto const collect = [&](std::vector<double> const& digits, int stride) {
        std::vector<double> ticks;
        for (int k = first; k <= last; ++k)
            for (double const digit : digits)
                if (double const v = digit * std::pow(10, k); k % stride == 0 && v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9))
                    ticks.push_back(v);
        return ticks;
    };
    std::vector<double> ticks = collect({1}, 1);
    for (int stride = 2; static_cast<int>(ticks.size()) > most && stride < 1000; ++stride) ticks = collect({1}, stride);
    if (ticks.size() < 3) ticks = collect({1, 2, 5}, 1);
    return ticks.size() < 3 ? nice_ticks(low, high, most) : ticks;
}

namespace detail {

/// One axis: a range of values, mapped to pixels, and its ticks.
struct Axis {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    bool log = false;
    double from_px = 0, to_px = 1;
    std::vector<double> ticks;

    bool shows(double v) const { return std::isfinite(v) && (!log || v > 0); }
    void include(double v) {
        if (!shows(v)) return;
        low = std::min(low, v);
        high = std::max(high, v);
    }
    bool empty() const { return low > high; }

    double scale(double v) const { return log ? std::log10(v) : v; }
    double operator()(double v) const { return from_px + (scale(v) - scale(low)) / (scale(high) - scale(low)) * (to_px - from_px); }

    /// Widens an empty or single-valued range so that it can be drawn.
    void make_drawable() {
        if (empty()) low = log ? 1 : 0, high = log ? 10 : 1;
        if (scale(high) - scale(low) > 1e-12 * std::max(std::abs(scale(low)), std::abs(scale(high)))) return;
        double const centre = low, half = centre == 0 ? 1 : 0.1 * std::abs(centre);
        low = log ? centre / 2 : centre - half;
        high = log ? centre * 2 : centre + half;
    }

    /// Extends the range outwards to the next ticks (or a little, when logarithmic), except where an end is fixed; makes the ticks.
    void settle(int most, bool low_fixed, bool high_fixed) {
        make_drawable();
        if (log) {
            double const margin = std::pow(high / low, 0.04);
            low = low_fixed ? low : low / margin;
            high = high_fixed ? high : high * margin;
            ticks = log_ticks(low, high, most);
            return;
        }
        double const step = nice_step(high - low, most);
        low = low_fixed ? low : std::floor(low / step + 1e-9) * step;
        high = high_fixed ? high : std::ceil(high / step - 1e-9) * step;
        ticks = multiples(step, low, high);
    }

    /// The label of a tick: all ticks of a linear axis have the same number of decimals; thousands and millions as 20k and 1.5M.
    std::string label(double v) const {
        if (log && (v >= 1e6 || v < 1e-3)) return compact_number(v, 3);
        double const largest = std::max(std::abs(low), std::abs(high));
        double const unit = largest >= 1e15 ? 0 : largest >= 2e6 ? 1e6 : largest >= 1e4 ? 1e3 : 1;
        if (unit == 0 || largest < 1e-3) return compact_number(v, 3);
        char const* const suffix = unit > 1e3 ? "M" : unit > 1 ? "k" : "";
        if (v == 0) return "0";
        if (log) return compact_number(v / unit, 3) + suffix;
        double const step = ticks.size() > 1 ? (ticks[1] - ticks[0]) / unit : 1;
        int decimals = 0;
        for (double s = step; decimals < 9 && std::abs(s - std::round(s)) > 1e-6 * s; s *= 10) ++decimals;
        return fixed_number(v / unit, decimals) + suffix;
    }
};

}  // namespace detail
}  // namespace tacet
