// SPDX-License-Identifier: MIT
#pragma once
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <tacet/core/error.hpp>
#include <tacet/io/text.hpp>

namespace tacet {

/// One key of a Json object. A template because a Json holds a vector of these, and they hold a Json.
template <class Value> struct JsonMemberOf {
    std::string name;
    Value value;
    bool operator==(JsonMemberOf const&) const = default;
};

/// A JSON value that keeps the order of its keys, exact 64-bit integers, and the line it was read from.
/// Light to compile: reading JSON text needs io/json.hpp, making and writing values needs only this header.
class Json {
public:
    using Array = std::vector<Json>;
    using Object = std::vector<JsonMemberOf<Json>>;

    Json() = default;  ///< null
    Json(std::nullptr_t) {}
    Json(std::same_as<bool> auto v) : value_(v) {}
    Json(float v);
    Json(double v) : value_(v) {}
    Json(char const* v) : value_(std::string(v)) {}
    Json(std::string_view v) : value_(std::string(v)) {}
    Json(std::string v) : value_(std::move(v)) {}
    Json(Array v) : value_(std::move(v)) {}
    Json(Object v) : value_(std::move(v)) {}
    template <std::integral I>
    requires(!std::same_as<I, bool>) Json(I v) {
        if (std::in_range<std::int64_t>(v)) value_ = static_cast<std::int64_t>(v);
        else value_ = static_cast<std::uint64_t>(v);
    }

    /// `Json::object({{"step", 1}, {"loss", 0.5}})`
    static Json object(Object members = {}) { return Json(std::move(members)); }
    /// `Json::array({1, 2, "three"})`
    static Json array(Array items = {}) { return Json(std::move(items)); }

    bool is_null() const { return is<std::monostate>(); }
    bool is_bool() const { return is<bool>(); }
    bool is_number() const { return is<std::int64_t>() || is<std::uint64_t>() || is<double>(); }
    bool is_string() const { return is<std::string>(); }
    bool is_array() const { return is<Array>(); }
    bool is_object() const { return is<Object>(); }

    /// The content; Error "expected a number, found a string" when it is of another type.
    bool boolean() const { return get<bool>("a boolean"); }
    std::string const& string() const { return get<std::string>("a string"); }
    Array const& items() const { return get<Array>("an array"); }
    Object const& members() const { return get<Object>("an object"); }
    double number() const;
    /// A whole number, also when written as 2.0; Error when it has a fraction or does not fit `I`.
    template <std::integral I> I integer() const;
    /// Whether `integer<I>()` would succeed.
    template <std::integral I> bool fits() const;

    /// The value under `name`, or nullptr when this is no object or has no such key.
    Json const* find(std::string_view name) const;
    /// The value under `name`; Error when it is missing.
    Json const& at(std::string_view name) const;
    /// The value under `name`, inserted as null when missing; a null becomes an object first.
    Json& operator[](std::string_view name);
    /// Appends to an array and returns the new element; a null becomes an array first.
    Json& push_back(Json item);
    /// Appends to an object without looking for the same key; a null becomes an object first.
    Json& append_member(std::string name, Json value);
    /// Elements of an array or members of an object; 0 for everything else.
    std::size_t size() const;

    /// The 1-based line of the text this was read from; 0 for a value made in the program.
    int line() const { return line_; }
    void set_line(int line) { line_ = line; }
    /// "null", "a boolean", "a number", "a string", "an array" or "an object".
    char const* type_name() const;

    /// JSON text in UTF-8: on one line, or with `indent` spaces a level (arrays of plain values stay on one line).
    /// Numbers are the shortest that read back exactly; NaN and infinities, which JSON lacks, become null.
    std::string dump(int indent = 0) const;

