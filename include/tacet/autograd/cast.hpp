// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>

namespace tacet {

/// x with another element type; its gradient arrives with x's own. Where x has the type already, x itself. Keeps nothing.
template <class U, class T, int R, class D> Variable<U, R, D> cast(Variable<T, R, D> const& x) {
    if constexpr (std::is_same_v<U, T>) return x;
    else
        return record(Tensor<U, R, D>(cast<U>(x.value())), [slot = x.slot()](Tensor<U, R, D> const& gy) {
            deliver(slot, Tensor<T, R, D>(cast<T>(gy)));
        }, x);
}

}  // namespace tacet
