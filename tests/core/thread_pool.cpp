// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <tacet/core/thread_pool.hpp>
#include <array>
#include <cstdlib>
#include <set>
#include <string>
#include <sys/wait.h>

namespace thread_pool_test {
using namespace tacet;

namespace {
/// Restores the number of threads at the end of a test.
struct Threads {
    int before = num_threads();
    explicit Threads(int n) { set_num_threads(n); }
    ~Threads() { set_num_threads(before); }
};
std::string message_of(auto&& f) {
    try {
        f();
    } catch (std::exception const& e) { return e.what(); }
    return "nothing thrown";
}
}  // namespace

TEST_CASE("parallel_for runs every task exactly once, whatever the number of threads") {
    for (int threads : {1, 2, 3, 8}) {
        Threads const guard(threads);
        REQUIRE(num_threads() == threads);
        for (Index tasks : {0, 1, 2, 7, 1000}) {
            std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks));
            parallel_for(tasks, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
            for (auto const& n : runs) REQUIRE(n == 1);
        }
    }
}

TEST_CASE("several threads take part, the caller among them") {
    Threads const guard(4);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    parallel_for(64, [&](Index) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
    });
    CHECK(seen.size() >= 2);
    CHECK(seen.size() <= 4);
    CHECK(seen.count(std::this_thread::get_id()) == 1);
}

TEST_CASE("many short loops in a row, with pauses long enough to fall asleep") {
    Threads const guard(3);
    Index sum = 0;
    for (int loop = 0; loop < 3000; ++loop) {
        std::array<Index, 5> parts{};
        parallel_for(5, [&](Index i) { parts[static_cast<std::size_t>(i)] = i + loop; });
        for (Index p : parts) sum += p;
        if (loop % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(sum == 3000 * 10 + 5 * (2999 * 3000 / 2));
}

TEST_CASE("nested loops run serially in the task that starts them") {
    Threads const guard(2);
    std::atomic<int> strangers{0}, runs{0};
    parallel_for(4, [&](Index) {
        auto const me = std::this_thread::get_id();
        parallel_for(10, [&](Index) { ++runs, strangers += std::this_thread::get_id() != me; });
    });
    CHECK(runs == 40);
    CHECK(strangers == 0);
}

TEST_CASE("the exception of a task reaches the caller and the pool stays usable") {
    for (int threads : {1, 2}) {
        Threads const guard(threads);
        CHECK(message_of([] { parallel_for(100, [](Index i) { check(i != 13, "task ", i, " failed"); }); }) == "task 13 failed");
        std::atomic<Index> sum{0};
        parallel_for(100, [&](Index i) { sum += i; });
        CHECK(sum == 4950);
    }
}

TEST_CASE("every task may fail: one exception arrives") {
    Threads const guard(2);
    CHECK_THROWS_AS(parallel_for(100, [](Index i) { throw Error(std::to_string(i)); }), Error);
}

TEST_CASE("two application threads may run loops at once") {
    Threads const guard(2);
    std::array<std::atomic<Index>, 2> sums{};
    auto const loops = [&](std::size_t who) {
        for (int k = 0; k < 500; ++k) parallel_for(20, [&](Index i) { sums[who] += i; });
    };
    std::thread other([&] { loops(1); });
    loops(0);
    other.join();
    CHECK(sums[0] == 500 * 190);
    CHECK(sums[1] == 500 * 190);
}

TEST_CASE("parallel_ranges covers [0, n) with ranges that depend on n and the grain only") {
    for (int threads : {1, 3}) {
        Threads const guard(threads);
        std::mutex mutex;
        std::set<std::pair<Index, Index>> ranges;
        parallel_ranges(10, 4, [&](Index begin, Index end) {
            std::lock_guard lock(mutex);
            ranges.insert({begin, end});
        });
        CHECK(ranges == std::set<std::pair<Index, Index>>{{0, 4}, {4, 8}, {8, 10}});
    }
    std::atomic<int> calls{0};
    parallel_ranges(0, 4, [&](Index, Index) { ++calls; });
    CHECK(calls == 0);
    parallel_ranges(3, 0, [&](Index, Index) { ++calls; });  // a grain below one counts as one
    CHECK(calls == 3);
}

TEST_CASE("set_num_threads refuses what makes no sense") {
    CHECK(message_of([] { set_num_threads(0); }) == "set_num_threads: 0 is not between 1 and 1024");
    Threads const guard(2);
    CHECK(message_of([] { parallel_for(2, [](Index) { set_num_threads(1); }); }) == "set_num_threads: called inside a parallel loop");
}

TEST_CASE("TACET_NUM_THREADS sets the default and must be a number") {
    char const* const before = std::getenv("TACET_NUM_THREADS");
    std::string const kept = before ? before : "";
    setenv("TACET_NUM_THREADS", "5", 1);
    CHECK(detail::default_threads() == 5);
    setenv("TACET_NUM_THREADS", "many", 1);
    CHECK(message_of([] { detail::default_threads(); }) == "TACET_NUM_THREADS is 'many': expected a number from 1 to 1024");
    unsetenv("TACET_NUM_THREADS");
    CHECK(detail::default_threads() >= 1);
    if (before) setenv("TACET_NUM_THREADS", kept.c_str(), 1);
}

TEST_CASE("a forked child can run loops and exit") {
    Threads const guard(2);
    parallel_for(4, [](Index) {});
    pid_t const child = fork();
    if (child == 0) {
        std::atomic<Index> sum{0};
        parallel_for(10, [&](Index i) { sum += i; });
        set_num_threads(1);  // destroys the pool whose workers stayed behind
        _exit(sum == 45 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
}  // namespace thread_pool_test
