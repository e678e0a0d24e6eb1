// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <filesystem>

namespace tacet::test {

/// The sizes of a SwinIR that denoises a small picture in no time: windows of 4 pixels, two blocks.
inline SwinIROptions small_swin() {
    SwinIROptions o;
    o.embed_dim = 12, o.window_size = 4, o.img_size = 16, o.depths = {2}, o.num_heads = {2};
    return o;
}
/// The weights of a random network of these sizes.
inline Checkpoint swin_checkpoint(SwinIROptions const& o) {
    Rng rng(6);
    MaskedSwinIR<> model(o, rng);
    return save(model);
}
/// Writes those of the small masked SwinIR.
inline void write_swin_weights(std::filesystem::path const& path, SwinIROptions const& o = small_swin()) {
    write_safetensors(path, swin_checkpoint(o), true);
}

}  // namespace tacet::test
