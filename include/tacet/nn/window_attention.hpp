// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/cast.hpp>
#include <tacet/core/limits.hpp>
#include <tacet/nn/attention_scores.hpp>
#include <tacet/nn/linear.hpp>
#include <tacet/ops/concat.hpp>
#include <tacet/ops/reduce.hpp>
#include <functional>
#include <optional>
#include <vector>

namespace tacet {

/// How the outputs of heads become tokens again.
enum class HeadMerge { stand, sum };

/// What the attention of the masked SwinIR can do beyond that of Swin; the names are those of its option files.
struct AttentionSwitches {
    AttentionFunction attn_fn = AttentionFunction::softmax;
    bool talking_heads = false, head_scale = false, on_attn = false, mask_is_diff = false;
    HeadMerge type = HeadMerge::stand;

    static void fields(auto& self, auto&& field) {
        field("attn_fn", self.attn_fn, "what scores become weights by", detail::Words{{"softmax", "stable_softmax", "entmax15", "none"}});
        field("talking_heads", self.talking_heads, "heads are mixed before the bias and after the softmax (Shazeer et al., 2020)");
        field("head_scale", self.head_scale, "each head's output is scaled by a number that is learned");
        field("on_attn", self.on_attn, "a gated linear unit projects the output (Huang et al., 2019)");
        field("mask_is_diff", self.mask_is_diff, "each head has a projection and an attention mask of its own");
        field("type", self.type, "stand joins the outputs of heads, sum adds them", detail::Words{{"stand", "sum"}});
    }
    bool operator==(AttentionSwitches const&) const = default;
};

/// Self-attention within windows with its projections: tokens x (N, H, W, C) -> (N, H, W, C), for H and W that are multiples of the window.
/// Parameters have the names and shapes of Swin's, initialised alike.
template <class D = Cpu, class T = float> struct WindowAttention {
    Parameter<T, 2, D> table;                           // ((2M-1)^2, heads)
    std::vector<Linear<D, T>> qkv;                      // one (3C, C), or one (3C / heads, C) per head
    Parameter<T, 2, D> proj;                            // (C, C), (C, C / heads) or (2C, C)
    std::optional<Parameter<T, 1, D>> proj_bias;        // (C)
    std::optional<Parameter<T, 4, D>> pre, post, scale;  // (heads, heads, 1, 1), (heads, heads, 1, 1), (1, heads, 1, 1)
    WindowAttentionOptions window;
    AttentionSwitches switches;

    WindowAttention(Index channels, WindowAttentionOptions const& o, AttentionSwitches const& s, Rng& rng)
        : table(truncated_normal<T, D>(Shape{(2 * o.window - 1) * (2 * o.window - 1), o.heads}, 0.02, rng)),
          proj(truncated_normal<T, D>(Shape{s.on_attn ? 2 * channels : channels, s.type == HeadMerge::sum ? channels / o.heads : channels},
                                      0.02, rng)),
          window(o), switches(s) {
        check(channels > 0 && o.heads > 0 && channels % o.heads == 0, channels, " channels cannot be divided among ", o.heads, " heads");
        check(!s.on_attn || s.type == HeadMerge::stand, "on_attn and the type sum exclude each other");
        Index const parts = s.mask_is_diff ? o.heads : 1;
        for (Index k = 0; k < parts; ++k) qkv.push_back(Linear<D, T>::transformer(channels, 3 * channels / parts, rng));
        if (!s.on_attn) proj_bias.emplace(zeros<T, D>(Shape{channels}));
        if (s.talking_heads) pre.emplace(mixing(o.heads, rng)), post.emplace(mixing(o.heads, rng));
        if (s.head_scale) scale.emplace(ones<T, D>(Shape{Index(1), o.heads, Index(1), Index(1)}));
    }

    /// Whether it is the attention of Swin, without switches.
    bool usual() const { return is_softmax() && !pre && !scale && masks() == 1 && switches.type == HeadMerge::stand && !switches.on_attn; }
    /// How many keep masks a token has: one for all heads, or one for each.
    Index masks() const { return static_cast<Index>(qkv.size()); }
    /// `keep` (N, H, W, masks()), or undefined: tokens with 0 are projected as zeros.
    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x, Tensor<std::uint8_t, 4, D> const& keep = {}) const {
        return project(attend(projected(x, keep)));
    }
    template <class X> Variable<X, 4, D> operator()(Variable<X, 4, D> const& x, Tensor<std::uint8_t, 4, D> const& keep = {}) const {
        return project(attend(projected(x, keep)));
    }

