// expect: elements are read on the host: move the tensor with to<Cpu>(x)
// SPDX-License-Identifier: MIT
#include <tacet/tensor/tensor.hpp>

float first(tacet::Tensor<float, 1> const& x, tacet::Tensor<float, 1, tacet::Cuda> const& y) {
#ifdef MISTAKE
    return y(0);
#endif
    static_cast<void>(y);
    return x(0);
}
