// SPDX-License-Identifier: MIT
#pragma once
#include <charconv>
#include <concepts>
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
inline void append(std::string& s, char const* p) { s += p; }
inline void append(std::string& s, std::string const& p) { s += p; }
inline void append(std::string& s, char c) { s += c; }
/// The shortest digits that read back as v: std::to_string would print 1e-9 as 0.000000.
template <class F> void append_digits(std::string& s, F v) {
    char text[64];
    s.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}
template <class V> void append(std::string& s, V const& v) {
    if constexpr (std::floating_point<V>) append_digits(s, v);
    else if constexpr (std::integral<V>) s += std::to_string(v);
    else s += to_string(v);
}
}  // namespace detail

/// The concatenation of its arguments: strings, characters, numbers and whatever has a `to_string`.
template <class... Parts> std::string concat_text(Parts const&... parts) {
    std::string text;
    (detail::append(text, parts), ...);
    return text;
}

/// Throws Error built from the parts when `ok` is false.
template <class... Parts> void check(bool ok, Parts const&... parts) {
    if (!ok) throw Error(concat_text(parts...));
}

/// Throws ShapeError built from the parts when `ok` is false.
template <class... Parts> void check_shape(bool ok, Parts const&... parts) {
    if (!ok) throw ShapeError(concat_text(parts...));
}

}  // namespace tacet
