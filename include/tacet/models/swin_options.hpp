// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/nn/window_attention.hpp>
#include <cmath>
#include <string>
#include <vector>

namespace tacet {

/// The convolutions after a group of blocks and after all of them; 0conv has none after groups and a 1 x 1 after all.
enum class ResiConnection { conv0, conv1, conv3, conv6 };
/// How features become the larger image: not at all, or as in SwinIR's classical, light-weight and real-world super-resolution.
enum class Upsampler { none, pixelshuffle, pixelshuffledirect, nearest_conv };
/// What is computed again in the backward pass instead of being kept: nothing, the attention of blocks, or whole blocks. Blocks that the
/// CPU computes in one pass over memory (SwinBlock::one_pass) keep their input alone, whatever it says; on Cuda, `block` is what makes
/// training compute blocks of 16-bit images in one pass.
enum class Recompute { none, attention, block };

/// The sizes and switches of a SwinIR network (Liang et al., 2021) and of its masked variant (Chen et al., 2023), whose released sizes are
/// the defaults. Names are those of the option files of both.
struct SwinIROptions {
    Index in_chans = 3, embed_dim = 60, img_size = 64, window_size = 8, upscale = 1;
    std::vector<Index> depths{6, 6, 6, 6}, num_heads{6, 6, 6, 6};
    double mlp_ratio = 2, img_range = 1, drop_path_rate = 0.1, last_dropout = 0;
    Index first_kernel = 1;
    ResiConnection resi_connection = ResiConnection::conv3;
    Upsampler upsampler = Upsampler::none;
    bool global_residual = false, shallow_residual = false, ape = false, patch_norm = true, use_mask = true;
    int mask_ratio1 = 75, mask_ratio2 = 75;
    AttentionSwitches attention = {};
    Recompute recompute = Recompute::none;

    /// What makes it the original SwinIR: both residuals, a first convolution of 3 x 3, one convolution per group, no mask.
    SwinIROptions original() const {
        SwinIROptions o = *this;
        o.first_kernel = 3, o.resi_connection = ResiConnection::conv1, o.use_mask = false;
        o.global_residual = o.upsampler == Upsampler::none, o.shallow_residual = true;
        return o;
    }

    static void fields(auto& self, auto&& field) {
        field("in_chans", self.in_chans, "channels of images", detail::Limits{1, 64});
        field("embed_dim", self.embed_dim, "channels of features", detail::Limits{1, 1024});
        field("depths", self.depths, "blocks of each group", detail::Limits{1, 64});
        field("num_heads", self.num_heads, "heads of each group", detail::Limits{1, 256});
        field("window_size", self.window_size, "side of the windows of attention, in pixels", detail::Limits{2, 32});
        field("img_size", self.img_size, "side of training images, which buffers of exported files and ape depend on",
              detail::Limits{1, 4096});
        field("mlp_ratio", self.mlp_ratio, "hidden channels per channel", detail::Limits{0, 64, true});
        field("img_range", self.img_range, "scale of the values inside", detail::AboveLimit{0});
        field("upsampler", self.upsampler, "how the image is enlarged",
              detail::Words{{"none", "pixelshuffle", "pixelshuffledirect", "nearest+conv"}});
        field("upscale", self.upscale, "by how much", detail::Limits{1, 8});
        field("resi_connection", self.resi_connection, "convolutions after each group",
              detail::Words{{"0conv", "1conv", "3conv", "6conv"}});
        field("first_kernel", self.first_kernel, "side of the first convolution: 1, or 3 as in SwinIR", detail::Limits{1, 3});
        field("global_residual", self.global_residual, "the network computes what is added to the image, as SwinIR");
        field("shallow_residual", self.shallow_residual, "the first features are added to the last, as in SwinIR");
        field("ape", self.ape, "absolute position embedding; images must have img_size");
        field("patch_norm", self.patch_norm, "the first features are normalised");
        field("drop_path_rate", self.drop_path_rate, "stochastic depth of the last block; earlier ones have less", detail::Limits{0, 1});
        field("last_dropout", self.last_dropout, "dropout before the last convolution", detail::Limits{0, 1});
        field("use_mask", self.use_mask, "attention masks, in training and evaluation");
        field("mask_ratio1", self.mask_ratio1, "smallest percentage of masked tokens", detail::Limits{0, 100});
        field("mask_ratio2", self.mask_ratio2, "largest percentage of masked tokens", detail::Limits{0, 100});
        field("attention", self.attention, "switches of the attention");
        field("recompute", self.recompute, "what the backward pass computes again of blocks with switches of the attention or windows "
                                            "above 16: less memory for more time; others always keep their input alone",
              detail::Words{{"none", "attention", "block"}});
    }
    bool operator==(SwinIROptions const&) const = default;

