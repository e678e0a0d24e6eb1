// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

// Copies from global to shared memory that a thread starts now and waits for later (cp.async, compute capability 8.0). What others may read
// needs a barrier after the wait.
namespace tacet {

/// Starts to copy `bytes` (4, 8 or 16, and aligned to as many on both sides), or zeros when not `valid`; `from` is not read then.
template <int bytes> __device__ void copy_async(void* to /* shared */, void const* from /* global */, bool valid = true) {
    static_assert(bytes == 4 || bytes == 8 || bytes == 16);
    auto const address = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
    int const size = valid ? bytes : 0;
    if constexpr (bytes == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(size) : "memory");
    else asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(from), "n"(bytes), "r"(size) : "memory");
}
/// The copies since the last call become a group.
__device__ inline void close_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits for all groups of this thread but the `pending` latest.
template <int pending = 0> __device__ void wait_for_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory"); }

}  // namespace tacet
