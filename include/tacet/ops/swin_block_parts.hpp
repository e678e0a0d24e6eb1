// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>
#include <tacet/expr/functions.hpp>
#include <tacet/ops/drop_path.hpp>
#include <tacet/ops/layer_norm.hpp>
#include <tacet/ops/linear.hpp>
#include <tacet/ops/strided_copy.hpp>
#include <tacet/ops/swin_block_plan.hpp>
#include <tacet/ops/window_attention.hpp>

namespace tacet::detail {

/// The parameters of a fused Swin block.
template <class T, class D> struct SwinParameters {
    std::array<Variable<T, 2, D>, SwinMatrix::count> matrix;
    std::array<Variable<T, 1, D>, SwinVector::count> vector;

    SwinPointers<T const> pointers() const {
        SwinPointers<T const> p;
        for (std::size_t k = 0; k < matrix.size(); ++k) p.matrix[k] = matrix[k].value().data();
        for (std::size_t k = 0; k < vector.size(); ++k) p.vector[k] = vector[k].value().data();
        return p;
    }
    /// Calls f(x, parameters...).
    auto with(auto const& x, auto&& f) const {
        return [&]<std::size_t... m, std::size_t... v>(std::index_sequence<m...>, std::index_sequence<v...>) {
            return f(x, matrix[m]..., vector[v]...);
        }(std::make_index_sequence<SwinMatrix::count>(), std::make_index_sequence<SwinVector::count>());
    }
};

/// What a Swin block does beside x and its parameters: see swin_block.
template <class D> struct SwinSetting {
    WindowAttentionOptions window;
    Tensor<std::uint8_t, 4, D> keep = {};   // (N, H, W, 1) or undefined
    Tensor<float, 2, D> factors = {};       // (2, N) or undefined
    std::array<double, 2> eps = {1e-5, 1e-5};
};

/// swin_block, one operation after the other, which all keep what they need.
template <class T, class D>
Variable<T, 4, D> swin_block_by_parts(Variable<T, 4, D> const& x, SwinParameters<Wide<T>, D> const& p, SwinSetting<D> const& s) {
    using Tokens = Variable<T, 4, D>;
    auto const branch = [&](Tokens const& y, Index number) {
        if (!s.factors.data()) return y;
        Tensor<float, 2, D> const f(slice<0>(s.factors, number, number + 1));
        return times_by_sample(y, Tensor<Wide<T>, 4, D>(cast<Wide<T>>(f.reshape(Shape{x.shape()[0], Index(1), Index(1), Index(1)}))));
    };
    auto const layer = [&](Tokens const& in, std::size_t matrix, std::size_t vector) {
        return linear(in, p.matrix[matrix], p.vector[vector]);
    };
    Tokens z = layer_norm(x, p.vector[SwinVector::norm1_weight], p.vector[SwinVector::norm1_bias], s.eps[0]);
    if (s.keep.data()) z = z * cast<T>(s.keep);
    Tokens const mixed = window_attention(layer(z, SwinMatrix::qkv, SwinVector::qkv), p.matrix[SwinMatrix::table], s.window);
    Tokens const y = x + branch(layer(mixed, SwinMatrix::proj, SwinVector::proj), 0);
    z = layer_norm(y, p.vector[SwinVector::norm2_weight], p.vector[SwinVector::norm2_bias], s.eps[1]);
    Tokens const hidden = gelu(layer(z, SwinMatrix::fc1, SwinVector::fc1));
    return y + branch(layer(hidden, SwinMatrix::fc2, SwinVector::fc2), 1);
}

}  // namespace tacet::detail
