// SPDX-License-Identifier: MIT
#pragma once

// What the 32 threads of a warp do together. All of them must take part.
namespace tacet {
namespace warp {

constexpr int size = 32;

/// This thread's number in its warp, and its warp's in the block.
__device__ inline int lane() { return static_cast<int>(threadIdx.x % size); }
__device__ inline int number() { return static_cast<int>(threadIdx.x / size); }

/// v of the lane whose number differs from this one's in the bits of `mask`.
template <class T> __device__ T exchange(T v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
/// v of the lane `from`.
template <class T> __device__ T broadcast(T v, int from) { return __shfl_sync(0xffffffffu, v, from); }
/// What the lanes wrote to shared memory before is seen by all of them after.
__device__ inline void sync() { __syncwarp(); }

}  // namespace warp
}  // namespace tacet
