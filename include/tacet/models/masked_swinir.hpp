// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/cast.hpp>
#include <tacet/core/precision.hpp>
#include <tacet/models/swin_block.hpp>
#include <tacet/models/swin_sizes.hpp>
#include <tacet/ops/dropout.hpp>
#include <tacet/ops/pad.hpp>
#include <tacet/ops/pixel_shuffle.hpp>
#include <tacet/ops/upsample.hpp>
#include <array>
#include <string_view>

namespace tacet {

/// The last part of SwinIR: features (N, H, W, C) become an image, enlarged where that is wanted.
template <class D = Cpu, class T = float> struct Reconstruction {
    using Layer = Conv2d<D, T>;
    std::vector<Layer> before, up, high, last;  // none or one each, but for `up`, which has one per factor
    Upsampler upsampler;
    Index upscale;

    Reconstruction(SwinIROptions const& o, Rng& rng) : upsampler(o.upsampler), upscale(o.upscale) {
        constexpr Index features = 64;
        bool const direct = upsampler == Upsampler::pixelshuffledirect, wide = upsampler != Upsampler::none && !direct;
        if (wide) before.push_back(same(o.embed_dim, features, rng));
        if (direct) up.push_back(same(o.embed_dim, upscale * upscale * o.in_chans, rng));
        for (Index const factor : factors())
            up.push_back(same(features, upsampler == Upsampler::nearest_conv ? features : factor * factor * features, rng));
        if (upsampler == Upsampler::nearest_conv) high.push_back(same(features, features, rng));
        if (!direct) last.push_back(same(wide ? features : o.embed_dim, o.in_chans, rng));
    }

    template <class X> Variable<X, 4, D> operator()(Variable<X, 4, D> x, auto&& before_last) const {
        if (upsampler == Upsampler::pixelshuffledirect) return pixel_shuffle(up[0](before_last(x)), upscale);
        if (!before.empty()) x = leaky_relu(before[0](x), 0.01);
        std::size_t k = 0;
        for (Index const factor : factors()) {
            if (upsampler == Upsampler::pixelshuffle) x = pixel_shuffle(up[k](x), factor);
            else x = leaky_relu(up[k](upsample_nearest(x, factor)), 0.2);
            ++k;
        }
        if (!high.empty()) x = leaky_relu(high[0](x), 0.2);
        return last[0](before_last(x));
    }
    static void fields(auto& self, auto&& field) {
        if (!self.before.empty()) field("conv_before_upsample.0", self.before[0]);
        for (std::size_t k = 0; k < self.up.size(); ++k) {
            bool const nearest = self.upsampler == Upsampler::nearest_conv;
            field((nearest ? "conv_up" + std::to_string(k + 1) : "upsample." + std::to_string(2 * k)).c_str(), self.up[k]);
        }
        if (!self.high.empty()) field("conv_hr", self.high[0]);
        if (!self.last.empty()) field("conv_last", self.last[0]);
    }

private:
    /// The factors of the steps that `up` takes.
    std::vector<Index> factors() const {
        if (upsampler == Upsampler::none || upsampler == Upsampler::pixelshuffledirect) return {};
        if (upscale == 3) return {3};
        std::vector<Index> all;
        for (Index n = upscale; n > 1; n /= 2) all.push_back(2);
        return all;
    }
    static Layer same(Index in, Index out, Rng& rng) { return Layer::torch(in, out, 3, rng, {.padding = 1}); }
};

/// SwinIR (Liang et al., 2021) and its masked variant (Chen et al., Masked image training, 2023), which the default options are: a first
/// convolution, groups of Swin blocks with a convolution each, a convolution after all, and the image from that. x (N, H, W, C) in
/// [0, 1], any extents -> (N, scale H, scale W, C), not clipped. Names, shapes and initialisation are those of the released code; the
/// released sizes have 824,118 parameters. With use_mask, attention masks are drawn as `draws` says, also in evaluation.
template <class D = Cpu, class T = float> struct MaskedSwinIR {
    using device_type = D;
    static constexpr char const* landmark = "layers.0.residual_group.blocks.0.norm1.weight";
    static constexpr float offset = 0;
    char const* name;  // masked_swinir, or swinir when the first convolution is 3 x 3
    Index multiple;    // of H and W: the window; what is missing is added by reflection, and taken away at the end
    Index context;     // pixels to either side that can reach an output pixel
    Index margin;      // of these, what matters: blended tiles (see DenoisingNetwork) need no more

    SwinIROptions options;  // what is no size may be changed: masks, recomputation
    SwinDraws draws;
    bool training = false;

    std::vector<Parameter<T, 3, D>> absolute_pos_embed;  // one (1, img_size^2, C), or none
    Conv2d<D, T> conv_first;
    std::vector<LayerNorm<D, T>> patch_norm;             // one, or none
    std::vector<SwinGroup<D, T>> layers;
    LayerNorm<D, T> norm;
    ResidualConv<D, T> conv_after_body;
    Reconstruction<D, T> reconstruction;

    explicit MaskedSwinIR(Rng& rng) : MaskedSwinIR(SwinIROptions{}, rng) {}
    /// Throws Error for sizes that contradict each other.
    MaskedSwinIR(SwinIROptions const& o, Rng& rng)
        : name(o.first_kernel == 1 ? "masked_swinir" : "swinir"), multiple(o.window_size), context(reach(o)),
          margin(4 * o.window_size), options(checked(o)),
          conv_first(Conv2d<D, T>::torch(o.in_chans, o.embed_dim, o.first_kernel, rng, {.padding = o.first_kernel / 2})),
          norm(o.embed_dim),
          conv_after_body(o.embed_dim, o.resi_connection, o.resi_connection == ResiConnection::conv1 ? 3 : 1, rng), reconstruction(o, rng) {
        if (o.ape)
            absolute_pos_embed.emplace_back(truncated_normal<T, D>(Shape{Index(1), o.img_size * o.img_size, o.embed_dim}, 0.02, rng));
        if (o.patch_norm) patch_norm.emplace_back(o.embed_dim);
        Index layer = 0;
        for (std::size_t k = 0; k < o.depths.size(); layer += o.depths[k++]) layers.emplace_back(o, k, layer, rng);
    }

    /// A network of the sizes and switches that the shapes of its weights tell (see swin_options_of), with random weights.
    static MaskedSwinIR sized_by(auto&& shapes, Rng& rng) { return MaskedSwinIR(swin_options_of(shapes), rng); }

    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x) const { return (*this)(x, draws); }
    /// The same with other draws than those it holds, or with images of type X between the layers. `observe`, if there is one, is shown
    /// what blocks, groups and the convolutions before and after them put out, at the padded extents: conv_first,
    /// layers.0.blocks.5, layers.0, norm, conv_after_body and the like.
    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x, SwinDraws const& drawn, LayerObserver<D, T> const& observe = {}) const;
    template <class X>
    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x, ComputedIn<X>, SwinDraws const& drawn,
                                 LayerObserver<D, T> const& observe = {}) const;
    template <class X> Variable<T, 4, D> operator()(Variable<T, 4, D> const& x, ComputedIn<X> type) const {
        return (*this)(x, type, draws);
    }

    /// What enters conv_after_body, from the first features x (N, H, W, C), extents that are multiples of the window: all blocks.
    template <class X>
    Variable<X, 4, D> features(Variable<X, 4, D> const& x, SwinDraws const& drawn, LayerObserver<D, T> const& observe = {}) const {
        auto const percent = drawn.percent.value_or(own_mask());
        SwinPass const pass{drawn, percent.high > 0, training, percent, options.recompute};
        auto y = patch_norm.empty() ? x : patch_norm[0](x);
        if (options.ape) y = y + cast<X>(placed(x.shape()));
        for (std::size_t k = 0; k < layers.size(); ++k) y = layers[k](y, pass, observe, "layers." + std::to_string(k));
        y = norm(y);
        if (observe) observe("norm", cast<T>(y).value());
        return y;
    }

    static void fields(auto& self, auto&& field) {
        if (!self.absolute_pos_embed.empty()) field("absolute_pos_embed", self.absolute_pos_embed[0]);
        field("conv_first", self.conv_first);
        if (!self.patch_norm.empty()) field("patch_embed.norm", self.patch_norm[0]);
        field("layers", self.layers), field("norm", self.norm), field("conv_after_body", self.conv_after_body);
        field("", self.reconstruction);
    }
    /// Whether files may hold this tensor, which follows from the sizes and is not stored here.
    static bool redundant(std::string_view tensor) {
        return tensor.ends_with(".attn_mask") || tensor.ends_with(".attn.relative_position_index");
    }
    /// Calls visit(name, tensor) for all that the released code's state_dict holds, in its order: the state and its redundant tensors.
    void for_each_pytorch_entry(auto&& visit) const {
        auto const mask = swin_shift_mask<T, D>(options);
        auto const index = swin_position_index<D>(options.window_size);
        Index block = 0;
        std::vector<bool> shifted;
        for (Index const depth : options.depths)
            for (Index k = 0; k < depth; ++k) shifted.push_back(k % 2 == 1);
        for_each_state(*this, [&](std::string const& entry, auto const& tensor) {
            auto const beside = [&](std::size_t drop, char const* other) { return entry.substr(0, entry.size() - drop) + other; };
            constexpr std::string_view first = "norm1.weight", table = "relative_position_bias_table";
            if (entry.ends_with(first) && shifted[static_cast<std::size_t>(block++)]) visit(beside(first.size(), "attn_mask"), mask);
            visit(entry, tensor);
            if (entry.ends_with(table)) visit(beside(table.size(), "relative_position_index"), index);
        });
    }

    /// The options that neither a tensor nor its shape tells.
    static constexpr std::array<std::string_view, 4> untold{"img_range", "global_residual", "shallow_residual", "attention.attn_fn"};
    /// Takes these over. Throws Error where they contradict the network.
    void set_untold(SwinIROptions const& o) {
        auto changed = options;
        changed.img_range = o.img_range, changed.global_residual = o.global_residual, changed.shallow_residual = o.shallow_residual;
        changed.attention.attn_fn = o.attention.attn_fn;
        options = checked(changed);
        for (auto& layer : layers)
            for (auto& block : layer.blocks) block.attn.switches.attn_fn = o.attention.attn_fn;
    }

    /// The percentages of tokens that its attention masks hide unless SwinDraws says otherwise; 0 to 0: no masks.
    PercentRange own_mask() const { return options.use_mask ? PercentRange{options.mask_ratio1, options.mask_ratio2} : PercentRange{}; }
    /// Changes them; 0 to 0: no masks. Throws Error for a range not within 0 to 100.
    void set_own_mask(PercentRange const& range) {
        check_percent(range, "attention mask");
        options.use_mask = range.high > 0 || options.attention.mask_is_diff;
        options.mask_ratio1 = range.low, options.mask_ratio2 = range.high;
    }
    /// Whether it is of the kind that is trained with attention masks; the original SwinIR is not.
    bool takes_masks() const { return options.use_mask || options.first_kernel == 1; }
    /// How much larger the output is.
    Index scale() const { return options.upscale; }
    Index in_channels() const { return options.in_chans; }
    /// Working memory of inference per pixel of the input: what a block holds at its widest, with what is kept for the residuals; for
    /// blocks of one pass, what the convolutions after a group hold; for attention with switches, its scores.
    Index floats_per_pixel() const {
        auto const& first = layers[0].blocks[0];
        Index const scores = first.attn.usual() ? 0 : 8 * options.window_size * options.window_size * options.num_heads[0];
        Index const wide = std::max(6 * options.embed_dim, 2 * options.embed_dim + 2 * options.hidden()) + scores;
        Index const block = first.one_pass() ? 2 * options.embed_dim : wide;
        Index const large = options.upsampler == Upsampler::none ? 0 : 5 * 64 * options.upscale * options.upscale;
        return std::max(3 * options.embed_dim + block, large) + 9 * options.in_chans;
    }