    /// Equal content; 1 equals 1.0, the order of keys matters, lines do not.
    friend bool operator==(Json const& a, Json const& b);

private:
    template <class T> bool is() const { return std::holds_alternative<T>(value_); }
    template <class T> T const& get(char const* wanted) const {
        check(is<T>(), "expected ", wanted, ", found ", type_name());
        return std::get<T>(value_);
    }
    void dump_to(std::string& out, int indent, int level) const;
    void dump_array(std::string& out, int indent, int level) const;
    void dump_object(std::string& out, int indent, int level) const;
    std::string scalar_text() const;
    [[noreturn]] void refuse_integer(std::string const& low, std::string const& high) const;

    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
    int line_ = 0;
};

// A float stands for its shortest decimal, so that 0.1f is written 0.1; the rare decimal that a double would round elsewhere stays exact.
inline Json::Json(float v) {
    std::string const text = number_text(v);
    double shortest = v;
    std::from_chars(text.data(), text.data() + text.size(), shortest);
    value_ = static_cast<float>(shortest) == v ? shortest : static_cast<double>(v);
}

inline double Json::number() const {
    if (auto const* v = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*v);
    if (auto const* v = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*v);
    return get<double>("a number");
}

template <std::integral I> bool Json::fits() const {
    if (auto const* v = std::get_if<std::int64_t>(&value_)) return std::in_range<I>(*v);
    if (auto const* v = std::get_if<std::uint64_t>(&value_)) return std::in_range<I>(*v);
    auto const* v = std::get_if<double>(&value_);
    return v && *v == std::trunc(*v) && std::abs(*v) <= 0x1p53 && std::in_range<I>(static_cast<std::int64_t>(*v));
}

template <std::integral I> I Json::integer() const {
    if (!fits<I>()) refuse_integer(number_text(std::numeric_limits<I>::min()), number_text(std::numeric_limits<I>::max()));
    if (auto const* v = std::get_if<std::int64_t>(&value_)) return static_cast<I>(*v);
    if (auto const* v = std::get_if<std::uint64_t>(&value_)) return static_cast<I>(*v);
    return static_cast<I>(std::get<double>(value_));
}

inline void Json::refuse_integer(std::string const& low, std::string const& high) const {
    check(is_number(), "expected a whole number, found ", type_name());
    if (auto const* v = std::get_if<double>(&value_))
        check(*v == std::trunc(*v) && std::abs(*v) <= 0x1p53, dump(), " is not a whole number");
    throw Error(dump() + " is not within " + low + " to " + high);
}

inline Json const* Json::find(std::string_view name) const {
    if (auto const* object = std::get_if<Object>(&value_))
        for (auto const& member : *object)
            if (member.name == name) return &member.value;
    return nullptr;
}

inline Json const& Json::at(std::string_view name) const {
    Json const* found = find(name);
    check(found != nullptr, "no key ", quote_text(name), " in ", is_object() ? "the object" : type_name());
    return *found;
}

inline Json& Json::operator[](std::string_view name) {
    if (is_null()) value_ = Object();
    check(is_object(), "no key ", quote_text(name), " in ", type_name());
    auto& object = std::get<Object>(value_);
    for (auto& member : object)
        if (member.name == name) return member.value;
    return object.emplace_back(JsonMemberOf<Json>{std::string(name), Json()}).value;
}

inline Json& Json::push_back(Json item) {
    if (is_null()) value_ = Array();
    check(is_array(), "cannot append to ", type_name());
    return std::get<Array>(value_).emplace_back(std::move(item));
}

inline Json& Json::append_member(std::string name, Json value) {
    if (is_null()) value_ = Object();
    check(is_object(), "cannot insert into ", type_name());
    return std::get<Object>(value_).emplace_back(JsonMemberOf<Json>{std::move(name), std::move(value)}).value;
}

inline std::size_t Json::size() const { return is_array() ? items().size() : is_object() ? members().size() : 0; }

inline char const* Json::type_name() const {
    if (is_null()) return "null";
    if (is_bool()) return "a boolean";
    if (is_number()) return "a number";
    if (is_string()) return "a string";
    return is_array() ? "an array" : "an object";
}

inline bool operator==(Json const& a, Json const& b) {
    if (a.value_.index() != b.value_.index() && a.is_number() && b.is_number()) return a.number() == b.number();
    return a.value_ == b.value_;
}

namespace detail {
/// Appends `text` as a JSON string.
inline void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    for (char const c : valid_utf8(text)) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') out.append("\\").append(1, c);
        else if (c == '\n') out += "\\n";
        else if (c == '\t') out += "\\t";
        else if (byte < 0x20 || byte == 0x7F) out.append("\\u00").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
        else out += c;
    }
    out += '"';
}
}  // namespace detail

inline std::string Json::scalar_text() const {
    if (auto const* v = std::get_if<bool>(&value_)) return *v ? "true" : "false";
    if (auto const* v = std::get_if<std::int64_t>(&value_)) return number_text(*v);
    if (auto const* v = std::get_if<std::uint64_t>(&value_)) return number_text(*v);
    if (auto const* v = std::get_if<double>(&value_); v && std::isfinite(*v)) return number_text(*v);
    return "null";
}

inline void Json::dump_array(std::string& out, int indent, int level) const {
    bool flat = true;
    for (auto const& item : items()) flat = flat && !item.is_array() && !item.is_object();
    std::string const gap = indent > 0 && !flat ? "\n" + std::string(static_cast<std::size_t>(indent * (level + 1)), ' ') : "";
    out += '[';
    for (std::size_t i = 0; i < size(); ++i) {
        if (i > 0) out += gap.empty() && indent > 0 ? ", " : ",";
        out += gap;
        items()[i].dump_to(out, indent, level + 1);
    }
    if (!gap.empty()) out += gap.substr(0, gap.size() - static_cast<std::size_t>(indent));
    out += ']';
}

inline void Json::dump_object(std::string& out, int indent, int level) const {
    std::string const gap = indent > 0 && size() > 0 ? "\n" + std::string(static_cast<std::size_t>(indent * (level + 1)), ' ') : "";
    out += '{';
    for (std::size_t i = 0; i < size(); ++i) {
        if (i > 0) out += ',';
        out += gap;
        detail::append_json_string(out, members()[i].name);
        out += indent > 0 ? ": " : ":";
        members()[i].value.dump_to(out, indent, level + 1);
    }
    if (!gap.empty()) out += gap.substr(0, gap.size() - static_cast<std::size_t>(indent));
    out += '}';
}

inline void Json::dump_to(std::string& out, int indent, int level) const {
    if (is_array()) dump_array(out, indent, level);
    else if (is_object()) dump_object(out, indent, level);
    else if (is_string()) detail::append_json_string(out, string());
    else out += scalar_text();
}

inline std::string Json::dump(int indent) const {
    std::string out;
    dump_to(out, indent, 0);
    return out;
}

}  // namespace tacet
