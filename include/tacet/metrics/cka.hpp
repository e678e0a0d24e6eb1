// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/tensor/tensor.hpp>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace tacet {

namespace detail {

/// c (p, q) += the product of x (rows, p), transposed, and y (rows, q).
inline void add_transposed_product(double* c, double const* x, double const* y, Index rows, Index p, Index q) {
    Index r = 0;
    for (; r + 4 <= rows; r += 4) {  // four rows for each pass over c
        double const *const x0 = x + r * p, *const y0 = y + r * q, *const y1 = y0 + q, *const y2 = y1 + q, *const y3 = y2 + q;
        for (Index i = 0; i < p; ++i) {
            double const a0 = x0[i], a1 = x0[p + i], a2 = x0[2 * p + i], a3 = x0[3 * p + i];
            double* const to = c + i * q;
            for (Index j = 0; j < q; ++j) to[j] += (a0 * y0[j] + a1 * y1[j]) + (a2 * y2[j] + a3 * y3[j]);
        }
    }
    for (; r < rows; ++r)
        for (Index i = 0; i < p; ++i)
            for (Index j = 0; j < q; ++j) c[i * q + j] += x[r * p + i] * y[r * q + j];
}

}  // namespace detail

/// Linear centred kernel alignment of feature matrices X_k (n, d_k) whose rows, in the same order in all, belong to the same samples:
/// ||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F) with columns centred. Source: Kornblith, Norouzi, Lee and Hinton, Similarity of neural
/// network representations revisited, 2019. Rows are added in parts; only d x d sums, in double, are kept.
class LinearCka {
public:
    /// Which pairs of matrices are compared.
    enum class Pairs { all, with_first };

    explicit LinearCka(std::size_t matrices, Pairs pairs = Pairs::all) : count_(matrices), place_(matrices * matrices, none) {
        for (std::size_t i = 0; i < matrices; ++i)
            for (std::size_t j = i; j < matrices; ++j)
                if (i == j || i == 0 || pairs == Pairs::all) {
                    place_[i * matrices + j] = products_.size();
                    products_.push_back({i, j, {}});
                }
    }

    /// Adds rows (m, d_k) of each matrix. Throws ShapeError when their number of rows differs, or d_k from that of earlier rows.
    void add(std::vector<Tensor<float, 2>> const& rows) {
        check_shape(rows.size() == count_, "linear CKA: rows of ", rows.size(), " matrices instead of ", count_);
        for (auto const& x : rows)
            check_shape(x.shape()[0] == rows[0].shape()[0], "linear CKA: ", rows[0].shape(), " and ", x.shape(), " differ in rows");
        if (rows.empty() || rows[0].shape()[0] == 0) return;
        if (columns_.empty()) start(rows);
        for (std::size_t k = 0; k < count_; ++k)
            check_shape(rows[k].shape()[1] == width(k), "linear CKA: rows of ", rows[k].shape(), " do not continue ", width(k), " columns");
        Index const m = rows[0].shape()[0];
        for (Index first = 0; first < m; first += block) add_block(rows, first, std::min(block, m - first));
        samples_ += m;
    }

    /// The number of rows so far.
    Index samples() const { return samples_; }
    /// The alignment of matrices i and j, from 0 to 1; NaN when one of them does not vary. Throws Error for a pair that is not compared.
    double operator()(std::size_t i, std::size_t j) const {
        if (i > j) std::swap(i, j);
        check(j < count_ && place_[i * count_ + j] != none, "linear CKA: matrices ", i, " and ", j, " are not compared");
        double const size = std::sqrt(square_norm(i, i)) * std::sqrt(square_norm(j, j));
        return size > 0 ? square_norm(i, j) / size : std::numeric_limits<double>::quiet_NaN();
    }

private:
    struct Product {
        std::size_t i, j;
        std::vector<double> sum;  // (d_i, d_j)
    };
    struct Columns {
        std::vector<double> origin, sum, part;  // of each column: what is taken away for precision, the sum of the rest; rows of a block
    };
    static constexpr std::size_t none = ~std::size_t{0};
    static constexpr Index block = 256;  // rows at a time; part of no result beyond its last bits

    Index width(std::size_t k) const { return static_cast<Index>(columns_[k].sum.size()); }

    void start(std::vector<Tensor<float, 2>> const& rows) {
        columns_.resize(count_);
        for (std::size_t k = 0; k < count_; ++k) {
            auto const d = static_cast<std::size_t>(rows[k].shape()[1]);
            columns_[k].origin.assign(rows[k].data(), rows[k].data() + d);  // the first row: not far from the mean, and always the same
            columns_[k].sum.assign(d, 0.);
        }
        for (auto& product : products_) product.sum.assign(columns_[product.i].sum.size() * columns_[product.j].sum.size(), 0.);
    }
    void add_block(std::vector<Tensor<float, 2>> const& rows, Index first, Index m) {
        for (std::size_t k = 0; k < count_; ++k) {
            auto& [origin, sum, part] = columns_[k];
            std::size_t const d = sum.size();
            float const* const from = rows[k].data() + first * width(k);
            part.resize(static_cast<std::size_t>(m) * d);
            for (std::size_t e = 0; e < part.size(); ++e) sum[e % d] += part[e] = static_cast<double>(from[e]) - origin[e % d];
        }
        parallel_ranges(static_cast<Index>(products_.size()), 1, [&](Index from, Index to) {
            for (Index at = from; at < to; ++at) {
                auto& [i, j, sum] = products_[static_cast<std::size_t>(at)];
                detail::add_transposed_product(sum.data(), columns_[i].part.data(), columns_[j].part.data(), m, width(i), width(j));
            }
        });
    }
    /// ||X_i^T X_j||_F^2 of the centred matrices, i <= j.
    double square_norm(std::size_t i, std::size_t j) const {
        auto const& product = products_[place_[i * count_ + j]];
        double total = 0;
        auto const n = static_cast<double>(samples_);
        for (std::size_t a = 0, at = 0; !columns_.empty() && a < columns_[i].sum.size(); ++a)
            for (std::size_t b = 0; b < columns_[j].sum.size(); ++b, ++at) {
                double const v = product.sum[at] - columns_[i].sum[a] * columns_[j].sum[b] / n;
                total += v * v;
            }
        return total;
    }

    std::size_t count_;
    std::vector<std::size_t> place_;  // (i, j) -> number of the product
    std::vector<Product> products_;
    std::vector<Columns> columns_;
    Index samples_ = 0;
};

/// The linear CKA of two matrices (n, d) and (n, e), see LinearCka.
inline double linear_cka(Tensor<float, 2> const& x, Tensor<float, 2> const& y) {
    LinearCka sums(2);
    sums.add({x, y});
    return sums(0, 1);
}

}  // namespace tacet
