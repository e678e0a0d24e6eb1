// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/tensor/tensor.hpp>
#include <vector>

namespace tacet {

namespace detail {
/// A tensor with the elements that `fill(data, count)` writes, made on the host.
template <class T, class D, int R> Tensor<T, R, D> filled(Shape<R> const& shape, auto&& fill) {
    Tensor<T, R, D> t(shape);
    if constexpr (std::is_same_v<D, Cpu>) fill(t.data(), t.size());
    else {
        std::vector<T> host(static_cast<std::size_t>(t.size()));
        fill(host.data(), t.size());
        Memory<D>::from_host(t.data(), host.data(), host.size() * sizeof(T));
    }
    return t;
}
}  // namespace detail

/// A tensor with all elements equal to `value`, of value's type.
template <Device D = Cpu, class T, int R> Tensor<T, R, D> full(Shape<R> const& shape, T value) {
    return Tensor<T, R, D>(Constant<T, R, D>{shape, value});
}
template <class T = float, Device D = Cpu, int R> Tensor<T, R, D> zeros(Shape<R> const& shape) { return full<D>(shape, T(0)); }
template <class T = float, Device D = Cpu, int R> Tensor<T, R, D> ones(Shape<R> const& shape) { return full<D>(shape, T(1)); }

/// Samples of N(0, 1): the same on every device and instruction set for the same generator.
template <class T = float, Device D = Cpu, int R> Tensor<T, R, D> randn(Shape<R> const& shape, Rng& rng) {
    return detail::filled<T, D>(shape, [&](T* data, Index n) {
        if constexpr (std::is_same_v<T, float>) rng.fill_normal(data, n);  // the same numbers, many at a time
        else for (Index k = 0; k < n; ++k) data[k] = static_cast<T>(rng.normal());
    });
}
/// Samples of the uniform distribution on [low, high).
template <class T = float, Device D = Cpu, int R> Tensor<T, R, D> uniform(Shape<R> const& shape, Rng& rng, T low = 0, T high = 1) {
    return detail::filled<T, D>(shape, [&](T* data, Index n) {
        for (Index k = 0; k < n; ++k) data[k] = low + (high - low) * static_cast<T>(rng.uniform());
    });
}
/// 0, 1, 2, ... in row-major order.
template <class T = float, Device D = Cpu, int R> Tensor<T, R, D> iota(Shape<R> const& shape) {
    return detail::filled<T, D>(shape, [](T* data, Index n) {
        for (Index k = 0; k < n; ++k) data[k] = static_cast<T>(k);
    });
}
/// A tensor of rank 1 with these elements.
template <Device D = Cpu, class T> Tensor<T, 1, D> from_values(std::vector<T> const& values) {
    return detail::filled<T, D>(Shape<1>{{static_cast<Index>(values.size())}},
                                [&](T* data, Index) { std::copy(values.begin(), values.end(), data); });
}

/// The value of a rank-0 tensor, on the host.
template <class T, class D> T item(Tensor<T, 0, D> const& t) {
    T v;
    Memory<D>::to_host(&v, t.data(), sizeof v);
    return v;
}

}  // namespace tacet
