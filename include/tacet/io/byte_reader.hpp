// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

namespace tacet {

static_assert(std::endian::native == std::endian::little, "tacet's file formats are little endian, and so must the host be");

namespace detail {
/// Whether these characters stand in the bytes, `at` bytes after their beginning.
inline bool begins_with(std::span<std::uint8_t const> bytes, std::string_view label, std::size_t at = 0) {
    return at <= bytes.size() && label.size() <= bytes.size() - at && std::memcmp(bytes.data() + at, label.data(), label.size()) == 0;
}
}  // namespace detail

/// A read position in a block of bytes. Reading past the end is an Error that names the format, the offset and what is missing.
class ByteReader {
public:
    ByteReader(std::span<std::uint8_t const> bytes, char const* format, std::uint64_t at = 0)
        : bytes_(bytes), format_(format) {
        seek(at);
    }

    std::uint64_t position() const { return at_; }
    std::uint64_t remaining() const { return bytes_.size() - at_; }

    /// Moves to the absolute offset `at`.
    void seek(std::uint64_t at) {
        check(at <= bytes_.size(), format_, ": offset ", at, " is beyond the end of the file (", bytes_.size(),
              " bytes); is it truncated?");
        at_ = at;
    }

    /// The next `count` bytes.
    std::span<std::uint8_t const> take(std::uint64_t count) {
        check(count <= remaining(), format_, ": ", count, " bytes needed at offset ", at_, ", but only ", remaining(),
              " are left; is the file truncated?");
        auto const taken = bytes_.subspan(at_, count);
        at_ += count;
        return taken;
    }

    /// The next `count` bytes as text.
    std::string_view take_text(std::uint64_t count) {
        auto const taken = take(count);
        return {reinterpret_cast<char const*>(taken.data()), taken.size()};
    }

    /// The next little-endian number.
    template <class T>
        requires std::integral<T> || std::floating_point<T>
    T take_number() {
        T value;
        std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
        return value;
    }

private:
    std::span<std::uint8_t const> bytes_;
    char const* format_;
    std::uint64_t at_ = 0;
};

/// `a * b`, or an Error that starts with `what` when the product does not fit Index.
inline std::uint64_t checked_product(std::uint64_t a, std::uint64_t b, char const* what) {
    constexpr std::uint64_t limit = std::numeric_limits<std::int64_t>::max();
    check(b == 0 || a <= limit / b, what, ": ", a, " x ", b, " overflows");
    return a * b;
}

}  // namespace tacet
