// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/math.hpp>
#include <tacet/ops/attention_rows.hpp>

// Matrices of a window's tokens, a channel in a row and the tokens in the lanes of its vectors: what a fused Swin block computes with.
namespace tacet::detail::kernel {

/// A matrix (rows, columns) of which rows lie `step` apart; the columns of what is written are whole vectors.
template <class T> struct Lanes {
    T* at;
    Index step, rows, columns;

    T* row(Index r) const { return at + r * step; }
    /// Rows [begin, begin + count).
    Lanes part(Index begin, Index count) const { return {row(begin), step, count, columns}; }
    /// What is read as weights: w(row, term), or transposed.
    Weights<T> weights() const { return {at, step, 1}; }
    Weights<T> transposed_weights() const { return {at, 1, step}; }
};

/// y = w x, or y += w x, for w (rows of y, rows of x). Reads up to 7 rows of w beyond the last.
template <class V, class T> void product(Lanes<T> const& y, Weights<T> w, Lanes<T> const& x, Index terms, bool add) {
    Walk const walk{1, 1, terms, w.row, 0, 0, w.term, 0, 0, x.step};
    for (Index i = 0; i < block_count<V>(y.columns); ++i) {
        Block const block = block_at<V>(y.columns, i);
        int const tile = tile_rows<V>(block.vectors);
        for (Index r = 0; r < y.rows; r += tile)
            run_tile<V>(block.vectors, walk, w.at + r * w.row, x.at + block.begin,
                        TileOutput<T>{y.row(r) + block.begin, y.step, y.rows - r, V::lanes, nullptr, add});
    }
}

/// Calls body(i, Z) for the columns from i on, Z vectors at a time; Z is a constant.
template <class V> [[gnu::always_inline]] inline void for_columns(Index columns, auto&& body) {
    constexpr int wide = max_vectors<V>;
    Index i = 0;
    for (; i + wide * V::lanes <= columns; i += wide * V::lanes) body(i, std::integral_constant<int, wide>());
    for (; i < columns; i += V::lanes) body(i, std::integral_constant<int, 1>());
}

/// y (r, i) = values[r] factor, or that is added.
template <class V, class T> void fill_rows(Lanes<T> const& y, T const* values, T factor, bool add) {
    for (Index r = 0; r < y.rows; ++r) {
        V const value = V::broadcast(values[r] * factor);
        for (Index i = 0; i < y.columns; i += V::lanes) (add ? V::load(y.row(r) + i) + value : value).store(y.row(r) + i);
    }
}
template <class V, class T> void scale(Lanes<T> const& y, T factor) {
    if (factor == 1) return;
    for (Index r = 0; r < y.rows; ++r)
        for (Index i = 0; i < y.columns; i += V::lanes) (V::load(y.row(r) + i) * V::broadcast(factor)).store(y.row(r) + i);
}
/// sums (rows, lanes) += factor x, one vector for each row.
template <class V, class T> void add_row_sums(T* sums, Lanes<T> const& x, T factor) {
    for (Index r = 0; r < x.rows; ++r) {
        V sum = V::zero();
        for (Index i = 0; i < x.columns; i += V::lanes) sum += V::load(x.row(r) + i);
        fma(sum, V::broadcast(factor), V::load(sums + r * V::lanes)).store(sums + r * V::lanes);
    }
}
/// to (r, k) = from (r, list[k]); the other columns of `to` are 0.
template <class V, class T> void gather_columns(Lanes<T> const& to, Lanes<T> const& from, std::vector<Index> const& list) {
    for (Index r = 0; r < to.rows; ++r) {
        T *const out = to.row(r), *const in = from.row(r);
        Index k = 0;
        for (Index column : list) out[k++] = in[column];
        std::fill(out + k, out + to.columns, T(0));
    }
}
/// to (r, list[k]) = from (r, k); the other columns of `to` are values[r], or 0 for null.
template <class V, class T>
void scatter_columns(Lanes<T> const& to, Lanes<T> const& from, std::vector<Index> const& list, T const* values) {
    for (Index r = 0; r < to.rows; ++r) {
        T *const out = to.row(r), *const in = from.row(r);
        std::fill(out, out + to.columns, values ? values[r] : T(0));
        Index k = 0;
        for (Index column : list) out[column] = in[k++];
    }
}

/// z = the tokens x normalised over their channels, times weight plus bias; `mean` and `rstd`, of each column, are what that needed.
template <class V, class T>
void normalize_lanes(Lanes<T> const& z, Lanes<T> const& x, T const* weight, T const* bias, T* mean, T* rstd, T eps) {
    for_columns<V>(x.columns, [&](Index i, auto vectors) {
        V m[vectors], r[vectors];
        V const share = V::broadcast(1 / static_cast<T>(x.rows));
        unrolled<vectors>([&](auto v) { m[v] = V::zero(), r[v] = V::zero(); });
        for (Index c = 0; c < x.rows; ++c) unrolled<vectors>([&](auto v) { m[v] += V::load(x.row(c) + i + v * V::lanes); });
        unrolled<vectors>([&](auto v) { m[v] = m[v] * share; });
        for (Index c = 0; c < x.rows; ++c)
            unrolled<vectors>([&](auto v) {
                V const d = V::load(x.row(c) + i + v * V::lanes) - m[v];
                r[v] = fma(d, d, r[v]);
            });
        unrolled<vectors>([&](auto v) {
            r[v] = V::broadcast(1) / sqrt(fma(r[v], share, V::broadcast(eps)));
            m[v].store(mean + i + v * V::lanes), r[v].store(rstd + i + v * V::lanes);
        });
        for (Index c = 0; c < x.rows; ++c)
            unrolled<vectors>([&](auto v) {
                V const d = (V::load(x.row(c) + i + v * V::lanes) - m[v]) * r[v];
                fma(d, V::broadcast(weight[c]), V::broadcast(bias[c])).store(z.row(c) + i + v * V::lanes);
            });
    });
}

/// gx += the gradient of x from gz, that of z; weight_sums and bias_sums (channels, lanes) grow by those of weight and bias.
template <class V, class T>
void normalize_gradients(Lanes<T> const& gx, T* weight_sums, T* bias_sums, Lanes<T> const& gz, Lanes<T> const& x, T const* weight,
                         T const* mean, T const* rstd) {
    add_row_sums<V>(bias_sums, gz, T(1));
    for_columns<V>(x.columns, [&](Index i, auto vectors) {
        V m[vectors], r[vectors], sum_u[vectors], sum_uz[vectors];
        V const share = V::broadcast(1 / static_cast<T>(x.rows));
        unrolled<vectors>([&](auto v) {
            m[v] = V::load(mean + i + v * V::lanes), r[v] = V::load(rstd + i + v * V::lanes);
            sum_u[v] = V::zero(), sum_uz[v] = V::zero();
        });
        for (Index c = 0; c < x.rows; ++c) {
            V of_weight = V::load(weight_sums + c * V::lanes);
            unrolled<vectors>([&](auto v) {
                V const g = V::load(gz.row(c) + i + v * V::lanes), u = g * V::broadcast(weight[c]);
                V const normal = (V::load(x.row(c) + i + v * V::lanes) - m[v]) * r[v];
                of_weight = fma(g, normal, of_weight), sum_u[v] += u, sum_uz[v] = fma(u, normal, sum_uz[v]);
            });
            of_weight.store(weight_sums + c * V::lanes);
        }
        unrolled<vectors>([&](auto v) { sum_u[v] = sum_u[v] * share, sum_uz[v] = sum_uz[v] * share; });
        for (Index c = 0; c < x.rows; ++c)
            unrolled<vectors>([&](auto v) {
                V const u = V::load(gz.row(c) + i + v * V::lanes) * V::broadcast(weight[c]);
                V const normal = (V::load(x.row(c) + i + v * V::lanes) - m[v]) * r[v];
                T* const to = gx.row(c) + i + v * V::lanes;
                fma(r[v], u - sum_u[v] - normal * sum_uz[v], V::load(to)).store(to);
            });
    });
}

/// y = gelu(x), n numbers; they may be the same.
template <class V, class T> void gelu_lanes(T* y, T const* x, Index n) {
    for (Index k = 0; k < n; k += V::lanes) {
        T v[V::lanes];  // which compilers know to lie nowhere else
        V::load(x + k).store(v);
        for (int l = 0; l < V::lanes; ++l) v[l] *= math::normal_cdf(v[l]);
        V::load(v).store(y + k);
    }
}
/// g becomes the gradient of x from that of gelu(x), times factor.
template <class V, class T> void gelu_gradient_lanes(T* __restrict g, T const* __restrict x, T factor, Index n) {
    for (Index k = 0; k < n; ++k) {
        T const density = T(0.3989422804014327) * math::exp(T(-0.5) * x[k] * x[k]);  // 1 / sqrt(2 pi)
        g[k] *= factor * (math::normal_cdf(x[k]) + x[k] * density);
    }
}

}  // namespace tacet::detail::kernel
