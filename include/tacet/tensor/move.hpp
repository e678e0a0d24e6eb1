// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>

namespace tacet {

/// The tensor on device To: the same tensor where it is already there, otherwise a copy.
template <Device To, class T, int R, class From> Tensor<T, R, To> to(Tensor<T, R, From> const& x) {
    if constexpr (std::is_same_v<To, From>) return x;
    else {
        Tensor<T, R, To> y(x.shape());
        auto const bytes = static_cast<std::size_t>(x.size()) * sizeof(T);
        if constexpr (std::is_same_v<From, Cpu>) Memory<To>::from_host(y.data(), x.data(), bytes);
        else Memory<From>::to_host(y.data(), x.data(), bytes);
        return y;
    }
}

}  // namespace tacet
