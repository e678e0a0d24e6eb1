// SPDX-License-Identifier: MIT
#pragma once
#include <support/array.hpp>
#include <tacet/core/error.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tacet::test {

inline std::string number(double v) {
    char s[40];
    std::snprintf(s, sizeof s, "%.17g", v);
    return s;
}

/// The first difference between y and what is expected, relative to |element| + the root mean square, and beyond
/// `floor`; empty when there is none.
inline std::string difference(Array const& y, Array const& expected, double tolerance, char const* expectation, double floor = 0) {
    if (y.shape != expected.shape) return concat_text("the shape is ", text(y.shape), ", ", expectation, " ", text(expected.shape));
    double squares = 0;
    for (double v : expected.data) squares += v * v;
    double const scale = y.size() ? std::sqrt(squares / static_cast<double>(y.size())) : 0;
    for (std::size_t k = 0; k < y.data.size(); ++k) {
        double const a = y.data[k], b = expected.data[k];
        if (a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= tolerance * (std::fabs(b) + scale) + floor) continue;
        auto const where = position(static_cast<std::ptrdiff_t>(k), y.shape);
        return concat_text("element ", text(where), " is ", number(a), ", ", expectation, " ", number(b));
    }
    return "";
}

/// The squared distance of a from b, lists of numbers of one length, over the squared norm of b.
inline double relative_square(auto const& a, auto const& b) {
    check(a.size() == b.size(), "lists of ", a.size(), " and ", b.size(), " numbers are compared");
    double distance = 0, norm = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(b.size()); ++k) {
        double const x = static_cast<double>(a.data()[k]), y = static_cast<double>(b.data()[k]);
        distance += (x - y) * (x - y), norm += y * y;
    }
    return distance / std::max(norm, 1e-30);
}

/// Weights of the results in the loss whose gradient is checked: fixed and uneven, so that no error hides in a symmetric sum.
inline Array probe(Extents const& shape) { return numbers(shape, -1, 1, 99); }

}  // namespace tacet::test
