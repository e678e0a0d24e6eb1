// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>

// Arrays whose type a call names, as libraries for GPUs take them.
namespace emulation {

enum class Number { float32, float64, float16, bfloat16 };

inline double element(void const* data, Number type, long long k) {
    switch (type) {
        case Number::float32: break;
        case Number::float64: return static_cast<double const*>(data)[k];
        case Number::float16: return static_cast<float>(static_cast<tacet::Half const*>(data)[k]);
        case Number::bfloat16: return static_cast<float>(static_cast<tacet::BFloat16 const*>(data)[k]);
    }
    return static_cast<float const*>(data)[k];
}
/// Rounds x to the type.
inline void store(void* data, Number type, long long k, double x) {
    auto const narrow = static_cast<float>(x);
    switch (type) {
        case Number::float32: static_cast<float*>(data)[k] = narrow; break;
        case Number::float64: static_cast<double*>(data)[k] = x; break;
        case Number::float16: static_cast<tacet::Half*>(data)[k] = tacet::Half(narrow); break;
        case Number::bfloat16: static_cast<tacet::BFloat16*>(data)[k] = tacet::BFloat16(narrow); break;
    }
}

}  // namespace emulation
