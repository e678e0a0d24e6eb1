// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/models/swin_options.hpp>

namespace tacet {

/// Row i, column j (M M, M M): the row of the bias table for the key j and the query i of a window of M x M pixels.
template <class D = Cpu> Tensor<std::int64_t, 2, D> swin_position_index(Index window) {
    Index const slots = window * window;
    detail::WindowGrid const grid{0, 0, 0, window, 0, 1, 0};
    return detail::filled<std::int64_t, D>(Shape{slots, slots}, [&](std::int64_t* data, Index n) {
        for (Index k = 0; k < n; ++k) data[k] = grid.table_row(k / slots, k % slots);
    });
}

/// What the shifted blocks of a training image add to their scores: (windows, M M, M M), 0 within a region and -100 between regions.
template <class T = float, class D = Cpu> Tensor<T, 3, D> swin_shift_mask(SwinIROptions const& o) {
    Index const window = o.window_size, slots = window * window;
    auto const mask = detail::region_mask<T, D>({1, o.img_size, o.img_size, window, window / 2, 1, 0});
    return mask.reshape(Shape{mask.shape()[0], slots, slots});
}

namespace detail {

/// The number whose square n is, or Error.
inline Index exact_root(Index n, std::string const& what) {
    auto const root = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(n))));
    check(root * root == n, "the extent ", n, " of ", what, " is no square");
    return root;
}

/// Reads sizes from shapes: `shapes.find(name)` gives the extents of a tensor, or nullptr.
template <class Shapes> class SwinSizes {
public:
    explicit SwinSizes(Shapes const& shapes) : shapes_(shapes) {}

    SwinIROptions read() {
        auto const first = extents("conv_first.weight", 4);
        if (first[2] != 1) o_ = o_.original();
        o_.embed_dim = first[0], o_.in_chans = first[1], o_.first_kernel = first[2];
        read_groups();
        read_connection();
        read_upsampler();
        o_.patch_norm = has("patch_embed.norm.weight");
        o_.ape = has("absolute_pos_embed");
        if (o_.ape) o_.img_size = exact_root(extents("absolute_pos_embed", 3)[1], "absolute_pos_embed");
        else if (has(block(0, 1) + "attn_mask"))
            o_.img_size = exact_root(extents(block(0, 1) + "attn_mask", 3)[0], "attn_mask") * o_.window_size;
        else if (o_.img_size % o_.window_size) o_.img_size = 8 * o_.window_size;
        o_.global_residual = o_.first_kernel == 3 && o_.upsampler == Upsampler::none;
        o_.check_sizes();
        return o_;
    }

private:
    using Extents = std::vector<Index>;

    bool has(std::string const& name) const { return shapes_.find(name) != nullptr; }
    Extents extents(std::string const& name, std::size_t rank) const {
        Extents const* const found = shapes_.find(name);
        check(found != nullptr, "there is no tensor ", name);
        check(found->size() == rank, "the tensor ", name, " has ", found->size(), " dimensions instead of ", rank);
        for (Index const extent : *found) check(extent >= 1 && extent <= (Index(1) << 24), "the tensor ", name, " has an extent ", extent);
        return *found;
    }
    static std::string block(std::size_t group, Index k) {
        return "layers." + std::to_string(group) + ".residual_group.blocks." + std::to_string(k) + ".";
    }

    /// The largest tensors of a block must be in the file, or few numbers would ask for many.
    void check_block(std::string const& name, Index heads) const {
        bool const parted = has(name + "attn.qkv1.weight");
        auto const qkv = extents(name + (parted ? "attn.qkv1.weight" : "attn.qkv.weight"), 2), fc1 = extents(name + "mlp.fc1.weight", 2);
        check(qkv[0] * (parted ? heads : 1) == 3 * o_.embed_dim && qkv[1] == o_.embed_dim && fc1[1] == o_.embed_dim,
              name, " does not have ", o_.embed_dim, " features");
    }

    void read_groups() {
        o_.depths.clear(), o_.num_heads.clear();
        for (std::size_t group = 0; group < 64 && has(block(group, 0) + "norm1.weight"); ++group) {
            Index depth = 1;
            while (depth < 64 && has(block(group, depth) + "norm1.weight")) ++depth;
            o_.depths.push_back(depth);
            o_.num_heads.push_back(extents(block(group, 0) + "attn.relative_position_bias_table", 2)[1]);
            for (Index k = 0; k < depth; ++k) check_block(block(group, k), o_.num_heads.back());
        }
        auto const attn = block(0, 0) + "attn.";
        Index const side = exact_root(extents(attn + "relative_position_bias_table", 2)[0], "relative_position_bias_table");
        o_.window_size = (side + 1) / 2;
        if (o_.window_size == 7) o_.img_range = 255;  // SwinIR for JPEG artefacts: no tensor says so
        o_.mlp_ratio = static_cast<double>(extents(block(0, 0) + "mlp.fc1.weight", 2)[0]) / static_cast<double>(o_.embed_dim);
        auto& a = o_.attention;
        a.talking_heads = has(attn + "pre_softmax_talking_heads.weight");
        a.head_scale = has(attn + "head_scale_params");
        a.on_attn = has(attn + "proj.0.weight");
        a.mask_is_diff = has(attn + "qkv1.weight");
        bool const sums = !a.on_attn && o_.num_heads[0] > 1 && extents(attn + "proj.weight", 2)[1] == o_.embed_dim / o_.num_heads[0];
        a.type = sums ? HeadMerge::sum : HeadMerge::stand;
        if (a.mask_is_diff) o_.use_mask = true;
    }
    void read_connection() {
        if (has("conv_after_body.weight"))
            o_.resi_connection = extents("conv_after_body.weight", 4)[2] == 1 ? ResiConnection::conv0 : ResiConnection::conv1;
        else o_.resi_connection = has("conv_after_body.10.weight") ? ResiConnection::conv6 : ResiConnection::conv3;
    }
    void read_upsampler() {
        if (has("conv_up1.weight")) {
            o_.upsampler = Upsampler::nearest_conv;
            o_.upscale = has("conv_up3.weight") ? 8 : has("conv_up2.weight") ? 4 : 2;
        } else if (has("conv_before_upsample.0.weight")) {
            o_.upsampler = Upsampler::pixelshuffle;
            if (!has("upsample.0.weight")) o_.upscale = 1;
            else if (extents("upsample.0.weight", 4)[0] == 9 * 64) o_.upscale = 3;
            else o_.upscale = has("upsample.4.weight") ? 8 : has("upsample.2.weight") ? 4 : 2;
        } else if (has("upsample.0.weight")) {
            o_.upsampler = Upsampler::pixelshuffledirect;
            o_.upscale = exact_root(extents("upsample.0.weight", 4)[0] / o_.in_chans, "upsample.0.weight by channels");
        }
    }

    Shapes const& shapes_;
    SwinIROptions o_;
};

}  // namespace detail

/// The options of the SwinIR whose weights have these shapes: `shapes.find(name)` gives the extents of the tensor, or nullptr. A first
/// convolution of 1 x 1 makes it the masked variant, with attention masks of 75 percent and no residuals, one of 3 x 3 the original. What
/// no shape tells is as released: softmax, and a range of 255 with windows of 7 pixels (JPEG artefacts). Throws Error for shapes that no
/// such network has.
SwinIROptions swin_options_of(auto const& shapes) { return detail::SwinSizes(shapes).read(); }

}  // namespace tacet
