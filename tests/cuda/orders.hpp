// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#if __has_include(<emulator.hpp>)
#include <emulator.hpp>
#endif

namespace tacet::test {

// The orders in which the threads of a device go on: an emulated one is asked for several, a GPU has one of its own.
#if __has_include(<emulator.hpp>)
constexpr bool emulated = true;
constexpr std::uint64_t device_orders = 2;
inline void set_device_order(std::uint64_t order) { emulation::set_seed(order); }
#else
constexpr bool emulated = false;
constexpr std::uint64_t device_orders = 1;
inline void set_device_order(std::uint64_t) {}
#endif

}  // namespace tacet::test
