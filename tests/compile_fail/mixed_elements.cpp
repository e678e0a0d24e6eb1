// expect: the operands have different element types: convert one with cast<T>(x)
// SPDX-License-Identifier: MIT
#include <tacet/tensor/tensor.hpp>

auto multiply(tacet::Tensor<float, 2> const& a, tacet::Tensor<float, 2> const& b, tacet::Tensor<double, 2> const& c) {
#ifdef MISTAKE
    return a * c;
#endif
    static_cast<void>(c);
    return a * b;
}
