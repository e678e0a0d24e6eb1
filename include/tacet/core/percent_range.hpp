// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/random.hpp>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

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

/// Reads a range of whole percents, "80-90" or "75"; "off" is none. Throws Error, naming what the range is for, for anything else.
inline std::optional<PercentRange> parse_percent_range(std::string_view text, char const* what) {
    if (text == "off") return std::nullopt;
    PercentRange range;
    char const* const end = text.data() + text.size();
    auto read = std::from_chars(text.data(), end, range.low);
    range.high = range.low;
    if (read.ec == std::errc() && read.ptr != end && *read.ptr == '-') read = std::from_chars(read.ptr + 1, end, range.high);
    check(read.ec == std::errc() && read.ptr == end, what, ": \"", std::string(text),
          "\" is neither PERCENT nor LOW-HIGH, in whole numbers, nor off");
    check_percent(range, what);
    return range;
}

/// The text that parse_percent_range reads as this.
inline std::string percent_text(std::optional<PercentRange> const& range) {
    if (!range) return "off";
    return range->low == range->high ? std::to_string(range->low) : concat_text(range->low, '-', range->high);
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
