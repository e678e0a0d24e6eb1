// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/shape.hpp>
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace tacet {

/// Counts of values in equal bins over a fixed range. What lies outside counts in the outermost bins, so that no value is lost.
class Histogram {
public:
    /// Throws Error for an empty range or no bins.
    Histogram(double low, double high, Index bins) : low_(low), high_(high) {
        check(std::isfinite(high - low) && high > low && bins > 0, "histogram: ", bins, " bins from ", low, " to ", high);
        counts_.resize(static_cast<std::size_t>(bins));
    }

    /// Throws Error for NaN, which has no bin.
    void add(double value) {
        check(!std::isnan(value), "histogram: a value is not a number");
        double const at = std::floor((value - low_) / (high_ - low_) * static_cast<double>(counts_.size()));
        ++counts_[static_cast<std::size_t>(std::clamp(at, 0., static_cast<double>(counts_.size() - 1)))];
        ++total_;
        sum_ += value;
    }
    void add(std::span<float const> values) {
        for (float const v : values) add(static_cast<double>(v));
    }

    double low() const { return low_; }
    double high() const { return high_; }
    Index bins() const { return static_cast<Index>(counts_.size()); }
    Index total() const { return total_; }
    /// The mean of the values themselves; NaN when there are none.
    double mean() const { return sum_ / static_cast<double>(total_); }
    /// The share of the values in each bin; of no values, zeros.
    std::vector<double> shares() const {
        std::vector<double> out;
        for (Index const n : counts_) out.push_back(total_ > 0 ? static_cast<double>(n) / static_cast<double>(total_) : 0.);
        return out;
    }
    /// The middle of each bin.
    std::vector<double> centres() const {
        std::vector<double> out;
        double const width = (high_ - low_) / static_cast<double>(counts_.size());
        for (std::size_t k = 0; k < counts_.size(); ++k) out.push_back(low_ + (static_cast<double>(k) + 0.5) * width);
        return out;
    }

private:
    double low_, high_, sum_ = 0;
    std::vector<Index> counts_;
    Index total_ = 0;
};

namespace detail {
/// The sum of f(share of a, share of b) over the bins of two histograms. Throws Error when their bins differ or one is empty.
inline double sum_over_bins(Histogram const& a, Histogram const& b, auto&& f) {
    check(a.low() == b.low() && a.high() == b.high() && a.bins() == b.bins(), "histograms of different bins cannot be compared");
    check(a.total() > 0 && b.total() > 0, "an empty histogram cannot be compared");
    auto const p = a.shares(), q = b.shares();
    double sum = 0;
    for (std::size_t k = 0; k < p.size(); ++k) sum += f(p[k], q[k]);
    return sum;
}
/// The mean of f over all pairs; 1 histogram has none: NaN.
inline double mean_over_pairs(std::vector<Histogram> const& all, auto&& f) {
    double sum = 0, pairs = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t j = i + 1; j < all.size(); ++j, ++pairs) sum += f(all[i], all[j]);
    return sum / pairs;
}
}  // namespace detail

/// How much of two histograms coincides: the sum of the smaller shares, 1 for equal ones, 0 for disjoint ones. Throws Error when their
/// bins differ or one is empty.
inline double overlap(Histogram const& a, Histogram const& b) {
    return detail::sum_over_bins(a, b, [](double p, double q) { return std::min(p, q); });
}

/// The Jensen-Shannon divergence of two histograms in bits, 0 for equal ones, 1 for disjoint ones: the mean of the Kullback-Leibler
/// divergences from their mean (Lin, Divergence measures based on the Shannon entropy, 1991). Throws Error like overlap.
inline double jensen_shannon(Histogram const& a, Histogram const& b) {
    return detail::sum_over_bins(a, b, [](double p, double q) {
        double const m = (p + q) / 2;
        auto const term = [m](double v) { return v > 0 ? v * std::log2(v / m) / 2 : 0.; };
        return term(p) + term(q);
    });
}

/// The mean of overlap over all pairs of histograms; NaN when there is no pair.
inline double mean_overlap(std::vector<Histogram> const& all) { return detail::mean_over_pairs(all, overlap); }
/// The mean of jensen_shannon over all pairs of histograms, in bits; NaN when there is no pair.
inline double mean_jensen_shannon(std::vector<Histogram> const& all) { return detail::mean_over_pairs(all, jensen_shannon); }

}  // namespace tacet
