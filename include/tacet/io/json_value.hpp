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
    Json(std::same_as<bool> auto v) : type_(Type::boolean), whole_(v) {}
    Json(float v);
    Json(double v) : type_(Type::real), real_(v) {}
    Json(char const* v) : type_(Type::string), text_(v) {}
    Json(std::string_view v) : type_(Type::string), text_(v) {}
    Json(std::string v) : type_(Type::string), text_(std::move(v)) {}
    Json(Array v) : type_(Type::array), items_(std::move(v)) {}
    Json(Object v) : type_(Type::object), members_(std::move(v)) {}
    template <std::integral I>
        requires(!std::same_as<I, bool>)
    Json(I v) : type_(std::cmp_less(v, 0) ? Type::negative : Type::natural), whole_(static_cast<std::uint64_t>(v)) {}

    /// `Json::object({{"step", 1}, {"loss", 0.5}})`
    static Json object(Object members = {}) { return Json(std::move(members)); }
    /// `Json::array({1, 2, "three"})`
    static Json array(Array items = {}) { return Json(std::move(items)); }

    bool is_null() const { return type_ == Type::null; }
    bool is_bool() const { return type_ == Type::boolean; }
    bool is_number() const { return type_ == Type::negative || type_ == Type::natural || type_ == Type::real; }
    bool is_string() const { return type_ == Type::string; }
    bool is_array() const { return type_ == Type::array; }
    bool is_object() const { return type_ == Type::object; }

    /// The content; Error "expected a number, found a string" when it is of another type.
    bool boolean() const { return expect(is_bool(), "a boolean").whole_ != 0; }
    std::string const& string() const { return expect(is_string(), "a string").text_; }
    Array const& items() const { return expect(is_array(), "an array").items_; }
    Object const& members() const { return expect(is_object(), "an object").members_; }
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
    // A tag and members instead of a std::variant: g++ 12 with sanitizers warns, wrongly, of reading an unset one.
    enum class Type : unsigned char { null, boolean, negative, natural, real, string, array, object };

    Json const& expect(bool ok, char const* wanted) const {
        if (!ok) throw Error(concat_text("expected ", wanted, ", found ", type_name()));
        return *this;
    }
    /// As a real number that is whole and within the exact range of doubles.
    bool is_whole_real() const { return type_ == Type::real && real_ == std::trunc(real_) && std::abs(real_) <= 0x1p53; }
    std::int64_t negative() const { return static_cast<std::int64_t>(whole_); }
    void dump_to(std::string& out, int indent, int level) const;
    void dump_array(std::string& out, int indent, int level) const;
    void dump_object(std::string& out, int indent, int level) const;
    std::string scalar_text() const;
    [[noreturn]] void refuse_integer(std::string const& low, std::string const& high) const;

    Type type_ = Type::null;
    int line_ = 0;
    std::uint64_t whole_ = 0;  // a boolean, a natural number, or the two's complement of a negative one
    double real_ = 0;
    std::string text_;
    Array items_;
    Object members_;
};

// A float stands for its shortest decimal, so that 0.1f is written 0.1; the rare decimal that a double would round elsewhere stays exact.
inline Json::Json(float v) : type_(Type::real), real_(v) {
    std::string const text = number_text(v);
    double shortest = v;
    std::from_chars(text.data(), text.data() + text.size(), shortest);
    if (static_cast<float>(shortest) == v) real_ = shortest;
}

inline double Json::number() const {
    expect(is_number(), "a number");
    if (type_ == Type::negative) return static_cast<double>(negative());
    return type_ == Type::natural ? static_cast<double>(whole_) : real_;
}

template <std::integral I> bool Json::fits() const {
    if (type_ == Type::negative) return std::in_range<I>(negative());
    if (type_ == Type::natural) return std::in_range<I>(whole_);
    return is_whole_real() && std::in_range<I>(static_cast<std::int64_t>(real_));
}

template <std::integral I> I Json::integer() const {
    if (!fits<I>()) refuse_integer(number_text(std::numeric_limits<I>::min()), number_text(std::numeric_limits<I>::max()));
    return type_ == Type::real ? static_cast<I>(real_) : static_cast<I>(whole_);
}

inline void Json::refuse_integer(std::string const& low, std::string const& high) const {
    expect(is_number(), "a whole number");
    check(type_ != Type::real || is_whole_real(), dump(), " is not a whole number");
    throw Error(dump() + " is not within " + low + " to " + high);
}

inline Json const* Json::find(std::string_view name) const {
    for (auto const& member : members_)
        if (member.name == name) return &member.value;
    return nullptr;
}

inline Json const& Json::at(std::string_view name) const {
    Json const* found = find(name);
    check(found != nullptr, "no key ", quote_text(name), " in ", is_object() ? "the object" : type_name());
    return *found;
}

inline Json& Json::operator[](std::string_view name) {
    if (Json const* const found = find(name)) return const_cast<Json&>(*found);
    return append_member(std::string(name), Json());
}

inline Json& Json::push_back(Json item) {
    if (is_null()) type_ = Type::array;
    expect(is_array(), "an array");
    return items_.emplace_back(std::move(item));
}

inline Json& Json::append_member(std::string name, Json value) {
    if (is_null()) type_ = Type::object;
    expect(is_object(), "an object");
    return members_.emplace_back(JsonMemberOf<Json>{std::move(name), std::move(value)}).value;
}

inline std::size_t Json::size() const { return is_array() ? items_.size() : members_.size(); }

inline char const* Json::type_name() const {
    if (is_null()) return "null";
    if (is_bool()) return "a boolean";
    if (is_number()) return "a number";
    if (is_string()) return "a string";
    return is_array() ? "an array" : "an object";
}

inline bool operator==(Json const& a, Json const& b) {
    if (a.type_ != b.type_) return a.is_number() && b.is_number() && a.number() == b.number();
    return a.whole_ == b.whole_ && a.real_ == b.real_ && a.text_ == b.text_ && a.items_ == b.items_ && a.members_ == b.members_;
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
    if (is_bool()) return whole_ != 0 ? "true" : "false";
    if (type_ == Type::negative) return number_text(negative());
    if (type_ == Type::natural) return number_text(whole_);
    return type_ == Type::real && std::isfinite(real_) ? number_text(real_) : "null";
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
