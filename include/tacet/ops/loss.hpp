// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/reduce.hpp>

// Losses: numbers (rank 0), computed in one pass over the prediction and the target and differentiated in another. Each is an
// expression and its mean, so that anything else is as short: mean(pow(abs(x - y) + eps, gamma)).
namespace tacet {

namespace detail {
/// Losses do not broadcast: a target of shape (N, 1) against (N) would silently compare every pair.
template <class A, class B> void check_target(char const* name, A const& prediction, B const& target) {
    static_assert(A::rank == B::rank, "a loss compares a prediction and a target of the same shape");
    check_shape(prediction.shape() == target.shape(), name, ": the prediction ", prediction.shape(), " and the target ", target.shape(),
                " differ in shape");
}
}  // namespace detail

/// The mean of |x - y| over all elements; derivative 0 where they are equal.
template <Expression A, Expression B> auto l1_loss(A const& x, B const& y) {
    detail::check_target("l1_loss", x, y);
    return mean(abs(x - y));
}

/// The mean of (x - y)^2 over all elements.
template <Expression A, Expression B> auto l2_loss(A const& x, B const& y) {
    detail::check_target("l2_loss", x, y);
    return mean(square(x - y));
}

/// The mean of sqrt((x - y)^2 + eps^2) over all elements; eps > 0 (Charbonnier et al., Two deterministic half-quadratic
/// regularization algorithms for computed imaging, 1994; with eps = 1e-3 in Lai et al., LapSRN, 2017).
template <Expression A, Expression B> auto charbonnier_loss(A const& x, B const& y, double eps = 1e-3) {
    detail::check_target("charbonnier_loss", x, y);
    check(eps > 0, "charbonnier_loss: eps is ", eps, ", it must be positive");
    return mean(sqrt(square(x - y) + eps * eps));
}

/// What a masked loss is a mean over: the sum of the mask, or all elements (the plain sum, scaled by a constant).
enum class MeanOver { mask, all };

namespace detail {
/// The sum of mask * e over the sum of the mask, broadcast to e, or over the number of elements.
template <class M, class E> auto masked_mean(char const* name, M const& mask, E const& e, MeanOver over) {
    using T = Wide<typename E::value_type>;
    auto const& shape = e.shape();
    static_assert(M::rank <= E::rank, "a mask has at most the rank of the prediction");
    broadcast(row_major(mask.shape()), mask.shape(), shape);  // throws ShapeError when it does not fit
    check_shape(shape.size() > 0, name, ": there are no elements to average in ", shape);
    auto const repeats = static_cast<T>(shape.size() / std::max<Index>(mask.shape().size(), 1));
    Tensor<T, 0, typename E::device_type> divisor(Shape<0>{});
    if (over == MeanOver::all) divisor.assign(static_cast<T>(shape.size()));
    else {
        sum_into(divisor, mask);
        divisor.assign(where(divisor == 0, T(1), divisor * repeats));  // nothing chosen: the loss is 0
    }
    return divided_sum(mask * e, divisor, Shape<0>{});
}
/// A mask as numbers: conditions become 0 and 1.
template <class T, class M> auto mask_numbers(M const& mask) {
    if constexpr (std::is_same_v<typename M::value_type, bool>) return cast<T>(mask);
    else return handle(mask);
}
}  // namespace detail

/// The mean of m |x - y|: over the sum of the mask m (a condition, or numbers, broadcast to x), or over all elements. 0 where the
/// mask is 0 everywhere. No gradient reaches the mask through the divisor.
template <Expression A, Expression B, Expression M>
auto masked_l1_loss(A const& x, B const& y, M const& mask, MeanOver over = MeanOver::mask) {
    detail::check_target("masked_l1_loss", x, y);
    return detail::masked_mean("masked_l1_loss", detail::mask_numbers<typename A::value_type>(mask), abs(x - y), over);
}

/// The mean of m (x - y)^2: over the sum of the mask m (a condition, or numbers, broadcast to x), or over all elements. 0 where the
/// mask is 0 everywhere. The loss for multiplicative Bernoulli noise in Lehtinen et al., Noise2Noise, 2018, whose m is the target's mask.
template <Expression A, Expression B, Expression M>
auto masked_l2_loss(A const& x, B const& y, M const& mask, MeanOver over = MeanOver::mask) {
    detail::check_target("masked_l2_loss", x, y);
    return detail::masked_mean("masked_l2_loss", detail::mask_numbers<typename A::value_type>(mask), square(x - y), over);
}

}  // namespace tacet
