// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/autograd/cast.hpp>
#include <tacet/ops/dropout.hpp>
#include <tacet/tensor/factory.hpp>

namespace tacet {

namespace detail {
/// What drop_path multiplies n samples by, a draw for each.
template <class T, class D, int R> Tensor<T, R, D> drop_path_factors(Shape<R> const& shape /* n in all */, float p, Rng& rng) {
    auto const one = ones<T, D>(shape);
    Tensor<T, R, D> factors(shape);
    DropoutKernel<D>::run(factors.data(), one.data(), shape.size(), rng.stream(), rng.position(), p);
    rng.set_position(rng.position() + static_cast<std::uint64_t>(shape.size()));
    return factors;
}
}  // namespace detail

/// Stochastic depth (Huang et al., 2016): every sample x[n, ...] is set to 0 with probability p, the others grow to x / (1 - p), so that
/// the mean stays; 0 <= p <= 1. Takes one draw of rng per sample: the sample is dropped where it is below p. When not training, x itself.
template <class T, int R, class D>
Variable<T, R, D> drop_path(Variable<T, R, D> const& x /* (N, ...) */, float p, Rng& rng, bool train = true) {
    static_assert(R > 0, "drop_path needs a dimension of samples");
    check(p >= 0 && p <= 1, "drop_path: the probability ", p, " is not between 0 and 1");
    if (!train || p == 0) return x;
    Shape<R> shape;
    for (int d = 0; d < R; ++d) shape[d] = d == 0 ? x.shape()[0] : 1;
    using W = Wide<T>;
    auto const factor = detail::drop_path_factors<W, D>(shape, p, rng);
    if constexpr (std::is_same_v<T, W>) return x * factor;
    else return cast<T>(Variable<W, R, D>(cast<W>(x) * factor));  // the factor in 16 bits would bias every branch
}

}  // namespace tacet