    Index blocks() const {
        Index n = 0;
        for (Index const depth : depths) n += depth;
        return n;
    }
    /// The probability with which training leaves out a branch of this block: 0 at the first, drop_path_rate at the last.
    float drop_path_of(Index block) const {
        return static_cast<float>(drop_path_rate * static_cast<double>(block) / static_cast<double>(std::max<Index>(blocks() - 1, 1)));
    }
    Index hidden() const { return static_cast<Index>(static_cast<double>(embed_dim) * mlp_ratio); }

    /// Throws Error for sizes that no network has, or that contradict each other.
    void check_sizes() const {
        auto const within = [](Index v, Index low, Index high) { return v >= low && v <= high; };
        check(within(in_chans, 1, 64) && within(embed_dim, 1, 1024) && within(hidden(), 1, 65536), "a SwinIR from ", in_chans,
              " channels with ", embed_dim, " features and ", mlp_ratio, " times as many hidden ones");
        check(!depths.empty() && depths.size() == num_heads.size() && depths.size() <= 64, "a SwinIR with ", depths.size(),
              " groups of blocks and heads for ", num_heads.size());
        for (std::size_t k = 0; k < depths.size(); ++k) {
            check(within(depths[k], 1, 64), "a SwinIR with ", depths[k], " blocks in group ", k);
            check(within(num_heads[k], 1, 256) && embed_dim % num_heads[k] == 0 && embed_dim / num_heads[k] <= 64, "a SwinIR with ",
                  embed_dim, " features cannot have ", num_heads[k], " heads of at most 64 each");
        }
        check(within(window_size, 2, 32) && within(img_size, window_size + 1, 4096) && img_size % window_size == 0,
              "a SwinIR with windows of ", window_size, " pixels for images of ", img_size, ", which must be a larger multiple");
        check(first_kernel == 1 || first_kernel == 3, "a SwinIR whose first convolution is ", first_kernel, " x ", first_kernel);
        check(resi_connection == ResiConnection::conv0 || resi_connection == ResiConnection::conv1 || embed_dim >= 4,
              "a SwinIR of ", embed_dim, " features has no quarter of them");
        check_upscale();
        check(!global_residual || upsampler == Upsampler::none, "a SwinIR that enlarges cannot add the image: global_residual");
        check(mask_ratio1 >= 0 && mask_ratio1 <= mask_ratio2 && mask_ratio2 <= 100, "attention mask: ", mask_ratio1, " to ", mask_ratio2,
              " percent");
        check(!attention.mask_is_diff || use_mask, "mask_is_diff needs use_mask");
    }

private:
    void check_upscale() const {
        bool const power = upscale == 1 || upscale == 2 || upscale == 4 || upscale == 8;
        bool const fits = upsampler == Upsampler::none           ? upscale == 1
                          : upsampler == Upsampler::pixelshuffle ? power || upscale == 3
                          : upsampler == Upsampler::nearest_conv ? power && upscale > 1
                                                                 : upscale >= 1 && upscale <= 8;
        check(fits, "this SwinIR cannot enlarge ", upscale, " times");
    }
};

}  // namespace tacet
