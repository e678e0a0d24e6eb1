// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/cast.hpp>
#include <tacet/autograd/checkpoint.hpp>
#include <tacet/models/swin_options.hpp>
#include <tacet/nn/attention_mask.hpp>
#include <tacet/nn/conv.hpp>
#include <tacet/nn/layer_observer.hpp>
#include <tacet/nn/norm.hpp>
#include <tacet/ops/drop_path.hpp>
#include <tacet/ops/swin_block.hpp>
#include <tacet/tensor/move.hpp>
#include <optional>

namespace tacet {

/// What one pass through a Swin network draws, by name: the same name gives the same output, in parts as in one.
struct SwinDraws {
    std::uint64_t seed = 0;
    std::uint32_t draw = 0;  ///< the pass: a training step, or the number of a draw that is averaged
    Index image = 0;         ///< number of the batch's first picture: a part of a batch gets its part of the masks
    Index top = 0, left = 0; ///< where the first pixel lies in the picture of which this is a tile
    /// Where keep masks (N, H, W, heads) of a layer come from instead, such as from another implementation.
    std::function<Tensor<std::uint8_t, 4>(Index layer, Shape<4> const& shape)> keep = {};
    /// Percentages of hidden tokens instead of the network's own; 0 to 0: no masks.
    std::optional<PercentRange> percent = {};
};

/// What the parts of a network know of the pass that they take part in.
struct SwinPass {
    SwinDraws draws;
    bool masked = false, training = false;
    PercentRange percent{};
    Recompute recompute = Recompute::none;
};

/// linear, GELU, linear.
template <class D = Cpu, class T = float> struct SwinMlp {
    Linear<D, T> fc1, fc2;

    SwinMlp(Index channels, Index hidden, Rng& rng)
        : fc1(Linear<D, T>::transformer(channels, hidden, rng)), fc2(Linear<D, T>::transformer(hidden, channels, rng)) {}
    template <class X> Variable<X, 4, D> operator()(Variable<X, 4, D> const& x) const { return fc2(Variable<X, 4, D>(gelu(fc1(x)))); }
    static void fields(auto& self, auto&& field) { field("fc1", self.fc1), field("fc2", self.fc2); }
};

/// A block of a Swin transformer (Liu et al., 2021), normalised before its branches: x (N, H, W, C) -> (N, H, W, C), where
/// y = x + attention(norm1(x)) and the result is y + mlp(norm2(y)). `layer` counts blocks through the network. Where the attention has no
/// switches and the device has a kernel for it (SwinBlockKernel), it is computed in one pass over memory that keeps x alone: on the CPU
/// always, on Cuda for images in 16 bits, where nothing is recorded or `recompute` is `block`.
template <class D = Cpu, class T = float> struct SwinBlock {
    LayerNorm<D, T> norm1;
    WindowAttention<D, T> attn;
    LayerNorm<D, T> norm2;
    SwinMlp<D, T> mlp;
    Index layer;
    float drop;  // probability that a branch is left out in training

    SwinBlock(SwinIROptions const& o, Index heads, Index number, bool shifted, Rng& rng)
        : norm1(o.embed_dim), attn(o.embed_dim, {o.window_size, shifted ? o.window_size / 2 : 0, heads}, o.attention, rng),
          norm2(o.embed_dim), mlp(o.embed_dim, o.hidden(), rng), layer(number), drop(o.drop_path_of(number)) {}

    template <class X> Variable<X, 4, D> operator()(Variable<X, 4, D> const& x, SwinPass const& pass) const {
        if constexpr (largest_window<X> > 0)
            if (fits<X>() && (Kernel::goes_back || pass.recompute == Recompute::block || !detail::recording())) return fused(x, pass);
        if (pass.recompute != Recompute::block) return both(x, pass);
        return checkpoint([this, pass](Tokens<X> const& v) { return both(v, pass); }, x);
    }
    /// Whether tokens of type T are computed in one pass over memory, without anything that is wider than its input.
    bool one_pass() const { return fits<T>(); }
    static void fields(auto& self, auto&& field) {
        field("norm1", self.norm1), field("attn", self.attn), field("norm2", self.norm2), field("mlp", self.mlp);
    }

private:
    template <class X> using Tokens = Variable<X, 4, D>;
    using Kernel = SwinBlockKernel<D>;
    template <class X> static constexpr Index largest_window = Kernel::template largest_window<X>;

    template <class X> bool fits() const { return attn.usual() && attn.window.window <= largest_window<X>; }
    template <class X> Tokens<X> both(Tokens<X> const& x, SwinPass const& pass) const {
        Tokens<X> const y = x + dropped(attention(x, pass), pass, 0);
        return y + dropped(mlp(norm2(y)), pass, 1);
    }
    template <class X> Tokens<X> attention(Tokens<X> const& x, SwinPass const& pass) const {
        auto const branch = [this, pass](Tokens<X> const& v) { return attn(norm1(v), keep(v.shape(), pass)); };
        return pass.recompute == Recompute::attention ? checkpoint(branch, x) : branch(x);
    }
    Tensor<std::uint8_t, 4, D> keep(Shape<4> const& x, SwinPass const& pass) const {
        if (!pass.masked) return {};
        Shape const shape{x[0], x[1], x[2], attn.masks()};
        auto const& d = pass.draws;
        if (d.keep) return to<D>(d.keep(layer, shape));
        AttentionMaskKey const key{.seed = d.seed, .draw = d.draw, .layer = static_cast<int>(layer), .image = d.image};
        return attention_keep_masks<D>(key, pass.percent, shape, d.top, d.left);
    }
    /// Each branch of each block draws for itself: the generator's position is theirs.
    Rng drop_draws(SwinPass const& pass, Index branch) const {
        Stream const stream{.seed = pass.draws.seed, .purpose = Purpose::dropout, .image = 0, .epoch = pass.draws.draw};
        return Rng(stream, static_cast<std::uint64_t>((2 * layer + branch) << 24 | pass.draws.image));
    }
    template <class X> Tokens<X> dropped(Tokens<X> const& x, SwinPass const& pass, Index branch) const {
        Rng rng = drop_draws(pass, branch);
        return drop_path(x, drop, rng, pass.training);
    }
    template <class X> Tokens<X> fused(Tokens<X> const& x, SwinPass const& pass) const {
        detail::SwinParameters<T, D> const parameters{
            {attn.qkv[0].weight.var(), attn.proj.var(), mlp.fc1.weight.var(), mlp.fc2.weight.var(), attn.table.var()},
            {norm1.weight.var(), norm1.bias.var(), attn.qkv[0].bias.var(), attn.proj_bias->var(), norm2.weight.var(), norm2.bias.var(),
             mlp.fc1.bias.var(), mlp.fc2.bias.var()}};
        detail::SwinSetting<D> setting{.window = attn.window, .keep = keep(x.shape(), pass), .eps = {norm1.eps, norm2.eps}};
        if (pass.training && drop > 0) {
            Index const n = x.shape()[0];
            setting.factors = Tensor<float, 2, D>(Shape{Index(2), n});
            for (Index branch = 0; branch < 2; ++branch) {
                Rng rng = drop_draws(pass, branch);
                detail::draw_drop_path(setting.factors.part(branch * n, Shape{n}), drop, rng);
            }
        }
        return detail::swin_block(x, parameters, setting);
    }
};

/// Convolutions with leaky rectifiers (0.2) between them, as SwinIR ends its groups: x (N, H, W, C) -> (N, H, W, C).
template <class D = Cpu, class T = float> struct ResidualConv {
    std::vector<Conv2d<D, T>> convs;

    /// The 3 x 3 or 1 x 1 convolutions of `kind`; of 0conv the `single` one, if any.
    ResidualConv(Index c, ResiConnection kind, Index single, Rng& rng) {
        auto const add = [&](Index in, Index out, Index k) { convs.push_back(Conv2d<D, T>::torch(in, out, k, rng, {.padding = k / 2})); };
        if (kind == ResiConnection::conv0 || kind == ResiConnection::conv1) {
            if (single) add(c, c, single);
            return;
        }
        for (int stack = 0; stack < (kind == ResiConnection::conv6 ? 2 : 1); ++stack)
            add(c, c / 4, 3), add(c / 4, c / 4, 1), add(c / 4, c, 3);
    }
    template <class X> Variable<X, 4, D> operator()(Variable<X, 4, D> x) const {
        for (std::size_t k = 0; k < convs.size(); ++k) x = convs[k](k ? Variable<X, 4, D>(leaky_relu(x, 0.2)) : x);
        return x;
    }
    static void fields(auto& self, auto&& field) {
        if (self.convs.size() == 1) return field("", self.convs[0]);
        for (std::size_t k = 0; k < self.convs.size(); ++k) field(std::to_string(2 * k).c_str(), self.convs[k]);
    }
};

/// A residual group of SwinIR: blocks, every second one with shifted windows, then convolutions; their result is added to x (N, H, W, C).
template <class D = Cpu, class T = float> struct SwinGroup {
    std::vector<SwinBlock<D, T>> blocks;
    ResidualConv<D, T> conv;

    SwinGroup(SwinIROptions const& o, std::size_t group, Index first_layer, Rng& rng)
        : conv(o.embed_dim, o.resi_connection, o.resi_connection == ResiConnection::conv1 ? 3 : 0, rng) {
        for (Index k = 0; k < o.depths[group]; ++k) blocks.emplace_back(o, o.num_heads[group], first_layer + k, k % 2 == 1, rng);
    }
    /// `observe`, if there is one, is shown the output of block k as `name`.blocks.k and the group's as `name`.
    template <class X>
    Variable<X, 4, D> operator()(Variable<X, 4, D> const& x, SwinPass const& pass, LayerObserver<D, T> const& observe = {},
                                 std::string const& name = {}) const {
        auto y = x;
        for (std::size_t k = 0; k < blocks.size(); ++k) {
            y = blocks[k](y, pass);
            if (observe) observe(name + ".blocks." + std::to_string(k), cast<T>(y).value());
        }
        y = conv(y) + x;
        if (observe) observe(name, cast<T>(y).value());
        return y;
    }
    static void fields(auto& self, auto&& field) {
        field("residual_group.blocks", self.blocks);
        if (!self.conv.convs.empty()) field("conv", self.conv);
    }
};

}  // namespace tacet
