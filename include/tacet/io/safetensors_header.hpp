// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/shape.hpp>
#include <tacet/io/named_tensor.hpp>
#include <tacet/io/text.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacet::detail {

/// What the header of a safetensors file says about one tensor; the offsets count from the end of the header.
struct SafetensorsEntry {
    std::string name;
    DType dtype;
    std::vector<Index> shape;
    std::uint64_t begin, end;
};

/// Reads the header's JSON: one object of objects with three known keys. A parser of just this needs no tree, so it takes no more memory
/// than the header itself, and no text can nest deeper than the format does; a duplicate or unknown key is an Error.
class SafetensorsHeader {
public:
    SafetensorsHeader(std::string_view text, std::size_t max_tensors) : text_(text), max_tensors_(max_tensors) {
        check(is_utf8(text), "safetensors: the header is not UTF-8");
        bool metadata_seen = false;
        object([&](std::string name) {
            if (name == "__metadata__") {
                require(!std::exchange(metadata_seen, true), "__metadata__ occurs twice");
                object([&](std::string key) {
                    require(metadata.size() < 100'000, "too many metadata");
                    if (!metadata.emplace(key, string()).second) fail("duplicate key " + quote_text(key));
                });
            } else {
                require(entries.size() < max_tensors_, "too many tensors");
                entry(std::move(name));
            }
        });
        skip_space();
        require(at_ == text_.size(), "text after the end of the header");
    }

    std::vector<SafetensorsEntry> entries;
    std::map<std::string, std::string> metadata;

private:
    [[noreturn]] void fail(std::string const& what) const {
        throw Error(concat_text("safetensors: ", what, " at byte ", at_, " of the header"));
    }
    void require(bool ok, char const* what) const {
        if (!ok) fail(what);
    }

    void skip_space() {
        while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
    }
    bool accept(char c) {
        skip_space();
        bool const found = at_ < text_.size() && text_[at_] == c;
        at_ += found;
        return found;
    }
    void expect(char c) {
        if (!accept(c)) fail(concat_text("expected '", c, "'"));
    }

    template <class Member> void object(Member&& member) {
        expect('{');
        if (accept('}')) return;
        do {
            std::string key = string();
            expect(':');
            member(std::move(key));
        } while (accept(','));
        expect('}');
    }
    template <class Item> void array(Item&& item) {
        expect('[');
        if (accept(']')) return;
        do item();
        while (accept(','));
        expect(']');
    }

    std::uint64_t number() {
        skip_space();
        std::uint64_t value = 0;
        auto const [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
        std::string_view const digits(text_.data() + at_, static_cast<std::size_t>(end - text_.data()) - at_);
        bool const whole = error == std::errc() && (digits.size() == 1 || digits[0] != '0');
        require(whole && value <= static_cast<std::uint64_t>(std::numeric_limits<Index>::max()), "expected a whole number");
        at_ += digits.size();
        return value;
    }

    std::string string() {
        expect('"');
        std::string text;
        for (;;) {
            require(at_ < text_.size(), "unfinished string");
            char const c = text_[at_++];
            if (c == '"') return text;
            require(static_cast<unsigned char>(c) >= 0x20, "control character in a string");
            if (c == '\\') escape(text);
            else text += c;
        }
    }
    void escape(std::string& text) {
        require(at_ < text_.size(), "unfinished string");
        constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
        char const c = text_[at_++];
        if (auto const i = names.find(c); i != std::string_view::npos) {
            text += values[i];
            return;
        }
        require(c == 'u', "unknown escape");
        std::uint32_t point = hex();
        if (point >= 0xd800 && point < 0xdc00) {  // the first half of a surrogate pair
            require(text_.substr(at_, 2) == "\\u", "lone surrogate");
            at_ += 2;
            std::uint32_t const low = hex();
            require(low >= 0xdc00 && low < 0xe000, "lone surrogate");
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        } else {
            require(point < 0xdc00 || point >= 0xe000, "lone surrogate");
        }
        append_utf8(text, point);
    }
    std::uint32_t hex() {
        std::uint32_t value = 0;
        std::string_view const digits = text_.substr(at_, 4);
        auto const end = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
        require(end == digits.data() + 4, "expected four hexadecimal digits");
        at_ += 4;
        return value;
    }
    static void append_utf8(std::string& text, std::uint32_t point) {
        auto const add = [&](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
        if (point < 0x80) return add(point);
        if (point < 0x800) add(0xc0 | point >> 6);
        else if (point < 0x10000) add(0xe0 | point >> 12), add(0x80 | (point >> 6 & 63));
        else add(0xf0 | point >> 18), add(0x80 | (point >> 12 & 63)), add(0x80 | (point >> 6 & 63));
        add(0x80 | (point & 63));
    }

    void entry(std::string name) {
        SafetensorsEntry e{std::move(name), DType::F32, {}, 0, 0};
        bool dtype = false, shape = false, offsets = false;
        object([&](std::string const& key) {
            if (key == "dtype" && !std::exchange(dtype, true)) e.dtype = dtype_named(string());
            else if (key == "shape" && !std::exchange(shape, true)) read_shape(e.shape);
            else if (key == "data_offsets" && !std::exchange(offsets, true)) {
                expect('[');
                e.begin = number();
                expect(',');
                e.end = number();
                expect(']');
            } else fail("duplicate or unknown key " + quote_text(key) + " of tensor " + quote_text(e.name));
        });
        if (!dtype || !shape || !offsets) fail("tensor " + quote_text(e.name) + " lacks dtype, shape or data_offsets");
        entries.push_back(std::move(e));
    }
    void read_shape(std::vector<Index>& shape) {
        array([&] {
            require(shape.size() < 64, "more than 64 dimensions");
            shape.push_back(static_cast<Index>(number()));
        });
    }
    DType dtype_named(std::string const& name) const {
        for (std::size_t i = 0; i < dtype_info.size(); ++i)
            if (dtype_info[i].name == name) return static_cast<DType>(i);
        fail("dtype " + quote_text(name) + " is not supported");
    }

    std::string_view text_;
    std::size_t max_tensors_, at_ = 0;
};

/// Appends `text` as a JSON string, escaped as the reference implementation does it.
inline void append_header_string(std::string& header, std::string_view text) {
    constexpr std::string_view values = "\"\\\b\f\n\r\t", names = "\"\\bfnrt", hex = "0123456789abcdef";
    header += '"';
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (auto const i = values.find(c); i != std::string_view::npos) header.append("\\").append(1, names[i]);
        else if (byte < 0x20) header.append("\\u00").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
        else header += c;
    }
    header += '"';
}

}  // namespace tacet::detail
