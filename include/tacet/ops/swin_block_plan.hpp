// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/ops/token_lanes.hpp>
#include <tacet/ops/window_bias.hpp>
#include <array>

namespace tacet::detail {

/// The parameters of a Swin block with C channels and F hidden ones, by number.
struct SwinMatrix {
    enum : std::size_t { qkv, proj, fc1, fc2, table, count };  // (3C, C), (C, C), (F, C), (C, F), ((2M-1)^2, heads)
};
struct SwinVector {
    enum : std::size_t { norm1_weight, norm1_bias, qkv, proj, norm2_weight, norm2_bias, fc1, fc2, count };  // (C), but qkv (3C), fc1 (F)
};
/// Where they lie, or their gradients.
template <class T> struct SwinPointers {
    std::array<T*, SwinMatrix::count> matrix;
    std::array<T*, SwinVector::count> vector;
};
/// What the block is applied to.
struct SwinProblem {
    WindowGrid grid;
    Index mlp_channels;
    std::uint8_t const* keep;  // (N, H, W) or null: tokens with 0 are projected as zeros
    float const* factors;      // (2, N) or null: of the two branches, by image
    double eps1, eps2;         // of the normalisations

    constexpr Index rows_of(std::size_t matrix) const {
        Index const c = grid.channels();
        return std::array{3 * c, c, mlp_channels, c, grid.table_rows()}[matrix];
    }
    constexpr Index columns_of(std::size_t matrix) const {
        Index const c = grid.channels();
        return std::array{c, c, c, mlp_channels, grid.heads}[matrix];
    }
    constexpr Index size_of(std::size_t vector) const {
        Index const c = grid.channels();
        return vector == SwinVector::qkv ? 3 * c : vector == SwinVector::fc1 ? mlp_channels : c;
    }
};

namespace kernel {

/// Weights of a fused Swin block as its kernels read them; made once for all windows.
template <class V> class SwinPlan {
public:
    using T = typename V::value_type;

    SwinPlan(SwinProblem const& p, SwinPointers<T const> const& parameters)
        : problem(p), vectors(parameters.vector), biases(p.grid, parameters.matrix[SwinMatrix::table], logit_unit<T>) {
        for (std::size_t k = 0; k < SwinMatrix::table; ++k) copy_matrix(k, parameters.matrix[k]);
        Index const c = problem.grid.channels();
        qkv_bias_.assign(vectors[SwinVector::qkv], vectors[SwinVector::qkv] + 3 * c);
        std::transform(qkv_bias_.begin(), qkv_bias_.begin() + c, qkv_bias_.begin(), [&](T b) { return b * query_scale(); });
        vectors[SwinVector::qkv] = qkv_bias_.data();
        if (problem.keep) find_shares();
    }
    SwinPlan(SwinPlan const&) = delete;

    /// What queries are multiplied by, in their weights and biases, so that products with keys are logits.
    T query_scale() const { return logit_unit<T> / std::sqrt(static_cast<T>(problem.grid.depth)); }
    Lanes<T> matrix(std::size_t k) const {
        return {const_cast<T*>(matrices_[k].data()), problem.columns_of(k), problem.rows_of(k), problem.columns_of(k)};
    }
    /// Whether tokens that are not kept can be treated as one (see SwinWindow): where biases differ by less than 2^60.
    bool shares() const { return !shares_.empty(); }
    /// The exponentials of a head's biases less the largest one, in the layout of the biases.
    T const* share(Index head) const { return shares_.data() + head * biases.size(); }
    T largest_bias(Index head) const { return largest_[static_cast<std::size_t>(head)]; }

    SwinProblem problem;
    std::array<T const*, SwinVector::count> vectors;
    Biases<V> biases;

private:
    static constexpr Index spare = 8;  // rows that tiles may read beyond the last

    void copy_matrix(std::size_t k, T const* from) {
        Index const size = problem.rows_of(k) * problem.columns_of(k), c = problem.grid.channels();
        auto& to = matrices_[k];
        to.resize(static_cast<std::size_t>(size + spare * std::max(problem.columns_of(k), Index(1))));
        std::copy(from, from + size, to.begin());
        if (k == SwinMatrix::qkv) std::transform(from, from + c * c, to.begin(), [&](T w) { return w * query_scale(); });
    }
    void find_shares() {
        Index const size = biases.size();
        std::vector<T> shares(static_cast<std::size_t>(size * problem.grid.heads));
        for (Index head = 0; head < problem.grid.heads; ++head) {
            T const* const bias = biases.head(head);
            T const top = *std::max_element(bias, bias + size), low = *std::min_element(bias, bias + size);
            if (!(top - low < 60 * logit_unit<T> / T(1.4427))) return;
            for (Index e = 0; e < size; e += V::lanes)
                probability(V::load(bias + e) - V::broadcast(top)).store(shares.data() + head * size + e);
            largest_.push_back(top);
        }
        shares_ = std::move(shares);
    }

    std::array<std::vector<T>, SwinMatrix::table> matrices_;
    std::vector<T> qkv_bias_, shares_, largest_;
};

/// Sums of the gradients of parameters over some windows, in memory of its own: matrices with rows of whole vectors, a vector for each
/// number of the others, and the gradients of the logits in the layout of the biases.
template <class V> class SwinSums {
public:
    using T = typename V::value_type;

    SwinSums(SwinPlan<V> const& plan, T* at) : problem_(plan.problem), at_(at) {
        for (std::size_t k = 0; k < matrices; ++k) starts_[k] = size_, size_ += problem_.rows_of(k) * width(k);
        for (std::size_t k = 0; k < vectors; ++k) starts_[matrices + k] = size_, size_ += problem_.size_of(k) * V::lanes;
        starts_.back() = size_, size_ += problem_.grid.heads * plan.biases.size();
    }
    Index size() const { return size_; }
    Lanes<T> matrix(std::size_t k) const { return {at_ + starts_[k], width(k), problem_.rows_of(k), width(k)}; }
    T* vector(std::size_t k) const { return at_ + starts_[matrices + k]; }
    T* logits() const { return at_ + starts_.back(); }

private:
    static constexpr std::size_t matrices = SwinMatrix::table, vectors = SwinVector::count;

    Index width(std::size_t k) const { return round_up(problem_.columns_of(k), V::lanes); }

    SwinProblem const& problem_;
    T* at_;
    std::array<Index, matrices + vectors + 1> starts_;
    Index size_ = 0;
};

}  // namespace kernel
}  // namespace tacet::detail
