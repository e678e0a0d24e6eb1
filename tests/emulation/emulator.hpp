// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>

// Runs kernels on the host: every thread of a block is a fiber, a block runs until its threads meet a barrier or a primitive of their warp,
// and the order in which warps, and the lanes of a warp, go on is drawn from a seed. What a kernel may rely on by CUDA's rules it gets;
// what it may not (an order, a copy that it did not wait for, memory that nobody wrote) it gets differently with the next seed.
namespace emulation {

/// A kernel that broke a rule: lanes that meet at different primitives, a barrier that some never reach. The text names kernel and places.
struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

constexpr int warp_size = 32;
constexpr std::size_t most_threads = 1024, most_shared_bytes = 227 * 1024;  // of a block, compute capability 9.0

struct Extent {
    unsigned x = 1, y = 1, z = 1;
};

/// The order of warps and lanes from the next launch on.
void set_seed(std::uint64_t seed);

/// Runs thread() for every thread of every block, blocks in an order drawn from the seed, with `shared` bytes of shared memory each.
/// Throws Fault, and what a thread throws.
void run(std::string const& kernel, Extent grid, Extent block, std::size_t shared, std::function<void()> const& thread);

// What threads ask for while they run.

/// Shared memory of this block: bytes 0xff before anything is written, with guards that the address sanitizer knows on both sides.
std::byte* shared_memory();
/// All threads of the block, but for those that have ended.
void block_barrier();
/// All 32 lanes of this warp meet at `primitive`: when they have, all(operands in the order of lanes) is called once, then they go on.
void meet(char const* primitive, void* operand, void (*all)(std::span<void* const, warp_size> operands));

/// A copy to shared memory that happens when it is waited for: zeros for bytes beyond `valid`.
void copy_later(void* to, void const* from, std::size_t bytes, std::size_t valid);
/// The copies since the last call become a group.
void close_group();
/// All groups of this thread but the `pending` latest arrive.
void wait_for_groups(int pending);

}  // namespace emulation
