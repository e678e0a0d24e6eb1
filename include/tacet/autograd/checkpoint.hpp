// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/backward.hpp>
#include <tacet/core/precision.hpp>

namespace tacet {

/// y = f(x), computed already in some way, as the result of f: keeps only x; the backward pass computes f(x) again, with a tape, and goes
/// through that. f may use parameters of its own: they receive their gradients as usual.
template <class F, class T, int R, class Y, int Q, class D>
Variable<Y, Q, D> checkpoint(F f, Variable<T, R, D> const& x, Tensor<Y, Q, D> y) {
    // The result depends on x, and through f on parameters that this function cannot see: it is always recorded.
    Variable<T, R, D> const anchor = x.requires_grad() ? x : Variable<T, R, D>(x.value(), detail::recording());
    return record(y, [f, value = x.value(), slot = x.slot(), direct = DirectConvolutions::wanted()](Tensor<Y, Q, D> const& gy) {
        DirectConvolutions const as_before(direct);
        Variable<T, R, D> const again(value, true);
        Variable<Y, Q, D> const result = f(again);
        backward(result, gy);
        if (again.has_grad()) deliver(slot, again.grad());
    }, anchor);
}

/// Gradient checkpointing (Chen et al., 2016): y = f(x) keeps only x. Memory for time. f must give the same result twice.
template <class F, class T, int R, class D> auto checkpoint(F f, Variable<T, R, D> const& x) {
    auto const y = [&] {
        NoGrad const guard;
        return f(x).value();
    }();
    return checkpoint(f, x, y);
}

}  // namespace tacet