private:
    static SwinIROptions const& checked(SwinIROptions const& o) {
        o.check_sizes();
        return o;
    }
    /// Within a group, a block widens what reaches a pixel to whole windows at first and by half of one from then on; 3 x 3 convolutions
    /// widen by two pixels, of which one is for the last bits (see DenoisingNetwork).
    static Index reach(SwinIROptions const& o) {
        Index const kernels = o.resi_connection == ResiConnection::conv0   ? 0
                              : o.resi_connection == ResiConnection::conv1 ? 1
                              : o.resi_connection == ResiConnection::conv3 ? 2
                                                                           : 4;
        Index pixels = 2 * (kernels + 2);
        for (Index const depth : o.depths) pixels += o.window_size - 1 + (depth - 1) * o.window_size / 2 + 2 * kernels;
        return pixels;
    }
    /// The mean of natural images, by channel.
    static Tensor<T, 1, D> brightness(Index channels) {
        if (channels != 3) return zeros<T, D>(Shape{Index(1)});
        return from_values<D>(std::vector<T>{T(0.4488), T(0.4371), T(0.4040)});
    }
    Variable<T, 4, D> placed(Shape<4> const& x) const {
        Index const side = options.img_size;
        check_shape(x[1] == side && x[2] == side, name, ": with absolute positions, padded images must be ", side, " x ", side, ", not ",
                    x[1], " x ", x[2]);
        return reshape(absolute_pos_embed[0].var(), Shape{Index(1), side, side, options.embed_dim});
    }
    template <class X> Variable<X, 4, D> last_dropout(Variable<X, 4, D> const& x, SwinDraws const& drawn) const {
        Rng rng(Stream{.seed = drawn.seed, .purpose = Purpose::dropout, .image = 1, .epoch = drawn.draw});
        return dropout(x, static_cast<float>(options.last_dropout), rng, training);
    }

    Tensor<T, 1, D> mean_ = brightness(options.in_chans);
};

