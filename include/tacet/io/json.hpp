// SPDX-License-Identifier: MIT
#pragma once
// The only header that includes nlohmann-json: it scans the text, what it finds becomes a tacet::Json.
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tacet/core/device.hpp>
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/json_value.hpp>

namespace tacet {

/// What parse_json accepts beyond JSON, and its limits.
struct JsonRules {
    bool comments = true;              ///< allow `// ...` and `/* ... */`
    int max_depth = 100;               ///< nesting of arrays and objects
    std::size_t max_bytes = 64 << 20;  ///< of the text
    int first_line = 1;                ///< the number of its first line, for a piece of a larger file
};

namespace detail {

/// Walks over the text and publishes how far the scanner has come, from which the handler knows the line.
class JsonCursor {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = char const*;
    using reference = char const&;

    JsonCursor(char const* at, char const** published) : at_(at), published_(published) {}
    reference operator*() const { return *at_; }
    JsonCursor& operator++() {
        *published_ = ++at_;
        return *this;
    }
    JsonCursor operator++(int) {
        JsonCursor const old = *this;
        ++*this;
        return old;
    }
    bool operator==(JsonCursor const& other) const { return at_ == other.at_; }

private:
    char const* at_;
    char const** published_;
};

/// Builds a Json from nlohmann-json's SAX events; refuses duplicate keys and deep nesting.
class JsonBuilder {
public:
    JsonBuilder(std::string_view text, std::string name, JsonRules rules)
        : counted_(text.data()), lines_(rules.first_line), name_(std::move(name)), rules_(rules) {}

    char const* position = nullptr;  // set by the cursor
    Json take() { return std::move(root_); }

    bool null() { return add(Json()); }
    bool boolean(bool v) { return add(Json(v)); }
    bool number_integer(std::int64_t v) { return add(Json(v), 1); }
    bool number_unsigned(std::uint64_t v) { return add(Json(v), 1); }
    bool number_float(double v, std::string const&) { return add(Json(v), 1); }
    bool string(std::string& v) { return add(Json(std::move(v))); }
    template <class Bytes> bool binary(Bytes&) { return false; }  // not in JSON text
    bool start_object(std::size_t) { return open(Json::object()); }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(std::string& name) {
        if (!keys_.back().insert(name).second) fail("duplicate key " + quote_text(name));
        key_ = std::move(name);
        return true;
    }

    template <class Exception> bool parse_error(std::size_t, std::string const&, Exception const& e) {
        std::string what = e.what();  // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error ..."
        if (auto const start = what.find("] "); start != std::string::npos) what.erase(0, start + 2);
        if (auto const start = what.find(": "); what.starts_with("parse error") && start != std::string::npos) what.erase(0, start + 2);
        fail(clip_text(valid_utf8(what.substr(0, 600)), 200));
    }

private:
    // A number ends where the next character has been looked at already; that one may be a newline.
    bool add(Json value, std::ptrdiff_t lookahead = 0) {
        value.set_line(line(lookahead));
        attach(std::move(value));
        return true;
    }

    Json* attach(Json value) {
        if (open_.empty()) return &(root_ = std::move(value));
        Json& parent = *open_.back();
        if (parent.is_array()) return &parent.push_back(std::move(value));
        return &parent.append_member(std::move(key_), std::move(value));
    }

    bool open(Json value) {
        if (static_cast<int>(open_.size()) >= rules_.max_depth) fail("nested deeper than " + number_text(rules_.max_depth) + " levels");
        value.set_line(line(0));
        open_.push_back(attach(std::move(value)));
        keys_.emplace_back();
        return true;
    }

    bool close() {
        open_.pop_back();
        keys_.pop_back();
        return true;
    }

    int line(std::ptrdiff_t lookahead) {
        for (; position != nullptr && counted_ < position - lookahead; ++counted_) lines_ += *counted_ == '\n';
        return lines_;
    }

    [[noreturn]] void fail(std::string const& what) { throw Error(name_ + ":" + number_text(line(0)) + ": " + what); }

    char const* counted_;
    int lines_;
    std::string name_;
    JsonRules rules_;
    Json root_;
    std::string key_;
    std::vector<Json*> open_;  // the value being filled is the last child of each: its address stays
    std::vector<std::set<std::string>> keys_;
};

}  // namespace detail

#if TACET_WITH_COMPILED  // library tacet::compiled has it
namespace detail {
Json compiled_parse_json(std::string_view text, std::string const& name, JsonRules rules, Cpu);
}
#endif

/// Reads JSON text. Duplicate keys, syntax errors and nesting beyond the rules are Errors that start with "name:line: ".
inline Json parse_json(std::string_view text, std::string const& name = "JSON", JsonRules rules = {}) {
#if TACET_WITH_COMPILED
    return detail::compiled_parse_json(text, name, rules, Cpu{});
#else
    check(text.size() <= rules.max_bytes, name, ": larger than ", rules.max_bytes >> 20, " MiB");
    detail::JsonBuilder builder(text, name, rules);
    detail::JsonCursor const first(text.data(), &builder.position), last(text.data() + text.size(), &builder.position);
    nlohmann::json::sax_parse(first, last, &builder, nlohmann::json::input_format_t::json, true, rules.comments);
    return builder.take();
#endif
}

/// Reads a JSON file; errors name the file as it was given.
inline Json read_json(std::filesystem::path const& path, JsonRules rules = {}) {
    auto const bytes = read_file(path, rules.max_bytes);
    return parse_json({reinterpret_cast<char const*>(bytes.data()), bytes.size()}, path.string(), rules);
}

}  // namespace tacet
