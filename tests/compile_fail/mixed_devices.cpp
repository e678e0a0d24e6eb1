// expect: the operands live on different devices: move one with to<Cuda>(x) or to<Cpu>(x)
// SPDX-License-Identifier: MIT
#include <tacet/tensor/tensor.hpp>

auto add(tacet::Tensor<float, 1> const& a, tacet::Tensor<float, 1> const& b, tacet::Tensor<float, 1, tacet::Cuda> const& c) {
#ifdef MISTAKE
    return a + c;
#endif
    static_cast<void>(c);
    return a + b;
}
