// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device.hpp>
#include <tacet/core/error.hpp>
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>
// The address sanitizer's own functions, null where a program is without it.
extern "C" [[gnu::weak]] void __asan_poison_memory_region(void const volatile*, std::size_t);
extern "C" [[gnu::weak]] void __asan_unpoison_memory_region(void const volatile*, std::size_t);

namespace tacet {

/// What tensors of a device hold, in bytes; `allocations` counts the blocks that were asked of the system so far.
struct MemoryStatistics {
    std::size_t live = 0;    // in use by tensors
    std::size_t cached = 0;  // kept for the next ones
    std::size_t peak = 0;    // the most that was live at once
    std::size_t limit = std::numeric_limits<std::size_t>::max();
    std::uint64_t allocations = 0;
};

namespace detail {

/// Sizes of blocks: multiples of a quarter of a power of two, 64 bytes at least: a new block has at most a quarter more than was asked.
struct SizeClass {
    std::size_t index, bytes;

    static constexpr std::size_t count = 4 + 4 * 56;
    static constexpr SizeClass of(std::size_t n) {
        if (n <= 256) return {n ? (n - 1) / 64 : 0, n ? (n + 63) / 64 * 64 : 64};
        auto const octave = static_cast<std::size_t>(std::bit_width(n - 1)) - 1, quarter = std::size_t(1) << (octave - 2);
        std::size_t const bytes = (n + quarter - 1) / quarter * quarter;
        return {4 * (octave - 8) + (bytes - (std::size_t(1) << octave)) / quarter + 3, bytes};
    }
};

/// Tells the address sanitizer whether a block may be touched: to it, a cached block is as gone as a freed one.
inline void set_reachable(void* p, std::size_t bytes, bool reachable) {
    auto const tell = reachable ? __asan_unpoison_memory_region : __asan_poison_memory_region;
    if (tell) tell(p, bytes);
}

/// The most that a device's tensors should hold, in use or not, while this thread asks for memory: see HeldMemory.
template <Device D> std::size_t& wanted_held_bytes() {
    thread_local std::size_t bytes = std::numeric_limits<std::size_t>::max();
    return bytes;
}

/// What a cache does with blocks that wait. `sparing`: larger ones serve, too, and those that nobody wants go back to the system.
/// `repeatable`: each serves its own size alone and stays, so that requests which were met once are met again.
enum class CachePolicy { sparing, repeatable };

/// The memory of a device's tensors: blocks that are given back wait for the next tensor of their size, because fresh pages cost more
/// than most operations. May be used by several threads.
template <Device D> class BlockCache {
public:
    explicit BlockCache(CachePolicy policy = CachePolicy::sparing) : policy_(policy) {}
    BlockCache(BlockCache const&) = delete;
    BlockCache& operator=(BlockCache const&) = delete;
    /// When nothing uses its blocks any more.
    ~BlockCache() { trim(); }

    /// A block of at least `bytes`; `bytes` becomes its size. Throws OutOfMemory where it cannot be had.
    void* take(std::size_t& bytes) {
        std::size_t const asked = bytes;
        void* const block = take_block(bytes);
        if (!sealed_) set_reachable(static_cast<char*>(block) + asked, bytes - asked, false);  // nothing may be read behind the end
        return block;
    }
    void give(void* p, std::size_t bytes) noexcept {
        std::lock_guard lock(mutex_);
        s_.live -= bytes;
        auto& list = free_[SizeClass::of(bytes).index];
        try {
            list.push_back({p, bytes, ++clock_});
        } catch (...) {
            set_reachable(p, bytes, true);
            return Memory<D>::release(p, bytes);
        }
        s_.cached += bytes;
        if (!sealed_) set_reachable(p, bytes, false);
    }
    /// Gives cached blocks back to the system, those that waited longest first, until at most `keep` bytes are cached.
    void trim(std::size_t keep = 0) noexcept {
        std::lock_guard lock(mutex_);
        trim_locked(keep);
    }
    MemoryStatistics statistics() const {
        std::lock_guard lock(mutex_);
        return s_;
    }
    /// Before kernels are recorded: from now on nothing is asked of the system, and what is cached is in use by those kernels, though by no
    /// tensor.
    void seal() {
        std::lock_guard lock(mutex_);
        sealed_ = true;
        for (auto const& list : free_)
            for (Block const& block : list) set_reachable(block.data, block.bytes, true);
    }
    void set_limit(std::size_t bytes) {
        std::lock_guard lock(mutex_);
        s_.limit = bytes;
        trim_locked(bytes - std::min(bytes, s_.live));
    }

private:
    struct Block {
        void* data;
        std::size_t bytes;
        std::uint64_t since;
    };

    void* take_block(std::size_t& bytes) {
        std::lock_guard lock(mutex_);
        SizeClass const size = SizeClass::of(bytes);
        bool const room = size.bytes <= s_.limit && s_.live <= s_.limit - size.bytes;
        bool const sparing = wanted_held_bytes<D>() < s_.limit;
        std::size_t const classes = policy_ == CachePolicy::repeatable ? 1 : sparing ? 2 : 5;  // up to a quarter larger, or twice as large
        for (std::size_t k = size.index; room && k < std::min(size.index + classes, SizeClass::count); ++k) {
            if (free_[k].empty() || free_[k].back().bytes > s_.limit - s_.live) continue;
            Block const block = free_[k].back();
            free_[k].pop_back();
            s_.cached -= block.bytes;
            set_reachable(block.data, block.bytes, true);
            return use(block.data, bytes = block.bytes);
        }
        return use(room ? fresh(size.bytes) : nullptr, bytes = size.bytes);
    }

    void* use(void* p, std::size_t bytes) {
        if (!p)
            throw OutOfMemory(concat_text(std::is_same_v<D, Cuda> ? "out of GPU memory: " : "out of memory: ", bytes >> 20,
                                          " MB were asked for, tensors hold ", s_.live >> 20, " MB",
                                          s_.limit < std::numeric_limits<std::size_t>::max()
                                              ? concat_text(" of at most ", s_.limit >> 20, " MB")
                                              : std::string()));
        s_.live += bytes;
        s_.peak = std::max(s_.peak, s_.live);
        return p;
    }
    /// A block of the system, or null. What is held then is at most twice what was ever live at once, and within the limit; also within
    /// what is wanted, unless more is in use.
    void* fresh(std::size_t bytes) {
        if (sealed_) throw Error("more memory is needed than the time before");
        std::size_t const then = s_.live + bytes, wanted = wanted_held_bytes<D>();
        if (policy_ != CachePolicy::repeatable)
            trim_locked(std::min({s_.limit - then, 2 * std::max(s_.peak, then) - then, wanted - std::min(wanted, then)}));
        for (int attempt = 0; attempt < 2; ++attempt) {
            try {
                void* const p = Memory<D>::allocate(bytes);
                ++s_.allocations;
                return p;
            } catch (std::bad_alloc const&) {
                trim_locked(0);
            }
        }
        return nullptr;
    }
    void trim_locked(std::size_t keep) noexcept {
        while (s_.cached > keep) {
            auto const oldest = std::min_element(free_.begin(), free_.end(), [](auto const& a, auto const& b) {
                return !a.empty() && (b.empty() || a.front().since < b.front().since);
            });
            Block const block = oldest->front();
            oldest->erase(oldest->begin());
            s_.cached -= block.bytes;
            set_reachable(block.data, block.bytes, true);
            Memory<D>::release(block.data, block.bytes);
        }
    }

    std::mutex mutable mutex_;
    std::array<std::vector<Block>, SizeClass::count> free_;
    std::uint64_t clock_ = 0;
    CachePolicy policy_;
    bool sealed_ = false;
    MemoryStatistics s_;
};

/// The cache of a device. It is never destroyed: tensors may outlive everything else.
template <Device D> BlockCache<D>& block_cache() {
    static auto& cache = *new BlockCache<D>;
    return cache;
}

/// The cache that this thread's new tensors take their memory from, and give it back to; null: the device's.
template <Device D> std::shared_ptr<BlockCache<D>>& own_cache() {
    thread_local std::shared_ptr<BlockCache<D>> cache;
    return cache;
}

}  // namespace detail

/// While one lives, new tensors of this thread have memory that no others get, not even when they are gone: that of the given cache, which
/// lives as long as any of its tensors.
template <Device D = Cpu> class OwnMemory {
public:
    explicit OwnMemory(std::shared_ptr<detail::BlockCache<D>> cache) : before_(std::exchange(detail::own_cache<D>(), std::move(cache))) {}
    ~OwnMemory() { detail::own_cache<D>() = std::move(before_); }
    OwnMemory(OwnMemory const&) = delete;
    OwnMemory& operator=(OwnMemory const&) = delete;

private:
    std::shared_ptr<detail::BlockCache<D>> before_;
};

/// What the tensors of a device hold now, but for those with memory of their own.
template <Device D = Cpu> MemoryStatistics memory_statistics() { return detail::block_cache<D>().statistics(); }

/// Bounds what the tensors of a device may hold at once, in bytes; a tensor beyond it is an OutOfMemory. Without bound by default.
template <Device D = Cpu> void set_memory_limit(std::size_t bytes) { detail::block_cache<D>().set_limit(bytes); }

/// While one lives, this thread gives what tensors no longer use back to the system before it takes more than `more` bytes beyond what is
/// in use at first: a wish, which what is in use may exceed.
template <Device D = Cpu> class HeldMemory {
public:
    explicit HeldMemory(std::size_t more) : before_(detail::wanted_held_bytes<D>()) {
        std::size_t const live = memory_statistics<D>().live, most = std::numeric_limits<std::size_t>::max();
        detail::wanted_held_bytes<D>() = std::min(before_, more < most - live ? live + more : most);
    }
    ~HeldMemory() { detail::wanted_held_bytes<D>() = before_; }
    HeldMemory(HeldMemory const&) = delete;
    HeldMemory& operator=(HeldMemory const&) = delete;

private:
    std::size_t before_;
};

/// Gives the memory that no tensor uses back to the system.
template <Device D = Cpu> void release_cached_memory() { detail::block_cache<D>().trim(); }

}  // namespace tacet
