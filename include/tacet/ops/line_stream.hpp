// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <tacet/core/simd.hpp>
#include <algorithm>
#include <cstdint>

namespace tacet::detail::kernel {

/// Writes neighbouring elements past the caches. They come in runs, made at room() in `near`, then pushed: whole lines of 64 bytes are
/// streamed to where they belong, the rest is carried over to the next run. Others see the elements after finish().
template <class T> class LineStream {
    static constexpr int line = 64 / static_cast<int>(sizeof(T));

public:
    /// How many elements `near`, which is 64-byte aligned, must have for runs of n made in whole registers.
    static Index size_near(Index n) { return (n + 3 * line - 1) / line * line; }

    LineStream() = default;
    LineStream(T* to, T* near)
        : to_(to), near_(near), first_(static_cast<Index>(reinterpret_cast<std::uintptr_t>(to) / sizeof(T) % line)), used_(first_) {}

    T* room() const { return near_ + used_; }
    void push(Index n) {
        used_ += n;
        Index const whole = used_ / line * line;
        if (whole == 0) return;
        Index k = 0;
        if (first_ > 0) copy(k = line);
        for (; k < whole; k += Simd<T>::lanes) Simd<T>::load(near_ + k).stream(to_ + (k - first_));
        to_ += whole - first_;
        std::copy(near_ + whole, near_ + used_, near_);
        used_ -= whole;
        first_ = 0;
    }
    void finish() {
        copy(used_);
        Simd<T>::fence();
    }

private:
    void copy(Index end) const { std::copy(near_ + first_, near_ + end, to_); }

    T *to_ = nullptr, *near_ = nullptr;
    Index first_ = 0, used_ = 0;  // near_[k] goes to to_[k - first_]: lines begin at multiples of their length
};

}  // namespace tacet::detail::kernel
