// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <tacet/ops/rows.hpp>
#include <tacet/ops/swin_block_cpu.hpp>

// The backward pass of a Swin block: every window computes its forward pass again.
namespace tacet::detail::kernel {

template <class V> class SwinGradients : SwinWindow<V> {
    using Base = SwinWindow<V>;
    using Base::plan_, Base::n_, Base::grid_, Base::m_, Base::tokens_, Base::hidden_, Base::hidden_bias_, Base::key_bias_, Base::factor_,
        Base::q_, Base::projected_, Base::seen_columns_;
    using Base::all, Base::seen, Base::c, Base::keys, Base::scores;

public:
    using T = typename V::value_type;

    SwinGradients(SwinPlan<V> const& plan, SwinSums<V> const& sums) : Base(plan, true), sums_(sums) {}

    /// gx (may be null) of the windows [begin, end); the parameters' gradients are added to the sums.
    void run(T* gx, T const* gy, T const* x, Index begin, Index end) {
        for (Index window = begin; window < end; ++window) {
            this->forward(x, window);
            this->load(m_.g, gy);
            mlp();
            attention();
            if (gx) this->store(gx, m_.g);
        }
    }

private:
    T* vector(std::size_t k) const { return sums_.vector(k); }

    /// The gradients of a linear layer's weights k and of its bias from those of its outputs, gy, for its inputs x.
    void linear_sums(std::size_t k, Lanes<T> const& gy, Lanes<T> const& x, Index tokens) {
        auto const sum = sums_.matrix(k);
        transpose_rows<V>(m_.rows, sum.step, x.at, x.step, x.rows, tokens);
        product<V>(sum, gy.weights(), {m_.rows, sum.step, tokens, sum.columns}, tokens, true);
    }

    /// g, the gradient of the result, becomes that of y.
    void mlp() {
        auto const g = all(m_.g, c()), gh = all(m_.gh, n_.mlp_channels), gz = all(m_.gz, c());
        linear_sums(SwinMatrix::fc2, g, all(m_.a, n_.mlp_channels), grid_.slots());
        add_row_sums<V>(vector(SwinVector::fc2), g, factor_[1]);
        product<V>(gh, plan_.matrix(SwinMatrix::fc2).transposed_weights(), g, c(), false);
        gelu_gradient_lanes<V>(m_.gh, m_.h, factor_[1], n_.mlp_channels * m_.columns);
        linear_sums(SwinMatrix::fc1, gh, all(m_.z2, c()), grid_.slots());
        add_row_sums<V>(vector(SwinVector::fc1), gh, T(1));
        product<V>(gz, plan_.matrix(SwinMatrix::fc1).transposed_weights(), gh, n_.mlp_channels, false);
        normalize_gradients<V>(g, vector(SwinVector::norm2_weight), vector(SwinVector::norm2_bias), gz, all(m_.y, c()),
                               plan_.vectors[SwinVector::norm2_weight], m_.norm + 2 * m_.columns, m_.norm + 3 * m_.columns);
    }

    /// g, the gradient of y, becomes that of x.
    void attention() {
        auto const g = all(m_.g, c()), go = all(m_.gz, c()), gz = all(m_.gz, c());
        linear_sums(SwinMatrix::proj, g, all(m_.o, c()), grid_.slots());
        add_row_sums<V>(vector(SwinVector::proj), g, factor_[0]);
        product<V>(go, plan_.matrix(SwinMatrix::proj).transposed_weights(), g, c(), false);
        scale<V>(go, factor_[0]);
        for (Index head = 0; head < grid_.heads; ++head) head_gradients(head);
        queries();
        auto const gqkv = seen(m_.gqkv, 3 * c());
        linear_sums(SwinMatrix::qkv, gqkv, seen(projected_, c()), keys());
        add_row_sums<V>(vector(SwinVector::qkv) + c() * V::lanes, gqkv.part(c(), 2 * c()), T(1));
        auto const gseen = seen(this->all_seen() ? m_.gz : m_.seen, c());
        product<V>(gseen, plan_.matrix(SwinMatrix::qkv).transposed_weights(), gqkv, 3 * c(), false);
        if (!this->all_seen()) scatter_columns<V>(gz, gseen, tokens_.keys, static_cast<T const*>(nullptr));
        if (n_.keep && !plan_.shares()) this->clear_hidden(gz);
        normalize_gradients<V>(g, vector(SwinVector::norm1_weight), vector(SwinVector::norm1_bias), gz, all(m_.x, c()),
                               plan_.vectors[SwinVector::norm1_weight], m_.norm, m_.norm + m_.columns);
    }

    /// The gradients of all queries are those of the bias; those that are seen go on.
    void queries() {
        auto const gq = all(m_.gq, c());
        add_row_sums<V>(vector(SwinVector::qkv), gq, T(1));
        gather_columns<V>(seen(m_.gqkv, c()), gq, tokens_.keys);
    }

    /// From go, the gradient of the outputs o: those of the head's queries, keys, values and biases.
    void head_gradients(Index head) {
        Index const d = grid_.depth, first = head * d, slots = grid_.slots();
        auto const go = all(m_.gz, c()).part(first, d), gq = all(m_.gq, c()).part(first, d);
        auto const k = seen(m_.qkv, 3 * c()).part(c() + first, d), v = seen(m_.qkv, 3 * c()).part(2 * c() + first, d);
        auto const gk = seen(m_.gqkv, 3 * c()).part(c() + first, d), gv = seen(m_.gqkv, 3 * c()).part(2 * c() + first, d);
        auto const p = scores(head), s = all(m_.s, keys());
        product<V>(s, v.transposed_weights(), go, d, false);
        for_columns<V>(m_.columns, [&](Index i, auto vectors) { this->template score_gradients<vectors>(head, i); });
        product<V>(gq, k.weights(), s, keys(), false);
        if (!hidden_.empty()) hidden_gradients(head, gq, go);
        Lanes<T> const by_key{m_.transposed, seen_columns_, slots, seen_columns_};
        transpose_rows<V>(by_key.at, by_key.step, s.at, s.step, s.rows, slots);
        product<V>(gk, all(q_, c()).part(first, d).weights(), by_key, slots, false);
        transpose_rows<V>(by_key.at, by_key.step, p.at, p.step, p.rows, slots);
        product<V>(gv, go.weights(), by_key, slots, false);
    }

    /// Exponentials become probabilities p; s, the products of values and go, becomes the gradient of the logits, p (s - the sum of p s).
    template <int Z> void score_gradients(Index head, Index i) {
        auto const p = scores(head), s = all(m_.s, keys());
        auto const n = m_.softmax_of(head);
        Index const step = plan_.biases.step(), count = keys();
        V const per_logit = V::broadcast(1 / logit_unit<T>);
        V inverse[Z], mean[Z], of_hidden[Z];
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            inverse[z] = V::load(n.inverse + i + z * V::lanes), mean[z] = of_hidden[z] = V::zero();
        });
        for (Index j = 0; j < count; ++j)
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                T* const at = p.row(j) + i + z * V::lanes;
                V const x = V::load(at) * inverse[z];
                x.store(at);
                mean[z] = fma(x, V::load(s.row(j) + i + z * V::lanes), mean[z]);
            });
        if (!hidden_.empty()) add_hidden_products(mean, of_hidden, head, i);
        T* const bias = sums_.logits() + head * plan_.biases.size() + i / V::lanes * step;
        for (Index j = 0; j < count; ++j) {
            T* const to = bias + key_bias_[static_cast<std::size_t>(j)];
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                T* const at = s.row(j) + i + z * V::lanes;
                V const x = V::load(p.row(j) + i + z * V::lanes) * (V::load(at) - mean[z]) * per_logit;
                x.store(at);
                (V::load(to + z * step) + x).store(to + z * step);
            });
        }
        if (!hidden_.empty()) add_hidden_biases(mean, of_hidden, head, i);
    }

    /// The product of the hidden tokens' value and go, and the hidden tokens' part of the sum of p s.
    template <int Z> [[gnu::always_inline]] void add_hidden_products(V (&mean)[Z], V (&of_hidden)[Z], Index head, Index i) const {
        Index const first = head * grid_.depth;
        T const *const value = plan_.vectors[SwinVector::qkv] + 2 * c() + first, *const hidden = m_.softmax_of(head).hidden;
        for (Index r = 0; r < grid_.depth; ++r)
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                V const g = V::load(m_.gz + (first + r) * m_.columns + i + z * V::lanes);
                of_hidden[z] = fma(g, V::broadcast(value[r]), of_hidden[z]);
            });
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            mean[z] = fma(V::load(hidden + i + z * V::lanes), of_hidden[z], mean[z]);
        });
    }
    /// The gradients of the logits of hidden keys, which go to the biases; `mass` becomes their sum.
    template <int Z> [[gnu::always_inline]] void add_hidden_biases(V (&mean)[Z], V (&of_hidden)[Z], Index head, Index i) {
        Index const step = plan_.biases.step();
        auto const n = m_.softmax_of(head);
        V slope[Z];
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            T* const mass = n.mass + i + z * V::lanes;
            slope[z] = V::load(n.unit + i + z * V::lanes) * (of_hidden[z] - mean[z]) * V::broadcast(1 / logit_unit<T>);
            (V::load(mass) * slope[z]).store(mass);
        });
        T const* const share = plan_.share(head) + i / V::lanes * step;
        T* const bias = sums_.logits() + head * plan_.biases.size() + i / V::lanes * step;
        for (std::size_t j = 0; j < hidden_.size(); ++j) {
            V x[Z];
            unrolled<Z>([&](auto z) __attribute__((always_inline)) { x[z] = V::load(share + hidden_bias_[j] + z * step); });
            if (tokens_.several_regions) this->hide(x, hidden_[j], i, V::zero());
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                T* const to = bias + hidden_bias_[j] + z * step;
                fma(x[z], slope[z], V::load(to)).store(to);
            });
        }
    }
    /// What the hidden keys' logits give to queries, and the gradients of their key and value, which are biases.
    void hidden_gradients(Index head, Lanes<T> const& gq, Lanes<T> const& go) {
        Index const first = head * grid_.depth;
        auto const n = m_.softmax_of(head);
        for (Index r = 0; r < grid_.depth; ++r) {
            T *const key_sum = vector(SwinVector::qkv) + (c() + first + r) * V::lanes, *const value_sum = key_sum + c() * V::lanes;
            V const key = V::broadcast(plan_.vectors[SwinVector::qkv][c() + first + r]);
            V of_key = V::load(key_sum), of_value = V::load(value_sum);
            for (Index i = 0; i < m_.columns; i += V::lanes) {
                V const slope = V::load(n.mass + i);
                of_key = fma(slope, V::load(q_ + (first + r) * m_.columns + i), of_key);
                of_value = fma(V::load(n.hidden + i), V::load(go.row(r) + i), of_value);
                fma(slope, key, V::load(gq.row(r) + i)).store(gq.row(r) + i);
            }
            of_key.store(key_sum), of_value.store(value_sum);
        }
    }

    SwinSums<V> sums_;
};

