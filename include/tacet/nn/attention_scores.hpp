// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/cast.hpp>
#include <tacet/ops/entmax.hpp>
#include <tacet/ops/linear.hpp>
#include <tacet/ops/matmul.hpp>
#include <tacet/ops/softmax.hpp>
#include <tacet/ops/window_attention.hpp>
#include <tacet/ops/window_partition.hpp>
#include <cmath>
#include <optional>

namespace tacet {

/// What makes weights of scores; softmax never overflows here, which makes it the stable_softmax of others, too.
enum class AttentionFunction { softmax, stable_softmax, entmax15, none };

/// How attention weighs values, beyond what window_attention() can do.
template <class T, class D> struct AttentionScores {
    AttentionFunction function = AttentionFunction::softmax;
    std::optional<Variable<T, 4, D>> pre, post;  ///< (heads, heads, 1, 1): mix the heads' scores, and their weights
};

namespace detail {

/// What is added to the scores of windows that hold pixels of opposite edges of the image: (windows of an image, 1, M M, M M) of 0 within
/// a region and -100 between regions.
template <class T, class D> Tensor<T, 4, D> region_mask(WindowGrid grid) {
    grid.n = 1;
    Index const slots = grid.slots();
    return filled<T, D>(Shape{grid.windows(), Index(1), slots, slots}, [&](T* data, Index) {
        WindowTokens tokens;
        for (Index window = 0; window < grid.windows(); ++window) {
            grid.tokens(tokens, window, nullptr);
            for (Index i = 0; i < slots; ++i)
                for (Index j = 0; j < slots; ++j) {
                    bool const same = tokens.region[static_cast<std::size_t>(i)] == tokens.region[static_cast<std::size_t>(j)];
                    *data++ = same ? T(0) : T(-100);
                }
        }
    });
}

/// y[b, i, ...] = the sum over j of w[i, j] x[b, j, ...]
template <class T, class D>
Variable<T, 4, D> mix_heads(Variable<T, 4, D> const& x, Variable<Wide<T>, 4, D> const& w /* (heads, heads, 1, 1) */) {
    Variable<Wide<T>, 2, D> const matrix = reshape(w, Shape{w.shape()[0], w.shape()[1]});
    return permute<0, 3, 1, 2>(linear(permute<0, 2, 3, 1>(x), matrix));
}

template <class T, class D> Variable<T, 4, D> weights_of(Variable<T, 4, D> const& scores, AttentionFunction function) {
    if (function == AttentionFunction::none) return scores;
    return function == AttentionFunction::entmax15 ? entmax15(scores) : softmax(scores);
}

}  // namespace detail

/// window_attention() made of elementary operations, with scores that are treated otherwise: slower, and all scores are kept. Between
/// regions of a shifted window, scores are lowered by 100, as in Swin. H and W are multiples of the window, else ShapeError.
template <class T, class D>
Variable<T, 4, D> attention_by_parts(Variable<T, 4, D> const& qkv /* (N, H, W, 3C) */,
                                     Variable<Wide<T>, 2, D> const& table /* ((2M-1)^2, heads) */, WindowAttentionOptions const& o,
                                     AttentionScores<Wide<T>, D> const& how = {}) {
    auto const grid = detail::window_grid(qkv.shape(), table.shape(), o);
    Index const heads = grid.heads, d = grid.depth, slots = grid.slots(), windows = grid.windows();
    auto const rolled = o.shift ? roll<1, 2>(qkv, -o.shift, -o.shift) : qkv;
    auto const tokens = reshape(window_partition(rolled, o.window), Shape{windows, slots, Index(3), heads * d});
    auto const part = [&](Index k) { return reshape(slice<2>(tokens, k, k + 1), Shape{windows, slots, heads, d}); };
    auto const by_head = [&](auto const& x, Index rows, Index columns) { return reshape(x, Shape{windows * heads, rows, columns}); };
    auto const scale = static_cast<Wide<T>>(1 / std::sqrt(static_cast<double>(d)));
    Variable<T, 3, D> const q = by_head(permute<0, 2, 1, 3>(part(0)), slots, d) * scale;
    auto const products = matmul(q, by_head(permute<0, 2, 3, 1>(part(1)), d, slots));
    Variable<T, 4, D> scores = reshape(products, Shape{windows, heads, slots, slots});
    if (how.pre) scores = detail::mix_heads(scores, *how.pre);
    scores = scores + cast<T>(relative_position_bias(table, o.window));
    if (o.shift) {
        auto const mask = detail::region_mask<T, D>(grid).reshape(Shape{windows / grid.n, Index(1), slots * slots});
        auto const by_image = reshape(scores, Shape{grid.n, windows / grid.n, heads, slots * slots});
        scores = reshape(Variable<T, 4, D>(by_image + mask), scores.shape());
    }
    auto weights = detail::weights_of(scores, how.function);
    if (how.post) weights = detail::mix_heads(weights, *how.post);
    auto const sums = matmul(by_head(weights, slots, slots), by_head(permute<0, 2, 1, 3>(part(2)), slots, d));
    auto const y = reshape(sums, Shape{windows, heads, slots, d});
    auto const joined = reshape(permute<0, 2, 1, 3>(y), Shape{windows, slots, heads * d});
    auto const image = window_merge(joined, o.window, grid.h, grid.w);
    return o.shift ? roll<1, 2>(image, o.shift, o.shift) : image;
}

}  // namespace tacet
