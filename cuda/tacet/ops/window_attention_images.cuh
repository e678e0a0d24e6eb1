// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/half.hpp>
#include <tacet/ops/window_attention.hpp>
#include <cmath>

namespace tacet::gpu {

/// What the kernels read: all images with their heads.
template <class T> struct AttentionImages {
    T const* qkv;              // (N, H, W, 3C)
    Wide<T> const* table;      // ((2M-1)^2, heads)
    std::uint8_t const* keep;  // (N, H, W), or null
    detail::WindowGrid grid;

    /// Query (0), key (1) or value (2) of a pixel, `grid.depth` numbers.
    __device__ T const* row(Index pixel, int which, Index head) const {
        return qkv + (pixel * 3 + which) * grid.channels() + head * grid.depth;
    }
    __device__ detail::WindowPlace place(detail::WindowOrigin const& window, Index slot) const {
        return slot < grid.slots() ? grid.place(window, slot / grid.window, slot % grid.window) : detail::WindowPlace{-1, 0};
    }
    /// The region of a key, -1 where it must not be seen.
    __device__ int region_of_key(detail::WindowPlace const& p) const {
        return p.pixel >= 0 && (!keep || keep[p.pixel]) ? static_cast<int>(p.region) : -1;
    }
    __device__ Wide<T> scale() const { return 1 / std::sqrt(static_cast<Wide<T>>(grid.depth)); }
};

/// Where the gradients go: `part` (workers, (2M-1)^2, heads), the table's by worker.
template <class T> struct AttentionGradients {
    T* gqkv;  // (N, H, W, 3C), or null
    Wide<T>* part;
    T const* gy;  // (N, H, W, C)

    __device__ T* row(detail::WindowGrid const& grid, Index pixel, int which, Index head) const {
        return gqkv + (pixel * 3 + which) * grid.channels() + head * grid.depth;
    }
    __device__ T const* gy_row(detail::WindowGrid const& grid, Index pixel, Index head) const {
        return gy + pixel * grid.channels() + head * grid.depth;
    }
};

}  // namespace tacet::gpu
