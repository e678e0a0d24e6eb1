// expect: compile this file as .cu
// SPDX-License-Identifier: MIT
#include <tacet/tensor/tensor.hpp>

void twice(tacet::Tensor<float, 1> const& x, tacet::Tensor<float, 1, tacet::Cuda> const& y) {
    x.assign(2 * x);
#ifdef MISTAKE
    y.assign(2 * y);
#endif
    static_cast<void>(y);
}
