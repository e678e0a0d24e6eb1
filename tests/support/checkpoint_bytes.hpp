// SPDX-License-Identifier: MIT
#pragma once
// Builds checkpoint files byte by byte, right ones and wrong ones, for tests and fuzz targets. Independent of the readers on purpose:
// the formats are written down here a second time.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacet::test {

/// The bytes of a text.
inline std::vector<std::uint8_t> to_bytes(std::string_view text) { return {text.begin(), text.end()}; }

/// A number in little-endian bytes.
template <class T> std::string little_endian(T value) {
    std::string text(sizeof(T), '\0');
    std::memcpy(text.data(), &value, sizeof(T));
    return text;
}

/// The raw bytes of numbers, as a storage or a tensor holds them.
template <class T> std::string raw(std::initializer_list<T> values) {
    std::string text;
    for (T const value : values) text += little_endian(value);
    return text;
}

// ---- pickles: each function returns the opcodes that leave one value on the stack ----

inline std::string pickled_text(std::string_view text) {
    return "X" + little_endian(static_cast<std::uint32_t>(text.size())) + std::string(text);
}
inline std::string pickled(std::int64_t value) {
    if (value >= 0 && value < 256) return "K" + little_endian(static_cast<std::uint8_t>(value));
    return "\x8a\x08" + little_endian(value);
}
inline std::string pickled_class(std::string_view module, std::string_view name) {
    return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string pickled_tuple(std::initializer_list<std::string> items) {
    std::string text = "(";
    for (std::string const& item : items) text += item;
    return text + "t";
}
inline std::string pickled_tuple(std::vector<std::int64_t> const& values) {
    std::string text = "(";
    for (std::int64_t const value : values) text += pickled(value);
    return text + "t";
}
using PickledItems = std::initializer_list<std::pair<std::string_view, std::string>>;
inline std::string pickled_items(PickledItems items) {
    std::string text = "(";
    for (auto const& [key, value] : items) text += pickled_text(key) + value;
    return text + "u";
}
inline std::string pickled_dict(PickledItems items) { return "}" + pickled_items(items); }
inline std::string pickled_ordered_dict(PickledItems items) {
    return pickled_class("collections", "OrderedDict") + ")R" + pickled_items(items);
}
inline std::string pickled_call(std::string_view module, std::string_view name, std::string const& arguments) {
    return pickled_class(module, name) + arguments + "R";
}

/// A reference to storage `key` with `count` elements of torch.`type`.
inline std::string pickled_storage(std::string_view type, std::string_view key, std::int64_t count) {
    auto const location = pickled_text("cpu");
    return pickled_tuple({pickled_text("storage"), pickled_class("torch", type), pickled_text(key), location, pickled(count)}) + "Q";
}
/// What torch.save writes for a tensor.
inline std::string pickled_tensor(std::string const& storage, std::vector<std::int64_t> const& shape,
                                  std::vector<std::int64_t> const& strides, std::int64_t offset = 0) {
    auto const none = pickled_class("collections", "OrderedDict") + ")R";
    return pickled_call("torch._utils", "_rebuild_tensor_v2",
                        pickled_tuple({storage, pickled(offset), pickled_tuple(shape), pickled_tuple(strides), "\x89", none}));
}
/// A whole pickle of protocol 2.
inline std::string whole_pickle(std::string const& value) { return "\x80\x02" + value + "."; }

// ---- zip ----

/// One file of an archive; what differs from a good one is set.
struct ZipFile {
    std::string name, data;
    std::uint16_t method = 0, flags = 0, disk = 0;
    std::optional<std::uint32_t> crc = {}, size = {}, header = {};  // what the directory claims
    std::optional<std::string> local_name = {};
    std::string extra = {};                                         // of the directory entry
};

/// The usual CRC-32, one bit at a time.
inline std::uint32_t slow_crc32(std::string_view text) {
    std::uint32_t crc = ~0u;
    for (char const c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0u);
    }
    return ~crc;
}

template <class... Numbers> std::string little_endians(Numbers... numbers) { return (little_endian(numbers) + ...); }

