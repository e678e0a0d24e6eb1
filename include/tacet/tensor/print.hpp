// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>
#include <iostream>

namespace tacet {

template <int R> std::ostream& operator<<(std::ostream& out, Shape<R> const& shape) { return out << to_string(shape); }

/// Prints the elements in nested brackets, the shape first; "[]" when there are none.
template <class T, int R> std::ostream& operator<<(std::ostream& out, Tensor<T, R> const& t) {
    out << "Tensor " << t.shape() << (t.size() == 0 ? " []" : " ");
    for (Index k = 0; k < t.size(); ++k) {
        Index block = 1, opened = 0;
        for (int d = R; d-- > 0;) opened += k % (block *= t.shape()[d]) == 0;
        out << std::string(static_cast<std::size_t>(opened), '[') << t.data()[k];
        block = 1;
        Index closed = 0;
        for (int d = R; d-- > 0;) closed += (k + 1) % (block *= t.shape()[d]) == 0;
        out << std::string(static_cast<std::size_t>(closed), ']') << (k + 1 < t.size() ? ", " : "");
    }
    return out;
}

}  // namespace tacet
