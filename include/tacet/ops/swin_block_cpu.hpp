// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/scratch.hpp>
#include <tacet/ops/swin_block_plan.hpp>

// A Swin block of one window at a time, in scratch memory of the size of a second-level cache. Tokens are in the lanes of vectors.
// Tokens that the mask hides have the biases as query, key and value: their keys, which only the relative position tells apart, count as
// one key whose weight is a sum of exponentials of biases, and only the other tokens are projected.
namespace tacet::detail::kernel {

/// Numbers of one window and head, by query: reciprocal sums of exponentials; the hidden keys' part in the sum, the sum of their
/// exponentials of biases, and what these are multiplied by to become probabilities.
template <class T> struct SoftmaxRows {
    T *inverse, *hidden, *mass, *unit;
};

/// The matrices of a window: tokens in columns, or only those that are seen ("seen").
template <class V> struct SwinScratch {
    using T = typename V::value_type;
    static constexpr Index spare = 8;  // rows that tiles may read beyond the last

    Index columns;
    T *rows, *x, *z1, *seen, *qkv, *q, *p, *o, *y, *z2, *h, *a;  // in the order of the forward pass; rows: tokens as in memory
    T *g, *gz, *gh, *gqkv, *gq, *s, *transposed;                 // gradients
    T *softmax, *norm;                                           // (heads, 4, columns), (4, columns)
    Index* offset;

    SwinScratch(SwinProblem const& n, bool backward) : columns(round_up(n.grid.slots(), V::lanes)) {
        Index const c = n.grid.channels(), f = n.mlp_channels, slots = n.grid.slots(), wide = std::max(3 * c, f), heads = n.grid.heads;
        Index const packed = div_up(slots * round_up(std::max(c, f), V::lanes), columns), more = backward ? 1 : 0;
        std::pair<T**, Index> const sizes[] = {
            {&rows, packed}, {&x, c}, {&z1, c}, {&seen, c}, {&qkv, wide}, {&q, c}, {&p, backward ? heads * (slots + spare) : slots},
            {&o, c}, {&y, more * c}, {&z2, more * c}, {&h, more * f}, {&a, more * f}, {&g, more * c}, {&gz, more * c}, {&gh, more * f},
            {&gqkv, more * 3 * c}, {&gq, more * c}, {&s, more * slots}, {&transposed, more * slots},
            {&softmax, 4 * heads}, {&norm, 4}};
        Index total = 0;
        for (auto const& [to, count] : sizes) total += (count + spare) * columns;
        T* at = scratch<T, window_slot>(total);
        for (auto const& [to, count] : sizes) *to = at, at += (count + spare) * columns;
        if (!backward) y = x, z2 = z1, h = qkv, a = qkv;
        offset = scratch<Index, tile_slot>(slots);
    }
    SoftmaxRows<T> softmax_of(Index head) const {
        T* const at = softmax + 4 * head * columns;
        return {at, at + columns, at + 2 * columns, at + 3 * columns};
    }
};

/// The block in one thread, window by window: the forward pass, and what both passes need.
template <class V> class SwinWindow {
public:
    using T = typename V::value_type;

    SwinWindow(SwinPlan<V> const& plan, bool backward)
        : plan_(plan), n_(plan.problem), grid_(n_.grid), backward_(backward), m_(n_, backward),
          regions_(static_cast<std::size_t>(m_.columns)) {}

    /// y of the windows [begin, end).
    void run(T* y, T const* x, Index begin, Index end) {
        for (Index window = begin; window < end; ++window) {
            forward(x, window);
            auto const out = all(m_.y, grid_.channels());
            fill_rows<V>(out, plan_.vectors[SwinVector::fc2], factor_[1], true);
            product<V>(out, plan_.matrix(SwinMatrix::fc2).weights(), all(m_.a, n_.mlp_channels), n_.mlp_channels, true);
            store(y, m_.y);
        }
    }

protected:
    Index c() const { return grid_.channels(); }
    Lanes<T> all(T* at, Index rows) const { return {at, m_.columns, rows, m_.columns}; }
    Lanes<T> seen(T* at, Index rows) const { return {at, seen_columns_, rows, seen_columns_}; }
    /// The scores, later probabilities, of a head: a row for each key that is seen.
    Lanes<T> scores(Index head) const { return all(m_.p + (backward_ ? head * (grid_.slots() + m_.spare) * m_.columns : 0), keys()); }
    Index keys() const { return static_cast<Index>(tokens_.keys.size()); }
    bool all_seen() const { return keys() == grid_.slots(); }
    AttentionSizes<V> sizes(Index channels) const { return AttentionSizes<V>(WindowGrid{0, 0, 0, grid_.window, 0, 1, channels}); }

    void load(T* to, T const* from) {
        auto const size = sizes(c());
        pack_rows<V>(m_.rows, from, m_.offset, size.slots, size);
        transpose_rows<V>(to, m_.columns, m_.rows, size.row, size.slots, c());
    }
    void store(T* to, T const* from) {
        auto const size = sizes(c());
        transpose_rows<V>(m_.rows, size.row, from, m_.columns, c(), size.slots);
        unpack_rows<V>(to, m_.rows, m_.offset, size.slots, size);
    }

    /// All up to the hidden layer: y, and a, times the branch's factor.
    void forward(T const* x, Index window) {
        find_tokens(window);
        load(m_.x, x);
        auto const z1 = all(m_.z1, c());
        normalize_lanes<V>(z1, all(m_.x, c()), plan_.vectors[SwinVector::norm1_weight], plan_.vectors[SwinVector::norm1_bias], m_.norm,
                           m_.norm + m_.columns, static_cast<T>(n_.eps1));
        project(z1);
        for (Index head = 0; head < grid_.heads; ++head) attend(head);
        auto const y = all(m_.y, c());
        if (backward_) std::copy_n(m_.x, c() * m_.columns, m_.y);
        fill_rows<V>(y, plan_.vectors[SwinVector::proj], factor_[0], true);
        product<V>(y, plan_.matrix(SwinMatrix::proj).weights(), all(m_.o, c()), c(), true);
        normalize_lanes<V>(all(m_.z2, c()), y, plan_.vectors[SwinVector::norm2_weight], plan_.vectors[SwinVector::norm2_bias],
                           m_.norm + 2 * m_.columns, m_.norm + 3 * m_.columns, static_cast<T>(n_.eps2));
        auto const h = all(m_.h, n_.mlp_channels);
        fill_rows<V>(h, plan_.vectors[SwinVector::fc1], T(1), false);
        product<V>(h, plan_.matrix(SwinMatrix::fc1).weights(), all(m_.z2, c()), c(), true);
        gelu_lanes<V>(m_.a, m_.h, n_.mlp_channels * m_.columns);
        scale<V>(all(m_.a, n_.mlp_channels), factor_[1]);
    }

    /// Tokens that the mask hides become 0.
    void clear_hidden(Lanes<T> const& x) const {
        for (Index slot : tokens_.keys)
            if (!n_.keep[tokens_.pixel[static_cast<std::size_t>(slot)]])
                for (Index r = 0; r < x.rows; ++r) x.row(r)[slot] = 0;
    }

    SwinPlan<V> const& plan_;
    SwinProblem const& n_;
    WindowGrid const& grid_;
    bool backward_;
    SwinScratch<V> m_;
    WindowTokens tokens_;
    std::vector<Index> hidden_;      // slots of tokens that are one key
    std::vector<T> regions_;         // by slot
    std::vector<Index> key_bias_, hidden_bias_;
    Index seen_columns_ = 0;
    T *projected_ = nullptr, *q_ = nullptr;  // of the tokens that are seen, of all
    T factor_[2] = {1, 1};           // of the branches

    /// x where the queries from i on are of the region of a slot, else `instead`.
    template <int Z> [[gnu::always_inline]] void hide(V (&x)[Z], Index slot, Index i, V instead) const {
        V const region = V::broadcast(regions_[static_cast<std::size_t>(slot)]);
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            x[z] = select(V::load(regions_.data() + i + z * V::lanes) == region, x[z], instead);
        });
    }