/// The records of zip64 that stand between directory and end record.
inline std::string zip64_end(std::uint64_t count, std::uint64_t directory, std::uint64_t size) {
    using U16 = std::uint16_t;
    using U32 = std::uint32_t;
    std::uint64_t const at = directory + size;
    return little_endians(U32{0x06064b50}, std::uint64_t{44}, U16{45}, U16{45}, U32{0}, U32{0}, count, count, size, directory) +
           little_endians(U32{0x07064b50}, U32{0}, at, U32{1});
}

/// A zip archive as PyTorch writes it: sizes and checksums only in the directory.
inline std::string zip_archive(std::vector<ZipFile> const& files, bool zip64 = false, std::string const& comment = "") {
    using U16 = std::uint16_t;
    using U32 = std::uint32_t;
    std::string bytes, directory;
    for (ZipFile const& f : files) {
        auto const header = f.header.value_or(static_cast<U32>(bytes.size())), crc = f.crc.value_or(slow_crc32(f.data));
        auto const size = f.size.value_or(static_cast<U32>(f.data.size()));
        auto const flags = static_cast<U16>(0x0808 | f.flags), name_bytes = static_cast<U16>(f.name.size());
        std::string const local = f.local_name.value_or(f.name);
        bytes += little_endians(U32{0x04034b50}, U16{0}, flags, f.method, U32{0}, U32{0}, U32{0}, U32{0});
        bytes += little_endians(static_cast<U16>(local.size()), U16{0}) + local + f.data;
        directory += little_endians(U32{0x02014b50}, U16{0}, U16{0}, flags, f.method, U32{0}, crc, size, size, name_bytes);
        directory += little_endians(static_cast<U16>(f.extra.size()), U16{0}, f.disk, U16{0}, U32{0}, header) + f.name + f.extra;
    }
    auto const at = static_cast<U32>(bytes.size()), size = static_cast<U32>(directory.size());
    auto const count = static_cast<U16>(files.size());
    bytes += directory;
    if (zip64) bytes += zip64_end(count, at, size);
    auto const all_ones = U32{0xffffffff};
    bytes += little_endians(U32{0x06054b50}, U16{0}, U16{0}, zip64 ? U16{0xffff} : count, zip64 ? U16{0xffff} : count);
    bytes += little_endians(zip64 ? all_ones : size, zip64 ? all_ones : at, static_cast<U16>(comment.size())) + comment;
    return bytes;
}

// ---- checkpoints ----

using Storages = std::vector<std::pair<std::string, std::string>>;  // key, raw bytes

/// A zip checkpoint around a pickled value.
inline std::vector<std::uint8_t> torch_zip(std::string const& value, Storages const& storages, std::vector<ZipFile> const& more = {}) {
    std::vector<ZipFile> files{{"archive/data.pkl", whole_pickle(value)}};
    for (auto const& [key, data] : storages) files.push_back({"archive/data/" + key, data});
    files.push_back({"archive/version", "3\n"});
    files.insert(files.end(), more.begin(), more.end());
    return to_bytes(zip_archive(files, true));
}

/// The first three pickles of a legacy checkpoint.
inline std::string legacy_head(bool little = true) {
    std::string const sizes = pickled_dict({{"short", pickled(2)}, {"int", pickled(4)}, {"long", pickled(4)}});
    std::string const truth = little ? "\x88" : "\x89";
    return whole_pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") + whole_pickle("M" + little_endian(std::uint16_t{1001})) +
           whole_pickle(pickled_dict({{"protocol_version", pickled(1001)}, {"little_endian", truth}, {"type_sizes", sizes}}));
}

/// A legacy checkpoint around a pickled value; all elements have `item` bytes.
inline std::vector<std::uint8_t> torch_legacy(std::string const& value, Storages const& storages, std::size_t item = 4) {
    std::string keys = "](", data;
    for (auto const& [key, bytes] : storages) {
        keys += pickled_text(key);
        data += little_endian(static_cast<std::uint64_t>(bytes.size() / item)) + bytes;
    }
    return to_bytes(legacy_head() + whole_pickle(value) + whole_pickle(keys + "e") + data);
}

/// A safetensors file around a header, which is not padded.
inline std::vector<std::uint8_t> safetensors_bytes(std::string_view header, std::string_view data,
                                                   std::optional<std::uint64_t> length = {}) {
    return to_bytes(little_endian(length.value_or(header.size())) + std::string(header) + std::string(data));
}

}  // namespace tacet::test
