// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <cstdlib>
#include <filesystem>

namespace tacet {

/// The checkpoint that comes with tacet, blind to Gaussian noise up to sigma 50: the file that the environment variable TACET_WEIGHTS
/// names, or weights/blind_gaussian.safetensors beside the sources, or share/tacet/weights below the prefix of an installation.
/// Throws Error when there is none.
inline std::filesystem::path default_weights() {
    namespace fs = std::filesystem;
    if (char const* named = std::getenv("TACET_WEIGHTS"); named && *named) return named;
    fs::path const header = fs::path(__FILE__).parent_path();  // PREFIX/include/tacet/denoise
    fs::path const prefix = header.parent_path().parent_path().parent_path(), name = "blind_gaussian.safetensors";
    for (auto const& folder : {prefix / "weights", prefix / "share" / "tacet" / "weights"})
        if (std::error_code error; fs::exists(folder / name, error)) return folder / name;
    throw Error("the checkpoint that comes with tacet was not found in " + (prefix / "weights").string() + "; name one with --weights");
}

}  // namespace tacet
