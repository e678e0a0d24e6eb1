// SPDX-License-Identifier: MIT
#pragma once
#include <charconv>
#include <concepts>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace tacet {

/// A mistake of the user or of the world: bad arguments, bad files, a full disk. Its text is one line, fit to be shown.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// Extents that do not fit together; the text names the operation and prints the shapes.
struct ShapeError : Error {
    using Error::Error;
};
/// Memory that a device does not have, or tensors may not take (see set_memory_limit); the text says how much was asked for.
struct OutOfMemory : Error {
    using Error::Error;
};

namespace detail {
/// The shortest digits that read back as v: std::to_string would print 1e-9 as 0.000000.
template <class F> void append_digits(std::string& s, F v) {
    char text[64];
    s.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}
template <class V> void append(std::string& s, V const& v) {
    if constexpr (std::same_as<V, std::string> || std::same_as<V, char>) s += v;
    else if constexpr (std::floating_point<V>) append_digits(s, v);
    else if constexpr (std::integral<V>) s += std::to_string(v);
    else s += to_string(v);
}

/// One part of a text: a pointer to a string, character, number or whatever has a `to_string`, and how that is written. It lives no longer
/// than the expression that it stands in. One function joins parts of any types: one for each list of types would be many in every program.
class TextPart {
public:
    TextPart(char const* text) : value_(text), append_([](std::string& s, void const* v) { s += static_cast<char const*>(v); }) {}
    template <class V>
    TextPart(V const& value)
        : value_(&value), append_([](std::string& s, void const* v) { detail::append(s, *static_cast<V const*>(v)); }) {}
    void append_to(std::string& text) const { append_(text, value_); }

private:
    void const* value_;
    void (*append_)(std::string&, void const*);
};
/// The parts one after the other.
inline std::string joined(std::initializer_list<TextPart> parts) {
    std::string text;
    for (TextPart const& part : parts) part.append_to(text);
    return text;
}
/// Throws an E whose text is made of the parts.
template <class E> [[noreturn]] void fail(std::initializer_list<TextPart> parts) { throw E(joined(parts)); }
}  // namespace detail

/// The concatenation of its arguments: strings, characters, numbers and whatever has a `to_string`.
template <class... Parts> std::string concat_text(Parts const&... parts) { return detail::joined({parts...}); }

/// Throws Error built from the parts when `ok` is false.
template <class... Parts> void check(bool ok, Parts const&... parts) {
    if (!ok) detail::fail<Error>({parts...});
}

/// Throws ShapeError built from the parts when `ok` is false.
template <class... Parts> void check_shape(bool ok, Parts const&... parts) {
    if (!ok) detail::fail<ShapeError>({parts...});
}

}  // namespace tacet
