// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/byte_reader.hpp>
#include <tacet/io/named_tensor.hpp>
#include <tacet/io/safetensors_header.hpp>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tacet {
namespace detail {

/// Longest header that the format allows.
inline constexpr std::uint64_t max_safetensors_header = 100'000'000;

inline void check_safetensors_header(std::uint64_t bytes) {
    check(bytes <= max_safetensors_header, "safetensors: a header of ", bytes, " bytes; ", max_safetensors_header, " are the most");
}

/// Whether the bytes look like safetensors: a plausible header length, then an opening brace. No zip or pickle begins like this.
inline bool is_safetensors(std::span<std::uint8_t const> bytes) {
    if (bytes.size() < 9 || bytes[8] != '{') return false;
    return ByteReader(bytes, "safetensors").take_number<std::uint64_t>() <= max_safetensors_header;
}

/// Every tensor begins where the one before it ends and has the bytes that its shape needs; the last one ends with the file.
inline void check_safetensors_layout(std::vector<SafetensorsEntry> const& entries, std::uint64_t buffer_bytes) {
    std::uint64_t end = 0;
    for (SafetensorsEntry const& e : entries) {
        if (e.begin != end || e.end < e.begin) {
            throw Error(concat_text("safetensors: tensor ", quote_text(e.name), " at bytes ", e.begin, " to ", e.end,
                                    " leaves a hole or overlaps another one"));
        }
        std::uint64_t const needed = checked_product(element_count(e.shape, "safetensors: the shape"), size_of(e.dtype), "safetensors");
        if (e.end - e.begin != needed) {
            throw Error(concat_text("safetensors: tensor ", quote_text(e.name), " of ", to_string(e.dtype), ' ', shape_text(e.shape),
                                    " needs ", needed, " bytes, not ", e.end - e.begin));
        }
        end = e.end;
    }
    check(end == buffer_bytes, "safetensors: the tensors end at byte ", end, " of ", buffer_bytes,
          end > buffer_bytes ? "; is the file truncated?" : "");
}

/// The tensors in the order in which a file holds them: larger elements first, which aligns all of them, then by name.
inline std::vector<NamedTensor const*> safetensors_order(std::vector<NamedTensor> const& tensors) {
    std::vector<NamedTensor const*> order;
    for (NamedTensor const& x : tensors) order.push_back(&x);
    std::sort(order.begin(), order.end(), [](auto const* a, auto const* b) {
        return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
    });
    return order;
}

inline void append_safetensors_entry(std::string& header, NamedTensor const& x, std::uint64_t begin) {
    append_header_string(header, x.name);
    header += R"(:{"dtype":")" + to_string(x.dtype) + R"(","shape":[)";
    for (std::size_t d = 0; d < x.shape.size(); ++d) header.append(d ? "," : "").append(std::to_string(x.shape[d]));
    header += R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(begin + x.data.size()) + "]}";
}

inline std::string safetensors_metadata(std::map<std::string, std::string> const& metadata) {
    std::string text;
    for (auto const& [key, value] : metadata) {
        check(is_utf8(key) && is_utf8(value), "safetensors: metadata that is not UTF-8: ", quote_text(key));
        text += text.empty() ? R"("__metadata__":{)" : ",";
        append_header_string(text, key);
        text += ':';
        append_header_string(text, value);
    }
    return text.empty() ? text : text + "}";
}

}  // namespace detail

/// Reads a safetensors file from memory; the tensors come in the order of their bytes. Every rule of the format is checked: header of at
/// most 100,000,000 bytes, no duplicate keys, contiguous data without holes or overlaps up to the end of the file. Source: the format's
/// specification, https://github.com/huggingface/safetensors.
inline Checkpoint parse_safetensors(std::span<std::uint8_t const> bytes, CheckpointLimits limits = {}) {
    check(bytes.size() <= limits.bytes, "the checkpoint has ", bytes.size(), " bytes, more than the limit of ", limits.bytes);
    ByteReader reader(bytes, "safetensors");
    auto const length = reader.take_number<std::uint64_t>();
    detail::check_safetensors_header(length);
    auto const text = reader.take_text(length);
    check(text.starts_with('{'), "safetensors: the header does not begin with '{'");
    detail::SafetensorsHeader header(text, limits.tensors);
    auto& entries = header.entries;
    std::sort(entries.begin(), entries.end(),
              [](auto const& a, auto const& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
    detail::check_safetensors_layout(entries, reader.remaining());
    Checkpoint checkpoint{{}, std::move(header.metadata)};
    for (auto& e : entries) {
        auto const data = reader.take(e.end - e.begin);
        checkpoint.tensors.push_back({std::move(e.name), e.dtype, std::move(e.shape), {data.begin(), data.end()}});
    }
    detail::refuse_duplicate_names(checkpoint.tensors);
    return checkpoint;
}

/// The bytes of a safetensors file: the same for the same content, whatever the order of the tensors, and equal to what the reference
/// implementation writes. Names that no file can hold are Errors: duplicates, "__metadata__", no UTF-8.
inline std::vector<std::uint8_t> format_safetensors(Checkpoint const& checkpoint) {
    detail::refuse_duplicate_names(checkpoint.tensors);
    std::string header = "{" + detail::safetensors_metadata(checkpoint.metadata);
    auto const order = detail::safetensors_order(checkpoint.tensors);
    std::uint64_t end = 0;
    for (NamedTensor const* const x : order) {
        element_count(*x);  // throws when shape and data disagree
        bool const named = detail::is_utf8(x->name) && x->name != "__metadata__";
        check(named, "safetensors: a tensor cannot be named ", quote_text(x->name));
        if (header.size() > 1) header += ',';
        detail::append_safetensors_entry(header, *x, end);
        end += x->data.size();
    }
    header += '}';
    header.resize((header.size() + 7) / 8 * 8, ' ');  // aligns the tensors
    std::uint64_t const length = header.size();
    detail::check_safetensors_header(length);
    std::vector<std::uint8_t> bytes;
    bytes.reserve(8 + length + end);
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<std::uint8_t>(length >> shift));
    bytes.insert(bytes.end(), header.begin(), header.end());
    for (NamedTensor const* const x : order) bytes.insert(bytes.end(), x->data.begin(), x->data.end());
    return bytes;
}

/// Reads a safetensors file; errors name the path.
inline Checkpoint read_safetensors(std::filesystem::path const& path, CheckpointLimits limits = {}) {
    auto const bytes = read_file(path, limits.bytes);
    try {
        return parse_safetensors(bytes, limits);
    } catch (Error const& error) {
        throw Error(path.string() + ": " + error.what());
    }
}

/// Writes a safetensors file, which appears complete or not at all; an existing one is replaced only with `overwrite`.
inline void write_safetensors(std::filesystem::path const& path, Checkpoint const& checkpoint, bool overwrite = false) {
    auto const bytes = format_safetensors(checkpoint);
    write_file_atomically(path, std::as_bytes(std::span(bytes)), overwrite);
}

}  // namespace tacet
