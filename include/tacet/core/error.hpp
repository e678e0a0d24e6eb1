// SPDX-License-Identifier: MIT
#pragma once
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

namespace detail {
inline void append(std::string& s, char const* p) { s += p; }
inline void append(std::string& s, std::string const& p) { s += p; }
inline void append(std::string& s, char c) { s += c; }
template <class V> void append(std::string& s, V const& v) {
    if constexpr (std::integral<V> || std::floating_point<V>) s += std::to_string(v);
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
