// SPDX-License-Identifier: MIT
#pragma once
#include <charconv>
#include <concepts>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tacet/io/json_value.hpp>

namespace tacet {

/// One end of the range of a numeric option. A long double holds every 64-bit integer and every double exactly on the usual targets.
struct OptionBound {
    long double value;
    std::string text;
    bool open = false;  ///< the value itself is excluded
};

/// What a field listing can say about an option beyond its name, member and help.
struct OptionTraits {
    std::optional<OptionBound> low, high;
    std::vector<std::string> names;  ///< allowed words; for an enum the names of its enumerators 0, 1, 2, ...
    std::size_t min_values = 0;      ///< of a vector
    std::size_t max_values = std::numeric_limits<std::size_t>::max();
    std::string metavar;  ///< placeholder of the value in --help
    bool positional = false, required = false, compared = true;

    /// The smallest number allowed, or, `open`, the largest that is not.
    template <class T> void set_low(T v, bool open = false) { low = OptionBound{static_cast<long double>(v), number_text(v), open}; }
    /// The largest number allowed, or, `open`, the smallest that is not.
    template <class T> void set_high(T v, bool open = false) { high = OptionBound{static_cast<long double>(v), number_text(v), open}; }
    /// The words allowed.
    void set_names(std::vector<std::string> words) {
        names = std::move(words);
        if (metavar == "TEXT") metavar = "NAME";
    }
};

namespace detail {
template <class F> struct OptionAttribute {
    F change;
    explicit OptionAttribute(F f) : change(std::move(f)) {}
    void apply(OptionTraits& t) const { change(t); }
};
struct OptionFlag {
    bool OptionTraits::*member;
    bool value;
    void apply(OptionTraits& t) const { t.*member = value; }
};
}  // namespace detail

/// Attribute of an option: numbers from `low` to `high`, both allowed. For a vector it holds for each element.
template <class A, class B> auto range(A low, B high) {
    return detail::OptionAttribute{[=](OptionTraits& t) { t.set_low(low), t.set_high(high); }};
}
/// Attribute: numbers from `low` on.
template <class A> auto at_least(A low) {
    return detail::OptionAttribute{[=](OptionTraits& t) { t.set_low(low); }};
}
/// Attribute: numbers greater than `low`.
template <class A> auto above(A low) {
    return detail::OptionAttribute{[=](OptionTraits& t) { t.set_low(low, true); }};
}
/// Attribute: the words a string may be, or the names of an enum's values 0, 1, 2, ...
template <std::convertible_to<std::string_view>... S> auto one_of(S... names) {
    return detail::OptionAttribute{[=](OptionTraits& t) { t.set_names({std::string(std::string_view(names))...}); }};
}
/// Attribute: how many elements a vector has, if it has any.
inline auto values(std::size_t least, std::size_t most) {
    return detail::OptionAttribute{[=](OptionTraits& t) {
        t.min_values = least;
        t.max_values = most;
    }};
}
/// Attribute: exactly `n` elements, if any.
inline auto values(std::size_t n) { return values(n, n); }
/// Attribute: the placeholder shown for the value in --help, such as "DIR".
inline auto metavar(char const* name) {
    return detail::OptionAttribute{[=](OptionTraits& t) { t.metavar = name; }};
}
/// Attribute: given on the command line by its place, without a name.
inline constexpr detail::OptionFlag positional{&OptionTraits::positional, true};
/// Attribute: must be given on the command line or in the configuration file (a string or vector that is empty was not given).
inline constexpr detail::OptionFlag required{&OptionTraits::required, true};
/// Attribute: has no influence on results; options_difference passes over it.
inline constexpr detail::OptionFlag not_compared{&OptionTraits::compared, false};

namespace detail {

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
template <class T> inline constexpr bool is_vector = false;
template <class T> inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
concept OptionNumber = std::floating_point<T> ||(std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>);
template <class T>
concept OptionScalar =
    OptionNumber<T> || std::same_as<T, bool> || std::is_enum_v<T> || std::same_as<T, std::string> || std::same_as<T, std::filesystem::path>;

/// The words as "l1, l2 or charbonnier".
inline std::string list_words(std::vector<std::string> const& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    return text;
}

template <OptionNumber T> void check_range(T v, OptionTraits const& t) {
    auto const value = static_cast<long double>(v);
    if (t.low && t.low->open) check(value > t.low->value, number_text(v), " is not above ", t.low->text);
    else if (t.low) check(value >= t.low->value, number_text(v), " is below ", t.low->text);
    if (t.high && t.high->open) check(value < t.high->value, number_text(v), " is not below ", t.high->text);
    else if (t.high) check(value <= t.high->value, number_text(v), " is above ", t.high->text);
}

/// The place of `word` among the allowed names; Error with the nearest one when it is none of them.
inline std::size_t index_of_name(std::string const& word, std::vector<std::string> const& names) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == word) return i;
    std::string const near = nearest_name(word, names);
    throw Error(quote_text(word) + " is not " + (near.empty() ? list_words(names) : "known (did you mean " + near + "?)"));
}

/// A word of the command line as the JSON that a field of type T reads.
template <OptionScalar T> Json json_from_word(std::string_view word) {
    if constexpr (std::same_as<T, bool>) {
        check(word == "true" || word == "false", quote_text(word), " is not true or false");
        return Json(word == "true");
    } else if constexpr (OptionNumber<T>) {
        using Wide =
            std::conditional_t<std::floating_point<T>, double, std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>>;
        Wide v{};
        auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), v);
        bool const negative = std::unsigned_integral<T> && word.starts_with('-');  // says "is below" instead of "is not a number"
        if (negative && word.size() > 1) return Json(json_from_word<std::int64_t>(word));
        check(error != std::errc::result_out_of_range, quote_text(word), " is out of range");
        bool const whole_word = error == std::errc() && end == word.data() + word.size();
        check(whole_word, quote_text(word), std::floating_point<T> ? " is not a number" : " is not a whole number");
        if constexpr (std::floating_point<T>) check(std::isfinite(v), quote_text(word), " is not a finite number");
        return Json(v);
    } else {
        return Json(word);
    }
}

template <OptionScalar T> T value_from_json(Json const& json, OptionTraits const& t) {
    if constexpr (std::same_as<T, bool>) return json.boolean();
    else if constexpr (std::same_as<T, std::string>) {
        if (!t.names.empty() && !json.string().empty()) index_of_name(json.string(), t.names);
        return json.string();
    } else if constexpr (std::same_as<T, std::filesystem::path>) return std::filesystem::path(json.string());
    else if constexpr (std::is_enum_v<T>) return static_cast<T>(index_of_name(json.string(), t.names));
    else if constexpr (std::floating_point<T>) {
        T const v = static_cast<T>(json.number());
        check(std::isfinite(v), json.dump(), " is out of range");
        check_range(v, t);
        return v;
    } else {
        if (json.is_number() && !json.fits<T>()) check_range(json.number(), t);  // the option's own range is the better message
        T const v = json.integer<T>();
        check_range(v, t);
        return v;
    }
}

template <OptionScalar T> Json value_to_json(T const& v, OptionTraits const& t) {
    if constexpr (std::is_enum_v<T>) {
        auto const i = static_cast<std::size_t>(v);
        check(i < t.names.size(), "enumerator ", i, " has no name");
        return Json(t.names[i]);
    } else if constexpr (std::same_as<T, std::filesystem::path>) return Json(v.string());
    else return Json(v);
}

}  // namespace detail
}  // namespace tacet
