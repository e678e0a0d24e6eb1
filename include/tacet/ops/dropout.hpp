// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/ops/operand.hpp>
#include <array>

namespace tacet {

/// Device half of dropout: y = x / (1 - p) where the stream's uniform value at position + index is at least p, else 0. Linear in x,
/// it is its own backward pass.
template <class D> struct DropoutKernel {
    static_assert(sizeof(D) == 0, "dropout has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
};

template <> struct DropoutKernel<Cpu> {
    template <class T> static void run(T* y, T const* x, Index n, Stream const& stream, std::uint64_t position, float p) {
        T const scale = p < 1 ? static_cast<T>(1 / (1 - static_cast<double>(p))) : T(0);
        parallel_ranges(n, 16384, [&](Index begin, Index end) {
            std::array<float, 1024> drawn;
            for (Index k = begin; k < end; k += 1024) {
                Index const count = std::min<Index>(1024, end - k);
                fill_uniform(stream, position + static_cast<std::uint64_t>(k), std::span(drawn.data(), static_cast<std::size_t>(count)));
                for (Index m = 0; m < count; ++m) y[k + m] = drawn[static_cast<std::size_t>(m)] >= p ? x[k + m] * scale : T(0);
            }
        });
    }
};

/// Dropout (Srivastava et al., 2014): every element is set to 0 with probability p, the others grow to x / (1 - p), so that the
/// mean stays; 0 <= p <= 1. Element i uses the value at position + i of the generator, which moves on by the number of elements: the
/// backward pass draws the same values again, nothing is kept. When not training, x itself.
template <Expression E> auto dropout(E const& e, float p, Rng& rng, bool train = true) {
    using D = typename E::device_type;
    check(p >= 0 && p <= 1, "dropout: the probability ", p, " is not between 0 and 1");
    using Dense = Tensor<typename E::value_type, E::rank, D>;
    auto const x = detail::computed(e);
    if (!train || p == 0) return x;
    Dense const& value = detail::tensor_of(x);
    auto const apply = [stream = rng.stream(), position = rng.position(), p](Dense const& in) {
        Dense out(in.shape());
        DropoutKernel<D>::run(out.data(), in.data(), in.size(), stream, position, p);
        return out;
    };
    rng.set_position(rng.position() + static_cast<std::uint64_t>(value.size()));
    return detail::record_on(x, apply(value), [apply, slot = detail::slot_of(x)](auto const& gy) { deliver(slot, apply(gy)); });
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/dropout.cuh>
#endif
