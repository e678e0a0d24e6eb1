// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/precision.hpp>

namespace tacet {

/// While one lives, the convolutions that this thread computes on a GPU, and their gradients, are those of cuDNN, where it has an algorithm
/// with the same bits every time: for zero padding and images that lie in memory as they are seen. Other convolutions, those that pool, and
/// transposed ones with a bias are ours. Biases and activations follow in a pass of their own, and gradients of weights are rounded to the
/// type of the images. To compare with; of no effect on the CPU. What is deferred or recorded counts from when it is computed.
/// Throws Error where `built` is false.
class CudnnConvolutions : public detail::Wish<CudnnConvolutions> {
public:
    /// Whether this build has cuDNN (CMake: TACET_WITH_CUDNN).
#if TACET_WITH_CUDNN
    static constexpr bool built = true;
#else
    static constexpr bool built = false;
#endif
    explicit CudnnConvolutions(bool wanted = true) : Wish(wanted) {
        check(built || !wanted, "this build has no cuDNN: its headers and library were not found, or TACET_WITH_CUDNN is OFF");
    }
};

}  // namespace tacet