    static void fields(auto& self, auto&& field) {
        field("relative_position_bias_table", self.table);
        if (self.scale) field("head_scale_params", *self.scale);
        if (self.qkv.size() == 1) field("qkv", self.qkv[0]);
        else
            for (std::size_t k = 0; k < self.qkv.size(); ++k) field(("qkv" + std::to_string(k + 1)).c_str(), self.qkv[k]);
        field(self.switches.on_attn ? "proj.0.weight" : "proj.weight", self.proj);
        if (self.proj_bias) field("proj.bias", *self.proj_bias);
        if (self.pre) field("pre_softmax_talking_heads.weight", *self.pre), field("post_softmax_talking_heads.weight", *self.post);
    }

private:
    template <class X> using Tokens = Variable<X, 4, D>;

    bool is_softmax() const {
        return switches.attn_fn == AttentionFunction::softmax || switches.attn_fn == AttentionFunction::stable_softmax;
    }
    static Tensor<T, 4, D> mixing(Index heads, Rng& rng) {
        return torch_uniform<T, D>(Shape{heads, heads, Index(1), Index(1)}, heads, rng);
    }
    template <class X> static Tokens<X> masked(Tokens<X> const& x, Tensor<std::uint8_t, 4, D> const& keep) {
        return keep.data() ? Tokens<X>(x * cast<X>(keep)) : x;
    }

    /// (N, H, W, 3C): q | k | v of all heads.
    template <class X> Tokens<X> projected(Tokens<X> const& x, Tensor<std::uint8_t, 4, D> const& keep) const {
        if (qkv.size() == 1) return qkv[0](masked(x, keep));
        auto const [n, h, w, c] = x.shape().extent;
        Index const heads = masks(), d = c / heads;
        std::optional<Tokens<X>> all;  // heads | q k v | d
        for (Index k = 0; k < heads; ++k) {
            auto const seen = keep.data() ? Tensor<std::uint8_t, 4, D>(slice<3>(keep, k, k + 1)) : keep;
            Tokens<X> const part = qkv[static_cast<std::size_t>(k)](masked(x, seen));
            all = all ? concat(*all, part) : part;
        }
        return reshape(permute<0, 2, 1, 3>(reshape(*all, Shape{n * h * w, heads, Index(3), d})), Shape{n, h, w, 3 * c});
    }

    template <class X> Tokens<X> attend(Tokens<X> const& all) const {
        if (is_softmax() && !pre) return window_attention(all, table.var(), window);
        AttentionScores<T, D> scores{.function = switches.attn_fn, .pre = {}, .post = {}};
        if (pre) scores.pre = pre->var(), scores.post = post->var();
        return attention_by_parts(all, table.var(), window, scores);
    }

    template <class X> Tokens<X> project(Tokens<X> y) const {
        auto const [n, h, w, c] = y.shape().extent;
        Index const d = c / window.heads;
        if (scale || switches.type == HeadMerge::sum) {
            Tokens<X> heads = reshape(y, Shape{n * h, w, window.heads, d});
            if (scale) heads = heads * cast<X>(reshape(scale->var(), Shape{window.heads, Index(1)}));
            y = switches.type == HeadMerge::sum ? cast<X>(reshape(sum<2>(heads), Shape{n, h, w, d})) : reshape(heads, Shape{n, h, w, c});
        }
        if (!switches.on_attn) return linear(y, proj.var(), proj_bias->var());
        Tokens<X> const both = linear(y, proj.var());
        return Tokens<X>(slice<3>(both, 0, c) * sigmoid(Tokens<X>(slice<3>(both, c, 2 * c))));
    }
};

}  // namespace tacet