/// Sums in PyTorch's layout.
template <class V, class T = typename V::value_type>
void unpack_swin_sums(SwinPlan<V> const& plan, SwinSums<V> const& sums, SwinPointers<T> const& gradients) {
    auto const& n = plan.problem;
    Index const queries = n.grid.channels(), table = n.grid.table_rows() * n.grid.heads;
    for (std::size_t k = 0; k < SwinMatrix::table; ++k) {
        auto const from = sums.matrix(k);
        Index const width = n.columns_of(k);
        for (Index row = 0; row < from.rows; ++row) {
            T const factor = k == SwinMatrix::qkv && row < queries ? plan.query_scale() : T(1);
            T *const to = gradients.matrix[k] + row * width, *const in = from.row(row);
            for (Index column = 0; column < width; ++column) to[column] = in[column] * factor;
        }
    }
    for (std::size_t k = 0; k < SwinVector::count; ++k)
        for (Index row = 0; row < n.size_of(k); ++row) {
            T const factor = k == SwinVector::qkv && row < queries ? plan.query_scale() : T(1);
            gradients.vector[k][row] = reduce_add(V::load(sums.vector(k) + row * V::lanes)) * factor;
        }
    std::vector<double> biases(static_cast<std::size_t>(table));
    plan.biases.fold(biases.data(), sums.logits());
    for (Index e = 0; e < table; ++e)
        gradients.matrix[SwinMatrix::table][e] = static_cast<T>(biases[static_cast<std::size_t>(e)]) * logit_unit<T>;
}

