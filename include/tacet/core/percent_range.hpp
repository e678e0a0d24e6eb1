// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>

namespace tacet {

/// A range of whole percents, both ends included.
struct PercentRange {
    int low = 0, high = 0;
    constexpr bool operator==(PercentRange const&) const = default;
};

/// Throws Error, naming what the range is for, unless 0 <= low <= high <= 100.
inline void check_percent(PercentRange const& range, char const* what) {
    check(range.low >= 0 && range.high <= 100, what, ": percentages lie between 0 and 100, not ", range.low, " to ", range.high);
    check(range.low <= range.high, what, ": the range ", range.low, " to ", range.high, " % is empty");
}

/// The stream's percentage at `index`: one of the range's whole numbers, all equally likely. The range is not checked.
constexpr int percent_at(Stream const& stream, std::uint64_t index, PercentRange const& range) {
    return range.low + static_cast<int>(below_at(stream, index, static_cast<std::uint64_t>(range.high - range.low + 1)));
}

namespace detail {
/// With probability `percent` / 100, a random word lies below this: 0 to 2^32.
constexpr std::uint64_t percent_threshold(int percent) { return (static_cast<std::uint64_t>(percent) << 32) / 100; }
}  // namespace detail

}  // namespace tacet
