// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/crc32.hpp>
#include <tacet/io/named_tensor.hpp>
#include <tacet/io/text.hpp>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacet {
namespace detail {

/// Appends `count` low bytes of `value`, little endian.
inline void append_number(std::vector<std::uint8_t>& bytes, std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i, value >>= 8) bytes.push_back(static_cast<std::uint8_t>(value));
}

/// Writes a zip archive of uncompressed files of less than 4 GiB in all, each beginning at a multiple of 64 bytes.
class ZipWriter {
public:
    void add(std::string_view name, std::span<std::uint8_t const> data) {
        check(data.size() < limit && bytes_.size() < limit - data.size(), "a .pth file cannot hold 4 GiB; write safetensors instead");
        std::uint64_t const header = bytes_.size(), crc = crc32(data);
        std::uint64_t const padding = (64 - (header + 30 + name.size() + 4) % 64) % 64;
        append_number(bytes_, 0x04034b50, 4);
        append_common(bytes_, crc, data.size(), name.size());
        append_number(bytes_, 4 + padding, 2);
        bytes_.insert(bytes_.end(), name.begin(), name.end());
        append_number(bytes_, 0x4246 | padding << 16, 4);  // an extra field that readers skip
        bytes_.insert(bytes_.end(), padding, 'Z');
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        append_number(directory_, 0x02014b50, 4);
        append_number(directory_, 20, 2);
        append_common(directory_, crc, data.size(), name.size());
        append_number(directory_, 0, 8);  // no extra field, no comment, first disk, no attributes
        append_number(directory_, 0, 4);
        append_number(directory_, header, 4);
        directory_.insert(directory_.end(), name.begin(), name.end());
        ++count_;
    }

    std::vector<std::uint8_t> finish() {
        check(bytes_.size() < limit - directory_.size() && count_ < 0xffff, "too many tensors for a .pth file; write safetensors instead");
        std::uint64_t const at = bytes_.size();
        bytes_.insert(bytes_.end(), directory_.begin(), directory_.end());
        append_number(bytes_, 0x06054b50, 8);  // with the two disk numbers, 0
        append_number(bytes_, count_ | count_ << 16, 4);
        append_number(bytes_, directory_.size(), 4);
        append_number(bytes_, at, 6);  // and no comment
        return std::move(bytes_);
    }

private:
    static constexpr std::uint64_t limit = 0xffffffff;

    // What both headers say: version 2.0, names in UTF-8, stored, no date, checksum, sizes, length of the name.
    static void append_common(std::vector<std::uint8_t>& bytes, std::uint64_t crc, std::uint64_t size, std::uint64_t name) {
        append_number(bytes, 20, 2);
        append_number(bytes, 0x0800, 2);
        append_number(bytes, 0, 2);
        append_number(bytes, 0x00210000, 4);  // 1980-01-01 00:00, the earliest that zip knows: the same content is the same file
        append_number(bytes, crc, 4);
        append_number(bytes, size, 4);
        append_number(bytes, size, 4);
        append_number(bytes, name, 2);
    }

    std::vector<std::uint8_t> bytes_, directory_;
    std::uint64_t count_ = 0;
};

/// Writes the pickle of an OrderedDict of tensors: the opcodes that torch.save uses, without a memo.
class TorchPickler {
public:
    std::vector<std::uint8_t> write(std::vector<NamedTensor> const& tensors) {
        text("\x80\x02");
        ordered_dict();
        text("(");
        std::size_t key = 0;
        for (NamedTensor const& x : tensors) string(x.name), tensor(x, std::to_string(key++));
        text("u.");
        return std::move(bytes_);
    }

private:
    void text(std::string_view t) { bytes_.insert(bytes_.end(), t.begin(), t.end()); }
    void string(std::string_view t) {
        text("X");
        append_number(bytes_, t.size(), 4);
        text(t);
    }
    void number(std::uint64_t value) {
        bool const small = value <= 0x7fffffff;
        text(small ? "J" : "\x8a\x08");
        append_number(bytes_, value, small ? 4 : 8);
    }
    void ordered_dict() { text("ccollections\nOrderedDict\n)R"); }

    static std::string_view storage_type(NamedTensor const& x) {
        switch (x.dtype) {
        case DType::Bool: return "Bool";
        case DType::U8: return "Byte";
        case DType::I8: return "Char";
        case DType::I16: return "Short";
        case DType::I32: return "Int";
        case DType::I64: return "Long";
        case DType::F16: return "Half";
        case DType::BF16: return "BFloat16";
        case DType::F32: return "Float";
        case DType::F64: return "Double";
        case DType::C64: return "ComplexFloat";
        default: throw Error(concat_text("tensor ", quote_text(x.name), ": a .pth file cannot hold elements of type ", to_string(x.dtype)));
        }
    }

    void tensor(NamedTensor const& x, std::string const& key) {
        std::uint64_t const count = element_count(x);
        text("ctorch._utils\n_rebuild_tensor_v2\n((");
        string("storage");
        text("ctorch\n");
        text(storage_type(x));
        text("Storage\n");
        string(key);
        string("cpu");
        number(count);
        text("tQ");
        number(0);
        text("(");
        for (Index const extent : x.shape) number(static_cast<std::uint64_t>(extent));
        text("t(");
        for (std::size_t d = 0; d < x.shape.size(); ++d) number(stride(x.shape, d));
        text("t\x89");
        ordered_dict();
        text("tR");
    }
    // An empty tensor's strides mean nothing, and need not fit.
    static std::uint64_t stride(std::vector<Index> const& shape, std::size_t d) {
        if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 1;
        std::uint64_t n = 1;
        while (++d < shape.size()) n *= static_cast<std::uint64_t>(shape[d]);
        return n;
    }

    std::vector<std::uint8_t> bytes_;
};

}  // namespace detail

/// The bytes of a file that `torch.load(..., weights_only=True)` reads as an OrderedDict of these tensors, in their order (PyTorch 1.6 and
/// later). The metadata, for which the format has no place, is left out; 4 GiB or types without a torch storage are Errors.
inline std::vector<std::uint8_t> format_torch_checkpoint(Checkpoint const& checkpoint) {
    detail::refuse_duplicate_names(checkpoint.tensors);
    for (NamedTensor const& x : checkpoint.tensors)
        check(detail::is_utf8(x.name) && !x.name.empty(), "a .pth file cannot hold a tensor named ", quote_text(x.name));
    auto const bytes_of = [](std::string_view text) { return std::vector<std::uint8_t>(text.begin(), text.end()); };
    detail::ZipWriter zip;
    zip.add("archive/data.pkl", detail::TorchPickler().write(checkpoint.tensors));
    zip.add("archive/byteorder", bytes_of("little"));
    for (std::size_t i = 0; i < checkpoint.tensors.size(); ++i) zip.add("archive/data/" + std::to_string(i), checkpoint.tensors[i].data);
    zip.add("archive/version", bytes_of("3\n"));
    return zip.finish();
}

/// Writes such a file, which appears complete or not at all; an existing one is replaced only with `overwrite`.
inline void write_torch_checkpoint(std::filesystem::path const& path, Checkpoint const& checkpoint, bool overwrite = false) {
    auto const bytes = format_torch_checkpoint(checkpoint);
    write_file_atomically(path, std::as_bytes(std::span(bytes)), overwrite);
}

}  // namespace tacet
