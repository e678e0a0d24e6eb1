// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/half.hpp>
#include <tacet/core/shape.hpp>
#include <tacet/io/byte_reader.hpp>
#include <tacet/io/text.hpp>
#include <algorithm>
#include <array>
#include <complex>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tacet {

/// Element types of checkpoint files, in safetensors' order: a later type never has a smaller element than an earlier one.
enum class DType : std::uint8_t { Bool, U8, I8, F8E5M2, F8E4M3, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 };

namespace detail {
struct DTypeInfo {
    std::string_view name;  // in safetensors
    std::uint64_t bytes;
};
inline constexpr std::array<DTypeInfo, 16> dtype_info{{{"BOOL", 1}, {"U8", 1}, {"I8", 1}, {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I16", 2},
                                                       {"U16", 2}, {"F16", 2}, {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},
                                                       {"C64", 8}, {"F64", 8}, {"I64", 8}, {"U64", 8}}};
}  // namespace detail

/// Bytes of one element.
constexpr std::uint64_t size_of(DType dtype) { return detail::dtype_info[static_cast<std::size_t>(dtype)].bytes; }
/// The name in safetensors: "F32", "BOOL", ...
inline std::string to_string(DType dtype) { return std::string(detail::dtype_info[static_cast<std::size_t>(dtype)].name); }

/// The DType of a C++ type: float, double, Half, BFloat16, std::complex<float>, bool and the integers.
template <class T> constexpr DType dtype_of() {
    if constexpr (std::is_same_v<T, bool>) return DType::Bool;
    else if constexpr (std::is_same_v<T, float>) return DType::F32;
    else if constexpr (std::is_same_v<T, double>) return DType::F64;
    else if constexpr (std::is_same_v<T, Half>) return DType::F16;
    else if constexpr (std::is_same_v<T, BFloat16>) return DType::BF16;
    else if constexpr (std::is_same_v<T, std::complex<float>>) return DType::C64;
    else {
        static_assert(std::is_integral_v<T>, "no checkpoint holds elements of this type");
        constexpr bool s = std::is_signed_v<T>;
        if constexpr (sizeof(T) == 1) return s ? DType::I8 : DType::U8;
        else if constexpr (sizeof(T) == 2) return s ? DType::I16 : DType::U16;
        else if constexpr (sizeof(T) == 4) return s ? DType::I32 : DType::U32;
        else return s ? DType::I64 : DType::U64;
    }
}

/// "(48, 3, 3, 3)".
inline std::string shape_text(std::vector<Index> const& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + ")";
}

/// An array as a checkpoint file holds it: a name, any extents, and its elements in row-major order, little endian.
struct NamedTensor {
    std::string name;
    DType dtype = DType::F32;
    std::vector<Index> shape;
    std::vector<std::uint8_t> data;

    bool operator==(NamedTensor const&) const = default;
};

/// What a checkpoint file holds: named arrays, and strings beside them.
struct Checkpoint {
    std::vector<NamedTensor> tensors;
    std::map<std::string, std::string> metadata;

    /// The tensor of this name, or nullptr; linear in the number of tensors.
    NamedTensor const* find(std::string_view name) const {
        auto const it = std::find_if(tensors.begin(), tensors.end(), [&](NamedTensor const& t) { return t.name == name; });
        return it == tensors.end() ? nullptr : &*it;
    }
    /// The tensor of this name; an Error when there is none.
    NamedTensor const& at(std::string_view name) const {
        NamedTensor const* const found = find(name);
        check(found != nullptr, "the checkpoint has no tensor ", quote_text(name));
        return *found;
    }

    bool operator==(Checkpoint const&) const = default;
};

/// What a reader accepts before it gives up with an Error.
struct CheckpointLimits {
    std::uint64_t bytes = std::uint64_t{16} << 30;  ///< of the file, and of all its tensors together
    std::size_t tensors = 100'000;                  ///< number of tensors
};

/// The number of elements of a shape; an Error that starts with `what` for a negative extent or a product beyond Index.
inline std::uint64_t element_count(std::vector<Index> const& shape, char const* what) {
    check(shape.size() <= 64, what, ": ", shape.size(), " dimensions; 64 are the most");
    for (Index const extent : shape) check(extent >= 0, what, ": negative extent ", extent);
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
    std::uint64_t count = 1;
    for (Index const extent : shape) count = checked_product(count, static_cast<std::uint64_t>(extent), what);
    return count;
}

/// The number of elements, after checking that the data has exactly the bytes that shape and dtype ask for.
inline std::uint64_t element_count(NamedTensor const& x) {
    std::uint64_t const count = element_count(x.shape, x.name.c_str()), bytes = checked_product(count, size_of(x.dtype), x.name.c_str());
    check(x.data.size() == bytes, "tensor ", quote_text(x.name), ": ", to_string(x.dtype), ' ', shape_text(x.shape), " needs ", bytes,
          " bytes, not ", x.data.size());
    return count;
}

namespace detail {

/// Whether every byte belongs to well-formed UTF-8.
inline bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        auto const c = decode_utf8(text, i);
        if (c.value == 0xFFFD && c.bytes == 1) return false;
        i += c.bytes;
    }
    return true;
}