private:
    void find_tokens(Index window) {
        bool const share = plan_.shares();
        grid_.tokens(tokens_, window, share ? n_.keep : nullptr);
        hidden_.clear(), hidden_bias_.clear(), key_bias_.clear();
        for (Index slot = 0; slot < grid_.slots(); ++slot) {
            Index const pixel = tokens_.pixel[static_cast<std::size_t>(slot)];
            m_.offset[slot] = pixel < 0 ? -1 : pixel * c();
            regions_[static_cast<std::size_t>(slot)] = static_cast<T>(tokens_.region[static_cast<std::size_t>(slot)]);
            if (share && pixel >= 0 && !n_.keep[pixel]) hidden_.push_back(slot), hidden_bias_.push_back(plan_.biases.key(slot));
        }
        for (Index slot : tokens_.keys) key_bias_.push_back(plan_.biases.key(slot));
        seen_columns_ = round_up(keys(), V::lanes);
        Index const image = window / (grid_.rows() * grid_.cols());
        for (Index branch = 0; n_.factors && branch < 2; ++branch) factor_[branch] = static_cast<T>(n_.factors[branch * grid_.n + image]);
    }

    /// The queries of all tokens, the keys and values of those that are seen.
    void project(Lanes<T> const& z1) {
        if (n_.keep && !plan_.shares()) clear_hidden(z1);
        projected_ = all_seen() ? m_.z1 : m_.seen, q_ = all_seen() ? m_.qkv : m_.q;
        auto const z = seen(projected_, c()), qkv = seen(m_.qkv, 3 * c());
        if (!all_seen()) gather_columns<V>(z, z1, tokens_.keys);
        fill_rows<V>(qkv, plan_.vectors[SwinVector::qkv], T(1), false);
        product<V>(qkv, plan_.matrix(SwinMatrix::qkv).weights(), z, c(), true);
        if (!all_seen()) scatter_columns<V>(all(q_, c()), qkv, tokens_.keys, plan_.vectors[SwinVector::qkv]);
    }

    /// The outputs of a head; leaves its exponentials in scores(head).
    void attend(Index head) {
        Index const d = grid_.depth, first = head * d;
        auto const q = all(q_, c()).part(first, d), o = all(m_.o, c()).part(first, d), s = scores(head);
        auto const k = seen(m_.qkv, 3 * c()).part(c() + first, d), v = seen(m_.qkv, 3 * c()).part(2 * c() + first, d);
        product<V>(s, k.transposed_weights(), q, d, false);
        for_columns<V>(m_.columns, [&](Index i, auto vectors) { softmax<vectors>(head, i); });
        product<V>(o, v.weights(), s, keys(), false);
        auto const n = m_.softmax_of(head);
        T const* const hidden_value = plan_.vectors[SwinVector::qkv] + 2 * c() + first;
        for (Index r = 0; r < d; ++r) {
            V const value = V::broadcast(hidden_.empty() ? T(0) : hidden_value[r]), f = V::broadcast(factor_[0]);
            for (Index i = 0; i < m_.columns; i += V::lanes) {
                T* const to = o.row(r) + i;
                (fma(V::load(to), V::load(n.inverse + i), value * V::load(n.hidden + i)) * f).store(to);
            }
        }
    }

    template <int Z> void softmax(Index head, Index i) {
        auto const s = scores(head);
        auto const n = m_.softmax_of(head);
        T const* const bias = plan_.biases.head(head) + i / V::lanes * plan_.biases.step();
        Index const step = plan_.biases.step(), count = keys();
        bool const regions = tokens_.several_regions;
        V largest[Z], mass[Z], logit[Z], sum[Z];
        unrolled<Z>([&](auto z) __attribute__((always_inline)) { largest[z] = V::broadcast(hidden_score<T>); });
        for (Index j = 0; j < count; ++j) {
            V x[Z];
            T* const row = s.row(j) + i;
            T const* const from = bias + key_bias_[static_cast<std::size_t>(j)];
            unrolled<Z>([&](auto z) __attribute__((always_inline)) { x[z] = V::load(row + z * V::lanes) + V::load(from + z * step); });
            if (regions) hide(x, tokens_.keys[static_cast<std::size_t>(j)], i, V::broadcast(hidden_score<T>));
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                largest[z] = max(x[z], largest[z]);
                x[z].store(row + z * V::lanes);
            });
        }
        hidden_keys(mass, logit, largest, head, i);
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            largest[z] = select(largest[z] > V::broadcast(hidden_score<T> / 2), largest[z], V::zero());  // of a query that sees nothing
            sum[z] = V::zero();
        });
        for (Index j = 0; j < count; ++j) {
            T* const row = s.row(j) + i;
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                V const e = probability(V::load(row + z * V::lanes) - largest[z]);
                sum[z] += e;
                e.store(row + z * V::lanes);
            });
        }
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            Index const at = i + z * V::lanes;
            V const unit = hidden_.empty() ? V::zero() : probability(logit[z] - largest[z]), total = sum[z] + unit * mass[z];
            V const inverse = select(total > V::zero(), V::broadcast(1) / total, V::zero());
            inverse.store(n.inverse + at), mass[z].store(n.mass + at);
            (unit * inverse).store(n.unit + at), (unit * inverse * mass[z]).store(n.hidden + at);
        });
    }

    /// For the keys that are not seen: the sum of their exponentials of biases, and the logit that these are relative to.
    template <int Z> [[gnu::always_inline]] void hidden_keys(V (&mass)[Z], V (&logit)[Z], V (&largest)[Z], Index head, Index i) const {
        unrolled<Z>([&](auto z) __attribute__((always_inline)) { mass[z] = V::zero(), logit[z] = V::zero(); });
        if (hidden_.empty()) return;
        T const* const share = plan_.share(head) + i / V::lanes * plan_.biases.step();
        for (std::size_t j = 0; j < hidden_.size(); ++j) {
            V x[Z];
            unrolled<Z>([&](auto z) __attribute__((always_inline)) { x[z] = V::load(share + hidden_bias_[j] + z * plan_.biases.step()); });
            if (tokens_.several_regions) hide(x, hidden_[j], i, V::zero());
            unrolled<Z>([&](auto z) __attribute__((always_inline)) { mass[z] += x[z]; });
        }
        Index const first = head * grid_.depth;
        T const* const key = plan_.vectors[SwinVector::qkv] + c() + first;
        for (Index r = 0; r < grid_.depth; ++r) {
            T const* const q = q_ + (first + r) * m_.columns + i;
            unrolled<Z>([&](auto z) __attribute__((always_inline)) {
                logit[z] = fma(V::load(q + z * V::lanes), V::broadcast(key[r]), logit[z]);
            });
        }
        unrolled<Z>([&](auto z) __attribute__((always_inline)) {
            logit[z] = select(mass[z] > V::zero(), logit[z] + V::broadcast(plan_.largest_bias(head)), V::broadcast(hidden_score<T>));
            largest[z] = max(logit[z], largest[z]);
        });
    }
};

}  // namespace tacet::detail::kernel
