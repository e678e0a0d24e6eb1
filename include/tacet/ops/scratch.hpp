// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/shape.hpp>
#include <utility>

namespace tacet::detail::kernel {

/// Memory of this thread for `count` elements, 64-byte aligned, not initialised, kept for the next call. One slot per purpose:
/// a slot's content is valid until the same thread asks for the slot again.
template <class T, int Slot> T* scratch(Index count) {
    struct Held {
        T* data = nullptr;
        Index size = 0;
        Held() = default;
        Held(Held const&) = delete;
        Held& operator=(Held const&) = delete;
        ~Held() { Memory<Cpu>::release(data, bytes(size)); }
        static std::size_t bytes(Index n) { return static_cast<std::size_t>(n) * sizeof(T); }
    };
    thread_local Held held;
    if (held.size < count) {
        Memory<Cpu>::release(std::exchange(held.data, nullptr), Held::bytes(std::exchange(held.size, 0)));
        held.data = static_cast<T*>(Memory<Cpu>::allocate(Held::bytes(count)));
        held.size = count;
    }
    return held.data;
}
inline constexpr int window_slot = 0, gradient_slot = 1, weight_slot = 2, partial_slot = 3, tile_slot = 4, product_slot = 5;

}  // namespace tacet::detail::kernel
