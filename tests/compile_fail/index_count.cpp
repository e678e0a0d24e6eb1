// expect: a tensor of rank R is indexed with R numbers
// SPDX-License-Identifier: MIT
#include <tacet/tensor/tensor.hpp>

float first(tacet::Tensor<float, 3> const& x) {
#ifdef MISTAKE
    return x(0, 0);
#endif
    return x(0, 0, 0);
}