/// Throws when two tensors have the same name.
inline void refuse_duplicate_names(std::vector<NamedTensor> const& tensors) {
    std::vector<std::string_view> names;
    for (NamedTensor const& x : tensors) names.push_back(x.name);
    std::sort(names.begin(), names.end());
    auto const twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) throw Error(concat_text("two tensors are named ", quote_text(*twice)));
}

/// One element as another type; false when the value does not fit, or is a fraction asked for as an integer.
template <class To, class From> bool convert_element(From from, To& to) {
    if constexpr (std::is_same_v<From, To>) to = from;
    else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) return convert_element(static_cast<float>(from), to);
    else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) to = To(static_cast<float>(from));
    else if constexpr (std::is_floating_point_v<To>) to = static_cast<To>(from);
    else if constexpr (std::is_floating_point_v<From>) return false;
    else {
        if (!std::in_range<To>(from)) return false;
        to = static_cast<To>(from);
    }
    return true;
}

template <class From, class To> void convert_elements(NamedTensor const& x, std::vector<To>& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
        From from;
        std::memcpy(&from, x.data.data() + i * sizeof(From), sizeof(From));
        if (convert_element(from, y[i])) continue;
        throw Error(concat_text("tensor ", quote_text(x.name), ": element ", i, " of type ", to_string(x.dtype), " is no ",
                                to_string(dtype_of<To>())));
    }
}

}  // namespace detail

/// The elements of `x` as T (float, double, Half, BFloat16 or an integer other than bool), each rounded to nearest.
/// Integers are range-checked; a floating-point tensor does not become integers, nor a complex or 8-bit float anything: an Error.
template <class T> std::vector<T> to_vector(NamedTensor const& x) {
    static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no elements to fill: ask for std::uint8_t");
    std::vector<T> y(element_count(x));
    switch (x.dtype) {
    case DType::Bool:
        for (std::size_t i = 0; i < y.size(); ++i) detail::convert_element(static_cast<std::uint8_t>(x.data[i] != 0), y[i]);
        break;
    case DType::U8: detail::convert_elements<std::uint8_t>(x, y); break;
    case DType::I8: detail::convert_elements<std::int8_t>(x, y); break;
    case DType::I16: detail::convert_elements<std::int16_t>(x, y); break;
    case DType::U16: detail::convert_elements<std::uint16_t>(x, y); break;
    case DType::F16: detail::convert_elements<Half>(x, y); break;
    case DType::BF16: detail::convert_elements<BFloat16>(x, y); break;
    case DType::I32: detail::convert_elements<std::int32_t>(x, y); break;
    case DType::U32: detail::convert_elements<std::uint32_t>(x, y); break;
    case DType::F32: detail::convert_elements<float>(x, y); break;
    case DType::F64: detail::convert_elements<double>(x, y); break;
    case DType::I64: detail::convert_elements<std::int64_t>(x, y); break;
    case DType::U64: detail::convert_elements<std::uint64_t>(x, y); break;
    default: throw Error(concat_text("tensor ", quote_text(x.name), ": elements of type ", to_string(x.dtype), " cannot be converted"));
    }
    return y;
}

/// The part of a checkpoint whose names start with `prefix` (such as "model."), without that prefix; the metadata stays.
inline Checkpoint subset(Checkpoint const& checkpoint, std::string_view prefix) {
    Checkpoint part{{}, checkpoint.metadata};
    for (NamedTensor const& x : checkpoint.tensors)
        if (x.name.starts_with(prefix)) part.tensors.emplace_back(x).name.erase(0, prefix.size());
    return part;
}

/// Removes `prefix` (such as "module.") from all names, as often as every name starts with it; returns whether it did.
inline bool strip_prefix(Checkpoint& checkpoint, std::string_view prefix) {
    bool stripped = false;
    auto const starts = [&](NamedTensor const& x) { return x.name.size() > prefix.size() && x.name.starts_with(prefix); };
    while (!prefix.empty() && !checkpoint.tensors.empty() && std::all_of(checkpoint.tensors.begin(), checkpoint.tensors.end(), starts)) {
        for (NamedTensor& x : checkpoint.tensors) x.name.erase(0, prefix.size());
        stripped = true;
    }
    return stripped;
}

}  // namespace tacet
