// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/config.hpp>
#if TACET_WITH_CUDA
#include <cstdint>
#include <utility>

namespace tacet {

/// What is added to the names of random numbers: to the epoch of a stream, and to where in a picture a tile's masks begin.
struct DrawShift {
    std::uint32_t epoch = 0, top = 0, left = 0;
};

/// While one lives, the kernels of this thread add the numbers at `shift`, in the GPU's memory, to what they draw by, as they stand when
/// they run: what is recorded once and launched for every step or tile (see Replay) draws anew in each.
class LiveDraw {
public:
    explicit LiveDraw(DrawShift const* shift) : before_(std::exchange(current(), shift)) {}
    ~LiveDraw() { current() = before_; }
    LiveDraw(LiveDraw const&) = delete;
    LiveDraw& operator=(LiveDraw const&) = delete;

    /// That of the innermost one; null: there is none.
    static DrawShift const*& current() {
        thread_local DrawShift const* shift = nullptr;
        return shift;
    }

private:
    DrawShift const* before_;
};

}  // namespace tacet
#endif
