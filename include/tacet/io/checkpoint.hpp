// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/error.hpp>
#include <tacet/io/atomic_file.hpp>
#include <tacet/io/named_tensor.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/io/torch_checkpoint.hpp>
#include <cstdint>
#include <filesystem>
#include <span>

namespace tacet {

/// The checkpoint formats that can be read.
enum class CheckpointFormat { Unknown, Safetensors, TorchZip, TorchLegacy };

/// The format of the bytes, by their content alone: a file's name says nothing about what an attacker put inside.
inline CheckpointFormat checkpoint_format(std::span<std::uint8_t const> bytes) {
    if (detail::is_safetensors(bytes)) return CheckpointFormat::Safetensors;
    if (detail::is_torch_zip(bytes)) return CheckpointFormat::TorchZip;
    return detail::is_torch_legacy(bytes) ? CheckpointFormat::TorchLegacy : CheckpointFormat::Unknown;
}

#if TACET_WITH_COMPILED  // library tacet::compiled has it
namespace detail {
Checkpoint compiled_parse_checkpoint(std::span<std::uint8_t const> bytes, TorchNames const& names, CheckpointLimits limits, Cpu);
}
#endif

/// Reads a checkpoint of any known format from memory. The format is recognised once; a damaged file of one is never tried as another.
inline Checkpoint parse_checkpoint(std::span<std::uint8_t const> bytes, TorchNames const& names = {}, CheckpointLimits limits = {}) {
#if TACET_WITH_COMPILED
    return detail::compiled_parse_checkpoint(bytes, names, limits, Cpu{});
#else
    bool const tar = detail::begins_with(bytes, "ustar", 257);  // PyTorch's first format: the reader says what to do
    switch (checkpoint_format(bytes)) {
    case CheckpointFormat::Safetensors: return parse_safetensors(bytes, limits);
    case CheckpointFormat::TorchZip:
    case CheckpointFormat::TorchLegacy: return parse_torch_checkpoint(bytes, names, limits);
    case CheckpointFormat::Unknown: break;
    }
    if (tar) return parse_torch_checkpoint(bytes, names, limits);
    throw Error("not a checkpoint: neither safetensors nor PyTorch's .pt, .pth or .ckpt");
#endif
}

/// Reads a checkpoint file: safetensors, or PyTorch's zip and legacy formats. Errors name the path.
inline Checkpoint load_checkpoint(std::filesystem::path const& path, TorchNames const& names = {}, CheckpointLimits limits = {}) {
    auto const bytes = read_file(path, limits.bytes);
    try {
        return parse_checkpoint(bytes, names, limits);
    } catch (Error const& error) {
        throw Error(path.string() + ": " + error.what());
    }
}

}  // namespace tacet