template <class D, class T>
Variable<T, 4, D> MaskedSwinIR<D, T>::operator()(Variable<T, 4, D> const& x, SwinDraws const& drawn,
                                                LayerObserver<D, T> const& observe) const {
    return (*this)(x, computed_in<T>, drawn, observe);
}

template <class D, class T> template <class X>
Variable<T, 4, D> MaskedSwinIR<D, T>::operator()(Variable<T, 4, D> const& x, ComputedIn<X>, SwinDraws const& drawn,
                                                LayerObserver<D, T> const& observe) const {
    auto const [n, h, w, c] = x.shape().extent;
    check_shape(c == options.in_chans, name, ": the image x ", x.shape(), " does not have ", options.in_chans, " channels");
    auto const range = static_cast<T>(options.img_range);
    Variable<T, 4, D> const image = (pad(x, Padding::to_multiple(x.shape(), multiple), PadMode::bounce) - mean_) * range;
    Variable<X, 4, D> const shallow = conv_first(cast<X>(image));
    if (observe) observe("conv_first", cast<T>(shallow).value());
    Variable<X, 4, D> y = conv_after_body(features(shallow, drawn, observe));
    if (observe) observe("conv_after_body", cast<T>(y).value());
    if (options.shallow_residual) y = y + shallow;
    y = reconstruction(y, [&](Variable<X, 4, D> const& v) { return last_dropout(v, drawn); });
    Variable<T, 4, D> result = cast<T>(y);
    if (options.global_residual) result = image + result;
    return crop(Variable<T, 4, D>(result / range + mean_), 0, 0, h * options.upscale, w * options.upscale);
}

#if TACET_WITH_COMPILED  // library tacet::compiled has it
extern template Variable<float, 4> MaskedSwinIR<>::operator()(Variable<float, 4> const&, SwinDraws const&,
                                                              LayerObserver<Cpu, float> const&) const;
#if TACET_WITH_CUDA
extern template Variable<float, 4, Cuda> MaskedSwinIR<Cuda>::operator()(Variable<float, 4, Cuda> const&, SwinDraws const&,
                                                                        LayerObserver<Cuda, float> const&) const;
extern template Variable<float, 4, Cuda> MaskedSwinIR<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<BFloat16>,
                                                                        SwinDraws const&, LayerObserver<Cuda, float> const&) const;
extern template Variable<float, 4, Cuda> MaskedSwinIR<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<Half>, SwinDraws const&,
                                                                        LayerObserver<Cuda, float> const&) const;
#endif
#endif

}  // namespace tacet
