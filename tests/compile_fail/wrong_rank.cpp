// expect: to non-scalar type 'tacet::Tensor<float, 2>' requested
// SPDX-License-Identifier: MIT
#include <tacet/tensor/tensor.hpp>

void name(tacet::Tensor<float, 3> const& x) {
    tacet::Tensor<float, 3> y = x + 1;
#ifdef MISTAKE
    tacet::Tensor<float, 2> z = x + 1;
#endif
}
