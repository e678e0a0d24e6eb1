// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/block_cache.hpp>
#include <tacet/core/error.hpp>
#include <tacet/core/shape.hpp>
#include <limits>
#include <memory>
#include <utility>

namespace tacet {

/// Reference-counted memory of a device: owned, or foreign and kept alive by whatever `keep` holds.
template <Device D> class Buffer {
public:
    Buffer() = default;
    /// Owned memory for `count` elements of `item` bytes, uninitialised. Throws OutOfMemory when it cannot be had.
    Buffer(Index count, std::size_t item) {
        auto const limit = std::numeric_limits<std::size_t>::max() / 2 / item;
        check(count >= 0 && static_cast<std::size_t>(count) <= limit, "cannot allocate ", count, " elements of ", item, " bytes");
        if (count == 0) return;
        auto bytes = static_cast<std::size_t>(count) * item;
        auto const own = detail::own_cache<D>();
        void* const block = (own ? *own : detail::block_cache<D>()).take(bytes);
        memory_ = std::shared_ptr<void>(block, [bytes, own](void* p) { (own ? *own : detail::block_cache<D>()).give(p, bytes); });
    }
    /// Foreign memory; `keep` lives as long as the buffer.
    Buffer(void* data, std::shared_ptr<void> keep) : memory_(std::move(keep), data) {}

    void* data() const { return memory_.get(); }
    /// What keeps the memory alive.
    std::shared_ptr<void> const& keeper() const { return memory_; }
    /// Whether no other tensor shares this memory, so that writing to it is seen by nobody else.
    bool unique() const { return memory_.use_count() == 1; }

private:
    std::shared_ptr<void> memory_;
};

}  // namespace tacet
