// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/percent_range.hpp>
#include <tacet/core/precision.hpp>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

namespace tacet {

/// Thrown by denoise() when its progress callback asked to stop.
struct Cancelled : Error {
    Cancelled() : Error("cancelled") {}
};

/// What networks with attention masks draw (the masked SwinIR, in evaluation, too). The same values give the same result, whatever the
/// number of threads.
struct DrawOptions {
    int draws = 1;                                        ///< results that are averaged, each with masks of its own; 1 to 65536
    std::uint64_t seed = 0;                               ///< of the masks; networks without masks pass over it
    std::optional<PercentRange> attention_mask = {};      ///< percentages of tokens hidden instead of the network's own; 0 to 0: off

    bool operator==(DrawOptions const&) const = default;
};

/// Is told, in a line, what a user should know.
using NoteFunction = std::function<void(std::string const&)>;

/// How denoise() works.
struct DenoiseOptions {
    /// Working memory in bytes beside the image itself: larger images are denoised in tiles. The result does not depend on it, unless
    /// tiles are blended: see exact_up_to. Where that much is not to be had, half of it is tried, and half of that.
    std::size_t max_memory = std::size_t(2) << 30;
    /// Called with the finished share in [0, 1] before each tile and at the end; returning false stops with Cancelled.
    std::function<bool(double)> progress = {};
    /// Draws of networks with attention masks. For others, several draws or another mask are an Error.
    DrawOptions masks = {};
    /// Averages over the eight flips and turns of the image, each with its own draws: eight times the work.
    bool self_ensemble = false;
    /// Networks that see far (SwinIR) get tiles that overlap less and are blended where exact ones would compute more than this many
    /// pixels per pixel of the image, or would not fit max_memory. Infinity: never.
    double exact_up_to = 1.5;
    /// Type of the images between the network's layers; other than float32 for networks on a GPU alone.
    Precision precision = Precision::float32;
    /// Told that tiles are blended, that they are smaller for want of memory, that masks are off, that a file of weights does not say how
    /// many tokens they hide.
    NoteFunction note = {};
};

/// A DenoiseOptions::note for programs: a line of stderr.
inline void note_on_stderr(std::string const& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

}  // namespace tacet
