// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/core/half.hpp>
#include <tacet/core/precision.hpp>
#include <tacet/nn/module.hpp>
#include <type_traits>

namespace tacet {

namespace detail {
/// Whether the network M, on a GPU, can keep its images in 16 bits: whether its call takes ComputedIn.
template <class M> constexpr bool has_16_bits =
    !std::is_same_v<device_of<M>, Cpu> &&
    requires(M const& m, Variable<float, 4, device_of<M>> const& x) { m(x, computed_in<BFloat16>); };
}  // namespace detail

/// Throws Error unless the network M can be computed so.
template <class M> void check_precision(Precision precision) {
    if (detail::has_16_bits<M> || precision == Precision::float32) return;
    check(!std::is_same_v<device_of<M>, Cpu>, "images of 16 bits and rounded products are for GPUs: precision must be float32, not ",
          precision);
    check(precision == Precision::tf32, "this network keeps its images in float32 alone, not in ", precision);
}

/// While what this returns lives, products are rounded if `precision` says so, or if they were before.
inline TensorFloat32 rounding_of(Precision precision) {
    return TensorFloat32(precision == Precision::tf32 || TensorFloat32::wanted());
}

/// model(x, more...), its images kept as `precision` says, for which check_precision has nothing to say. Computed when it returns.
template <class M, class... More>
Variable<float, 4, device_of<M>> call_in(Precision precision, M const& model, Variable<float, 4, device_of<M>> const& x,
                                         More const&... more) {
    TensorFloat32 const rounded = rounding_of(precision);
    if constexpr (detail::has_16_bits<M>) {
        if (precision == Precision::bfloat16) return model(x, computed_in<BFloat16>, more...);
        if (precision == Precision::half) return model(x, computed_in<Half>, more...);
    }
    return model(x, more...);
}

}  // namespace tacet
