// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/core/shape.hpp>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

namespace tacet {
namespace detail {

/// Set while this thread runs a task: loops inside tasks run serially.
inline thread_local bool inside_task = false;

/// The threads behind parallel_for. `state_` holds a stop bit, an open bit and the number of workers inside the current loop;
/// workers enter only while the loop is open, so a worker that wakes up late finds the door closed and the caller never waits for it.
class ThreadPool {
public:
    explicit ThreadPool(int threads) {
        try {
            for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
        } catch (std::system_error const&) {  // no more threads to be had: those that started will do
        }
    }
    ~ThreadPool() {
        state_.fetch_or(stop, std::memory_order_release);
        state_.notify_all();
        for (auto& worker : workers_) process_ == getpid() ? worker.join() : worker.detach();  // a forked child has no workers
    }
    ThreadPool(ThreadPool const&) = delete;
    ThreadPool& operator=(ThreadPool const&) = delete;

    /// Runs the loop on all threads, and the caller's; one loop at a time.
    void run(Index tasks, void (*task)(void*, Index), void* body) {
        task_ = task, body_ = body, tasks_ = tasks;
        failure_ = nullptr;
        failed_.store(false, std::memory_order_relaxed);
        next_.store(0, std::memory_order_relaxed);
        state_.store(open, std::memory_order_release);
        state_.notify_all();
        take_part();
        wait_until([this] { return state_.load(std::memory_order_acquire) == 0; }, emptied_);
        if (failure_) std::rethrow_exception(std::move(failure_));
    }

private:
    static constexpr std::uint32_t stop = 1u << 31, open = 1u << 30;

    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
    /// Spins for about 100 us (to wake a sleeper takes as long), then sleeps until `bell` changes.
    static void wait_until(auto const& done, std::atomic<std::uint32_t>& bell) {
        auto const start = std::chrono::steady_clock::now();
        for (int i = 1; !done(); ++i) {
            pause();
            if (i % 32 || std::chrono::steady_clock::now() - start < std::chrono::microseconds(100)) continue;
            auto const before = bell.load();  // before the last look at `done`: a change after it ends the wait
            if (!done()) bell.wait(before);
        }
    }
    void work() {
        for (;;) {
            wait_until([this] { return state_.load(std::memory_order_relaxed) >= open; }, state_);
            auto s = state_.load(std::memory_order_relaxed);
            if (s & stop) return;
            if (!(s & open) || !state_.compare_exchange_weak(s, s + 1, std::memory_order_acquire)) continue;
            take_part();
            if (state_.fetch_sub(1, std::memory_order_release) == 1) {
                emptied_.fetch_add(1);
                emptied_.notify_one();
            }
        }
    }
    /// Takes tickets until there are none, then closes the door.
    void take_part() {
        inside_task = true;
        for (Index i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) {
            try {
                if (!failed_.load(std::memory_order_relaxed)) task_(body_, i);
            } catch (...) {
                if (!failed_.exchange(true)) failure_ = std::current_exception();
            }
        }
        inside_task = false;
        state_.fetch_and(~open, std::memory_order_release);
    }

    alignas(64) std::atomic<std::uint32_t> state_{0};
    alignas(64) std::atomic<Index> next_{0};
    alignas(64) std::atomic<std::uint32_t> emptied_{0};
    std::atomic<bool> failed_{false};
    std::exception_ptr failure_;
    void (*task_)(void*, Index) = nullptr;
    void* body_ = nullptr;
    Index tasks_ = 0;
    pid_t process_ = getpid();
    std::vector<std::thread> workers_;
};

/// TACET_NUM_THREADS, else the processors this process may run on.
inline int default_threads() {
    if (char const* text = std::getenv("TACET_NUM_THREADS"); text && *text) {
        int n = 0;
        auto const [end, error] = std::from_chars(text, text + std::strlen(text), n);
        check(error == std::errc{} && !*end && n >= 1 && n <= 1024, "TACET_NUM_THREADS is '", text, "': expected a number from 1 to 1024");
        return n;
    }
#if defined(__linux__)
    if (cpu_set_t set; sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

/// The process's pool, started by its first use; `mutex` is held by the loop that uses it.
struct SharedPool {
    std::mutex mutex;
    std::atomic<int> threads{default_threads()};
    std::unique_ptr<ThreadPool> pool;
};
inline SharedPool& shared_pool() {
    static SharedPool shared;
    return shared;
}

}  // namespace detail

/// Threads that loops may use, the caller's included: TACET_NUM_THREADS, else the processors this process may run on.
inline int num_threads() { return detail::shared_pool().threads.load(std::memory_order_relaxed); }

/// Sets the number of threads (1 to 1024) for the loops that follow; results do not depend on it. Throws Error inside a task.
inline void set_num_threads(int n) {
    check(n >= 1 && n <= 1024, "set_num_threads: ", n, " is not between 1 and 1024");
    check(!detail::inside_task, "set_num_threads: called inside a parallel loop");
    auto& shared = detail::shared_pool();
    std::lock_guard lock(shared.mutex);
    shared.threads = n;
    shared.pool.reset();
}

/// Calls body(task) once for each task in [0, tasks), on several threads in no particular order. A loop inside a task, or beside a loop of
/// another application thread, runs serially in its caller. The first exception of a task reaches the caller; tasks not yet begun are then
/// skipped.
template <class F> void parallel_for(Index tasks, F&& body) {
    using Body = std::remove_reference_t<F>;
    auto& shared = detail::shared_pool();
    if (tasks > 1 && !detail::inside_task && num_threads() > 1) {
        if (std::unique_lock lock(shared.mutex, std::try_to_lock); lock) {
            if (!shared.pool) shared.pool = std::make_unique<detail::ThreadPool>(num_threads());
            return shared.pool->run(
                tasks, [](void* f, Index i) { (*static_cast<Body*>(f))(i); },
                const_cast<void*>(static_cast<void const*>(std::addressof(body))));
        }
    }
    for (Index i = 0; i < tasks; ++i) body(i);
}

/// Calls body(begin, end) for consecutive ranges of `grain` (the last one shorter) that cover [0, n): the ranges depend on n and grain
/// alone.
template <class F> void parallel_ranges(Index n, Index grain, F&& body) {
    grain = std::max<Index>(grain, 1);
    parallel_for((n + grain - 1) / grain, [&](Index i) { body(i * grain, std::min(n, (i + 1) * grain)); });
}

}  // namespace tacet
