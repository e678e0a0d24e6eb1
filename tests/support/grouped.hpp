// SPDX-License-Identifier: MIT
#pragma once
#include <support/array.hpp>
#include <algorithm>
#include <cmath>
#include <functional>

// References of reductions: plain loops over groups of elements.
namespace tacet::test {

/// The elements of x grouped by their index along the axes that are kept, each group handed to `value`.
inline Array grouped(Array const& x, std::vector<bool> const& reduced, bool keep,
                     std::function<double(std::vector<double> const&)> const& value) {
    Extents ones, dropped;
    for (std::size_t d = 0; d < x.shape.size(); ++d) {
        ones.push_back(reduced[d] ? 1 : x.shape[d]);
        if (!reduced[d]) dropped.push_back(x.shape[d]);
    }
    Array y(ones);
    for_each_index(ones, [&](Extents const& out) {
        std::vector<double> group;
        for_each_index(x.shape, [&](Extents const& i) {
            bool here = true;
            for (std::size_t d = 0; d < i.size(); ++d) here = here && (reduced[d] || i[d] == out[d]);
            if (here) group.push_back(x[i]);
        });
        y[out] = value(group);
    });
    if (!keep) y.shape = dropped;
    return y;
}
inline double total(std::vector<double> const& v) {
    double s = 0;
    for (double e : v) s += e;
    return s;
}
inline double average(std::vector<double> const& v) { return total(v) / static_cast<double>(v.size()); }
inline double variance(std::vector<double> const& v, double correction) {
    double s = 0;
    for (double e : v) s += (e - average(v)) * (e - average(v));
    return s / (static_cast<double>(v.size()) - correction);
}
inline double largest(std::vector<double> const& v) { return *std::max_element(v.begin(), v.end()); }


inline auto by(auto value, std::vector<bool> reduced, bool keep = false) {
    return [=](Arrays const& in) { return grouped(in[0], reduced, keep, value); };
}
/// A group is reduced as a whole expression: exp(x) * w, with w broadcast.
inline auto of_product(auto value, std::vector<bool> reduced) {
    return [=](Arrays const& in) {
        return grouped(elementwise(in, [](auto const& v) { return std::exp(v[0]) * v[1]; }), reduced, false, value);
    };
}

}  // namespace tacet::test