/// y = the Swin block of x.
template <class V, class T = typename V::value_type>
void swin_block(SwinProblem const& n, SwinPointers<T const> const& parameters, T const* x, T* y) {
    SwinPlan<V> const plan(n, parameters);
    Index const windows = n.grid.windows(), parts = std::clamp<Index>(windows / 2, std::min<Index>(windows, 1), 64);
    parallel_for(parts, [&](Index part) {
        SwinWindow<V>(plan, false).run(y, x, windows * part / parts, windows * (part + 1) / parts);
    });
}

/// gx (or null) and the parameters' gradients. Ranges of windows, at most 64 and about 16 MB of sums, are summed by themselves; their sums
/// are added in order.
template <class V, class T = typename V::value_type>
void swin_block_gradients(SwinProblem const& n, SwinPointers<T const> const& parameters, T const* x, T const* gy, T* gx,
                          SwinPointers<T> const& gradients) {
    SwinPlan<V> const plan(n, parameters);
    Index const windows = n.grid.windows(), size = SwinSums<V>(plan, nullptr).size(), memory = (Index(1) << 22) / size + 1;
    Index const parts = std::clamp<Index>(std::min(windows / 8, memory), std::min<Index>(windows, 1), 64);
    Buffer<Cpu> const buffer(std::max<Index>(parts, 1) * size, sizeof(T));
    T* const sums = static_cast<T*>(buffer.data());
    if (parts == 0) std::fill_n(sums, size, T(0));
    parallel_for(parts, [&](Index part) {
        std::fill_n(sums + part * size, size, T(0));
        SwinGradients<V>(plan, SwinSums<V>(plan, sums + part * size))
            .run(gx, gy, x, windows * part / parts, windows * (part + 1) / parts);
    });
    parallel_ranges(size, 4096, [&](Index begin, Index end) {
        for (Index part = 1; part < parts; ++part) Rows<Cpu>::add(sums + begin, sums + part * size + begin, end - begin);
    });
    unpack_swin_sums<V>(plan, SwinSums<V>(plan, sums), gradients);
}

}  // namespace tacet::detail::kernel

#if TACET_WITH_KERNELS  // library tacet::kernels has these
namespace tacet::detail::kernel {
extern template void swin_block<Simd<float>>(SwinProblem const&, SwinPointers<float const> const&, float const*, float*);
extern template void swin_block_gradients<Simd<float>>(SwinProblem const&, SwinPointers<float const> const&, float const*, float const*,
                                                       float*, SwinPointers<float> const&);
}  // namespace tacet::detail::kernel
#endif
