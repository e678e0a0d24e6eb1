// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/tensor/tensor.hpp>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tacet {

/// What one training step sees: inputs and targets (N, H, W, C) with values in [0, 1] before noise, and where they come from.
struct Batch {
    Tensor<float, 4> input, target;
    std::vector<std::string> names;
};

/// Where batches come from: a pure function of the step, so that a resumed run sees what the uninterrupted one would have seen.
/// batch() may be called from another thread.
class BatchSource {
public:
    BatchSource() = default;
    BatchSource(BatchSource const&) = delete;
    BatchSource& operator=(BatchSource const&) = delete;
    virtual ~BatchSource() = default;
    virtual Batch batch(Index step) const = 0;
};

/// Position k of a pseudo-random permutation of [0, n) that depends on `key` and `epoch`: every epoch visits every element once.
/// A Feistel network of four rounds over the next even number of bits, walked until it lands inside (Black & Rogaway, 2002).
inline Index shuffled(Index k, Index n, std::uint64_t key, std::uint32_t epoch) {
    int half = 1;
    while ((Index(1) << (2 * half)) < n) ++half;
    auto const mask = (std::uint32_t(1) << half) - 1;
    auto v = static_cast<std::uint64_t>(k);
    do {
        auto left = static_cast<std::uint32_t>(v >> half), right = static_cast<std::uint32_t>(v) & mask;
        for (std::uint32_t round = 0; round < 4; ++round) {
            auto const mixed = u32_at(Stream{.seed = key, .purpose = Purpose::shuffle, .image = round, .epoch = epoch}, right);
            auto const next = left ^ (mixed & mask);
            left = right, right = next;
        }
        v = (std::uint64_t(left) << half) | right;
    } while (v >= static_cast<std::uint64_t>(n));
    return static_cast<Index>(v);
}

/// Makes the batches of the coming steps in a thread of its own.
class Prefetcher {
public:
    Prefetcher(BatchSource const& source, Index first, Index last, std::size_t depth = 3)
        : source_(source), next_(first), last_(last), depth_(depth), worker_([this] { work(); }) {}
    ~Prefetcher() {
        {
            std::lock_guard const lock(mutex_);
            stop_ = true;
        }
        changed_.notify_all();
        worker_.join();
    }
    Prefetcher(Prefetcher const&) = delete;
    Prefetcher& operator=(Prefetcher const&) = delete;

    /// The batch of the next step; rethrows what went wrong while it was made.
    Batch next() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !ready_.empty() || error_; });
        if (ready_.empty()) std::rethrow_exception(error_);
        Batch b = std::move(ready_.front());
        ready_.pop_front();
        changed_.notify_all();
        return b;
    }

private:
    void work() {
        std::unique_lock lock(mutex_);
        while (!stop_ && next_ < last_) {
            lock.unlock();
            Batch b;
            std::exception_ptr error;
            try {
                b = source_.batch(next_);
            } catch (...) {
                error = std::current_exception();
            }
            lock.lock();
            ++next_;
            if (error) {
                error_ = error;
                changed_.notify_all();
                return;
            }
            ready_.push_back(std::move(b));
            changed_.notify_all();
            changed_.wait(lock, [this] { return stop_ || ready_.size() < depth_; });
        }
    }

    BatchSource const& source_;
    Index next_, last_;
    std::size_t depth_;
    bool stop_ = false;
    std::exception_ptr error_;
    std::deque<Batch> ready_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::thread worker_;  // last: starts when everything else is there
};

}  // namespace tacet
