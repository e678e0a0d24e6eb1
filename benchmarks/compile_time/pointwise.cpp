// SPDX-License-Identifier: MIT
// One elementwise expression without gradients; without it (-DEXPRESSIONS=0), what its headers cost.
#include <tacet/tensor/tensor.hpp>

#if EXPRESSIONS > 0
tacet::Tensor<float, 4> forward(tacet::Tensor<float, 4> const& x, tacet::Tensor<float, 1> const& scale) {
    return gelu(x * scale + 1);
}
#endif
