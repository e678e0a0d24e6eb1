// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/config.hpp>
#if TACET_WITH_CUDA
#include <cstdint>
#include <utility>

namespace tacet {

/// While one lives, the kernels of this thread add the number at `epoch`, in the GPU's memory, to the epochs of the streams that they draw
/// from, as it stands when they run: what is recorded once and launched for every step (see Replay) draws anew in each.
class LiveEpoch {
public:
    explicit LiveEpoch(std::uint32_t const* epoch) : before_(std::exchange(current(), epoch)) {}
    ~LiveEpoch() { current() = before_; }
    LiveEpoch(LiveEpoch const&) = delete;
    LiveEpoch& operator=(LiveEpoch const&) = delete;

    /// That of the innermost one; null: there is none.
    static std::uint32_t const*& current() {
        thread_local std::uint32_t const* epoch = nullptr;
        return epoch;
    }

private:
    std::uint32_t const* before_;
};

}  // namespace tacet
#endif
