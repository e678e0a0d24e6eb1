// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/autograd/cast.hpp>
#include <tacet/ops/dropout.hpp>
#include <tacet/tensor/factory.hpp>

namespace tacet {

namespace detail {
/// Draws what drop_path multiplies its samples by.
template <class T, int R, class D> void draw_drop_path(Tensor<T, R, D> const& factors /* a sample each */, float p, Rng& rng) {
    auto const one = ones<T, D>(factors.shape());
    DropoutKernel<D>::run(factors.data(), one.data(), factors.size(), rng.stream(), rng.position(), p);
    rng.set_position(rng.position() + static_cast<std::uint64_t>(factors.size()));
}
/// x, sample n times factor n. In 16 bits the factors would bias every branch.
template <class T, int R, class D>
Variable<T, R, D> times_by_sample(Variable<T, R, D> const& x /* (N, ...) */, Tensor<Wide<T>, R, D> const& factor /* (N, 1, ...) */) {
    using W = Wide<T>;
    if constexpr (std::is_same_v<T, W>) return x * factor;
    else return cast<T>(Variable<W, R, D>(cast<W>(x) * factor));
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
    Tensor<Wide<T>, R, D> const factor(shape);
    detail::draw_drop_path(factor, p, rng);
    return detail::times_by_sample(x, factor);
}

}  // namespace tacet
