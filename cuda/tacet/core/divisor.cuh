// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <cstdint>

namespace tacet::gpu {

/// Divides numbers from 0 to 2^31 - 1 by one in [1, 2^31) that the host knows: with a product, in three instructions instead of some
/// twenty (Granlund and Montgomery, Division by invariant integers using multiplication, 1994).
class Divisor {
public:
    explicit Divisor(Index d = 1) : shift_(0) {
        while (Index(1) << shift_ < d) ++shift_;
        multiplier_ = static_cast<std::uint32_t>((((Index(1) << shift_) - d) << 32) / d + 1);
    }
    __device__ int operator()(int n) const {
        auto const x = static_cast<std::uint32_t>(n);
        return static_cast<int>((static_cast<std::uint32_t>(std::uint64_t(x) * multiplier_ >> 32) + x) >> shift_);
    }

private:
    std::uint32_t multiplier_;
    int shift_;
};

}  // namespace tacet::gpu
