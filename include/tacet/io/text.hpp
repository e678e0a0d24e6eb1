// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacet {

namespace detail {

struct CodePoint {
    std::uint32_t value;  // 0xFFFD for a byte that is not UTF-8
    std::size_t bytes;
};

/// Decodes the UTF-8 sequence at `at`; an invalid byte (overlong, surrogate, truncated) counts as one replacement character.
inline CodePoint decode_utf8(std::string_view text, std::size_t at) {
    auto const byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
    unsigned const lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    std::size_t const length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4) return {0xFFFD, 1};
    std::uint32_t value = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {0xFFFD, 1};
        value = value << 6 | (byte(i) & 0x3F);
    }
    bool const overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    if (overlong || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return {0xFFFD, 1};
    return {value, length};
}

/// Terminal columns of one character: 0 for combining marks, 2 for East Asian wide forms and emoji, 1 otherwise.
inline std::size_t column_width(std::uint32_t c) {
    struct Span {
        std::uint32_t first, last;
    };
    auto const within = [c](Span const& s) { return c >= s.first && c <= s.last; };
    constexpr std::array zero{Span{0x300, 0x36F}, Span{0x200B, 0x200F}, Span{0xFE00, 0xFE0F}};
    constexpr std::array wide{Span{0x1100, 0x115F}, Span{0x2E80, 0xA4CF}, Span{0xAC00, 0xD7A3},   Span{0xF900, 0xFAFF},
                              Span{0xFE30, 0xFE6F}, Span{0xFF00, 0xFF60}, Span{0x1F300, 0x1FAFF}, Span{0x20000, 0x3FFFD}};
    if (std::ranges::any_of(zero, within)) return 0;
    return std::ranges::any_of(wide, within) ? 2 : 1;
}

}  // namespace detail

/// The number of terminal columns that UTF-8 `text` takes.
inline std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size();) {
        auto const c = detail::decode_utf8(text, i);
        width += detail::column_width(c.value);
        i += c.bytes;
    }
    return width;
}

/// `text` cut to at most `width` columns, the last of them an ellipsis when something was lost.
inline std::string clip_text(std::string_view text, std::size_t width) {
    if (display_width(text) <= width) return std::string(text);
    if (width == 0) return {};
    std::size_t used = 0, i = 0;
    while (i < text.size()) {
        auto const c = detail::decode_utf8(text, i);
        if (used + detail::column_width(c.value) > width - 1) break;
        used += detail::column_width(c.value);
        i += c.bytes;
    }
    return std::string(text.substr(0, i)) + "…";
}

/// `text` filled with spaces up to `width` columns; on the left when `right_aligned`.
inline std::string pad_text(std::string_view text, std::size_t width, bool right_aligned = false) {
    std::size_t const used = display_width(text);
    std::string const fill(width > used ? width - used : 0, ' ');
    return right_aligned ? fill + std::string(text) : std::string(text) + fill;
}

/// `text` broken at spaces into lines of at most `width` columns; a newline starts a new line, a longer word has a line of its own.
inline std::vector<std::string> wrap_text(std::string_view text, std::size_t width) {
    std::vector<std::string> lines(1);
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '\n') lines.emplace_back();
        if (text[i] == '\n' || text[i] == ' ') {
            ++i;
            continue;
        }
        std::string_view const word = text.substr(i, std::min(text.find_first_of(" \n", i), text.size()) - i);
        std::string& line = lines.back();
        if (line.empty()) line = word;
        else if (display_width(line) + 1 + display_width(word) <= width) line.append(" ").append(word);
        else lines.emplace_back(word);
        i += word.size();
    }
    return lines;
}

/// `text` with every byte that is not UTF-8 replaced by U+FFFD.
inline std::string valid_utf8(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        auto const c = detail::decode_utf8(text, i);
        out += c.value == 0xFFFD ? std::string_view("\xEF\xBF\xBD") : text.substr(i, c.bytes);
        i += c.bytes;
    }
    return out;
}

/// `text` between double quotes, fit for one line of a message: control characters become spaces, more than 80 columns are cut.
inline std::string quote_text(std::string_view text) {
    std::string clean = valid_utf8(text.substr(0, 400));
    for (char& c : clean)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    return '"' + clip_text(clean, 80) + '"';
}

/// `text` for the content or a quoted attribute of XML and HTML; control characters that XML forbids are dropped.
inline std::string escape_markup(std::string_view text) {
    std::string out;
    for (char const c : valid_utf8(text)) switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
        }
    return out;
}

namespace detail {
/// 1e-07 as 1e-7 and 1e+20 as 1e20.
inline std::string short_exponent(std::string text) {
    std::size_t const e = text.find('e');
    if (e == std::string::npos) return text;
    std::size_t const digits = std::min(text.find_first_not_of("+-0", e + 1), text.size() - 1);
    bool const negative = text[e + 1] == '-';
    return text.substr(0, e + 1) + (negative ? "-" : "") + text.substr(digits);
}
}  // namespace detail

/// The shortest decimal that reads back as exactly `v` ("nan", "inf" included), independent of the locale.
template <class T>
    requires std::integral<T> || std::floating_point<T>
std::string number_text(T v) {
    std::array<char, 64> buffer;
    auto const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v).ptr;
    std::string text(buffer.data(), end);
    if constexpr (std::floating_point<T>) return detail::short_exponent(std::move(text));
    else return text;
}

/// `v` with at most `digits` significant digits and no trailing zeros: 0.0123, 1.5e-7, 12300.
inline std::string compact_number(double v, int digits = 4) {
    std::array<char, 64> buffer;
    auto const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v, std::chars_format::general, digits).ptr;
    std::string const text(buffer.data(), end);
    if (text.find("e+") == std::string::npos || std::abs(v) >= 1e7) return detail::short_exponent(text);
    double rounded = v;  // 1.23e+04 reads worse than 12300
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    return number_text(std::llround(rounded));
}

/// `v` with exactly `decimals` digits after the point: "28.10".
inline std::string fixed_number(double v, int decimals) {
    std::array<char, 400> buffer;
    auto const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v, std::chars_format::fixed, std::min(decimals, 60)).ptr;
    return std::string(buffer.data(), end);
}

/// A time span as 0:07, 12:34, 3:02:01 or 2d 05:10:00.
inline std::string duration_text(double seconds) {
    if (!(seconds >= 0) || seconds > 1e9) return "?";
    auto const total = static_cast<long long>(seconds + 0.5);
    auto const two = [](long long v) { return (v < 10 ? "0" : "") + number_text(v); };
    std::string const tail = two(total / 60 % 60) + ":" + two(total % 60);
    if (total < 3600) return number_text(total / 60) + ":" + two(total % 60);
    if (total < 86400) return number_text(total / 3600) + ":" + tail;
    return number_text(total / 86400) + "d " + two(total / 3600 % 24) + ":" + tail;
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

/// The candidate that `name` was probably meant to be, or an empty string when none is near.
inline std::string nearest_name(std::string_view name, std::vector<std::string> const& candidates) {
    std::string best;
    if (name.empty() || name.size() > 100) return best;
    std::size_t smallest = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (auto const& candidate : candidates) {
        bool const prefix = name.size() >= 3 && candidate.starts_with(name);
        std::size_t const distance = prefix ? 1 : edit_distance(name, candidate);
        if (distance >= smallest || distance >= std::max(name.size(), candidate.size())) continue;
        smallest = distance;
        best = candidate;
    }
    return best;
}

}  // namespace tacet
