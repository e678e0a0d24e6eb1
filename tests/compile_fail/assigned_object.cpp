// expect: assign takes pointwise expressions and numbers
// SPDX-License-Identifier: MIT
#include <tacet/tensor/tensor.hpp>
#include <vector>

void fill(tacet::Tensor<float, 1> const& x, std::vector<float> const& values) {
#ifdef MISTAKE
    x.assign(values);
#endif
    x.assign(values[0]);
}
