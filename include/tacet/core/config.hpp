// SPDX-License-Identifier: MIT
#pragma once

#define TACET_VERSION_MAJOR 0
#define TACET_VERSION_MINOR 1
#define TACET_VERSION_PATCH 0
#define TACET_VERSION "0.1.0"

#if defined(__CUDACC__) && !defined(__CUDACC_RELAXED_CONSTEXPR__)
#error "tacet needs nvcc's option --expt-relaxed-constexpr: link to tacet::cuda, which passes it"
#endif

namespace tacet {

/// An instruction set, as a type: part of the name of every template that takes a device (see `Cpu` in device.hpp), so that
/// units compiled with different flags use different symbols instead of silently sharing one.
namespace instruction_set {
struct Avx512 { static constexpr char const* name = "avx512"; };
struct Avx2 { static constexpr char const* name = "avx2"; };
struct Neon { static constexpr char const* name = "neon"; };
struct Sse2 { static constexpr char const* name = "sse2"; };
struct Scalar { static constexpr char const* name = "scalar"; };

// What the compiler's flags allow; TACET_WITH_SCALAR=1, set for all units of a program, asks for one lane at a time instead.
#if TACET_WITH_SCALAR
using Native = Scalar;
#elif defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
using Native = Avx512;
#elif defined(__AVX2__) && defined(__FMA__)
using Native = Avx2;
#elif defined(__ARM_NEON)
using Native = Neon;
#elif defined(__SSE2__)
using Native = Sse2;
#else
using Native = Scalar;
#endif
}  // namespace instruction_set

/// The instruction set this unit was compiled for: "avx512", "avx2", "neon", "sse2" or "scalar".
constexpr char const* isa() { return instruction_set::Native::name; }

}  // namespace tacet
