// SPDX-License-Identifier: MIT
#include <emulator.hpp>
#include <ucontext.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <random>
#include <vector>
#include <cuda_runtime.h>
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1  // clang
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulation {
namespace {

std::mt19937_64 order(1);

struct Copy {
    void* to;
    void const* from;
    std::size_t bytes, valid;
};

enum class State { ready, barrier, meeting, ended };

/// Where suspended code goes on: the five words that __builtin_setjmp() fills. Not by swapcontext(), which asks the system for the mask of
/// signals, nor by setjmp(), for whose longjmp() the address sanitizer clears what it knows of the stack: both cost many times what most
/// threads do between two switches.
struct Context {
    void* words[5];
};
// Not only noinline: a caller that knew which registers and which memory these use would keep values in the others, while other code runs.
#if defined(__clang__)
#define TACET_SWITCHES_STACKS gnu::noinline, gnu::no_sanitize_address
#else
#define TACET_SWITCHES_STACKS gnu::noipa, gnu::no_sanitize_address
#endif
[[noreturn, TACET_SWITCHES_STACKS]] void jump_to(Context& context) { __builtin_longjmp(context.words, 1); }
[[TACET_SWITCHES_STACKS]] void switch_context(Context& from, Context& to) {
    if (!__builtin_setjmp(from.words)) jump_to(to);
}

/// What runs a thread of a block, then one of the next block: a stack, and where on it to go on.
struct Fiber {
    static constexpr std::size_t stack_bytes = 256 * 1024;

    ucontext_t first_context;
    bool begun = false;
    Context context;
    std::unique_ptr<std::byte[]> stack{new std::byte[stack_bytes]};
    State state = State::ready;  // not ended: prepare() gives it its first context
    uint3 index;
    char const* place;  // the primitive that it waits at
    void* operand;
    void (*all)(std::span<void* const, warp_size>);
    std::vector<Copy> open_group;
    std::deque<std::vector<Copy>> groups;
    std::exception_ptr failure;
    void* fake_stack = nullptr;
};

/// The scheduler's own side of a switch, and the bounds of its stack for the address sanitizer.
struct Scheduler {
    Context context;
    void const* stack = nullptr;
    std::size_t stack_bytes = 0;
    void* fake_stack = nullptr;
    Fiber* running = nullptr;
    std::function<void()> const* thread = nullptr;
    std::byte* shared = nullptr;
} scheduler;

void leave_for([[maybe_unused]] void** fake_stack, [[maybe_unused]] void const* stack, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
#endif
}
void arrived([[maybe_unused]] void* fake_stack, [[maybe_unused]] void const** from, [[maybe_unused]] std::size_t* bytes) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, from, bytes);
#endif
}

/// From a fiber back to the scheduler, until it is resumed.
void yield(State state) {
    Fiber& self = *scheduler.running;
    self.state = state;
    leave_for(&self.fake_stack, scheduler.stack, scheduler.stack_bytes);
    switch_context(self.context, scheduler.context);
    arrived(self.fake_stack, &scheduler.stack, &scheduler.stack_bytes);
}

void enter() {
    arrived(nullptr, &scheduler.stack, &scheduler.stack_bytes);
    for (;;) {
        try {
            (*scheduler.thread)();
        } catch (...) {
            scheduler.running->failure = std::current_exception();
        }
        yield(State::ended);
    }
}

[[TACET_SWITCHES_STACKS]] void begin(Fiber& fiber) {
    fiber.begun = true;
    ucontext_t unused;
    // Not by setcontext(), for which the sanitizer would not forget what a thread had left on the stack.
    if (!__builtin_setjmp(scheduler.context.words)) swapcontext(&unused, &fiber.first_context);
}

void resume(Fiber& fiber) {
    scheduler.running = &fiber;
    threadIdx = fiber.index;
    leave_for(&scheduler.fake_stack, fiber.stack.get(), Fiber::stack_bytes);
    if (fiber.begun) switch_context(scheduler.context, fiber.context);
    else begin(fiber);
    arrived(scheduler.fake_stack, nullptr, nullptr);
    if (fiber.failure) std::rethrow_exception(fiber.failure);
}

/// Has a fiber run the thread of this index; one that was left in the middle of another (a fault) begins anew.
void prepare(Fiber& fiber, uint3 index) {
    if (fiber.state != State::ended) {
        getcontext(&fiber.first_context);
        fiber.first_context.uc_stack.ss_sp = fiber.stack.get();
        fiber.first_context.uc_stack.ss_size = Fiber::stack_bytes;
        fiber.first_context.uc_link = nullptr;
        makecontext(&fiber.first_context, enter, 0);
        fiber.begun = false;
    }
    fiber.state = State::ready;
    fiber.index = index;
    fiber.open_group.clear();
    fiber.groups.clear();
    fiber.failure = nullptr;
}

/// Stacks are kept from launch to launch: filling their shadows again costs more than most kernels.
std::vector<std::unique_ptr<Fiber>>& fibers() {
    static std::vector<std::unique_ptr<Fiber>> all;
    return all;
}

/// One block while it runs.
class Block {
public:
    Block(std::string const& kernel, Extent extent) : kernel_(kernel), threads_(std::size_t(extent.x) * extent.y * extent.z) {
        while (fibers().size() < threads_) fibers().push_back(std::make_unique<Fiber>());
        for (std::size_t k = 0; k < threads_; ++k) {
            auto const n = static_cast<unsigned>(k);
            prepare(*fibers()[k], {n % extent.x, n / extent.x % extent.y, n / extent.x / extent.y});
        }
        for (std::size_t first = 0; first < threads_; first += warp_size) warps_.push_back(first);
    }

    void run() {
        while (!all(0, threads_, State::ended)) {
            std::vector<std::size_t> ready;
            for (std::size_t first : warps_)
                if (any(first, last(first), State::ready)) ready.push_back(first);
            if (ready.empty()) pass_barrier();
            else advance(ready[order() % ready.size()]);
        }
    }

private:
    std::size_t last(std::size_t first) const { return std::min(first + warp_size, threads_); }
    bool any(std::size_t first, std::size_t end, State state) const {
        for (std::size_t k = first; k < end; ++k)
            if (fibers()[k]->state == state) return true;
        return false;
    }
    bool all(std::size_t first, std::size_t end, State state) const {
        for (std::size_t k = first; k < end; ++k)
            if (fibers()[k]->state != state) return false;
        return true;
    }
    /// Runs the lanes of a warp that can go on, in any order, each as far as it can; then what all of them wait for, if they do.
    void advance(std::size_t first) {
        std::array<std::size_t, warp_size> lanes;
        std::size_t const count = last(first) - first;
        for (std::size_t k = 0; k < count; ++k) lanes[k] = first + k;
        std::shuffle(lanes.begin(), lanes.begin() + static_cast<std::ptrdiff_t>(count), order);
        for (std::size_t k = 0; k < count; ++k)
            if (fibers()[lanes[k]]->state == State::ready) resume(*fibers()[lanes[k]]);
        if (any(first, last(first), State::meeting)) meet_lanes(first, count);
    }
    void meet_lanes(std::size_t first, std::size_t count) {
        std::array<void*, warp_size> operands;
        Fiber const* meeting = nullptr;
        for (std::size_t k = first; k < first + count; ++k)
            if (fibers()[k]->state == State::meeting) meeting = fibers()[k].get();
        if (count < warp_size) fault("its last warp has ", count, " threads and meets at ", meeting->place);
        for (std::size_t k = 0; k < count; ++k) {
            Fiber const& fiber = *fibers()[first + k];
            if (fiber.state == State::ended) fault("lane ", k, " has ended where others of its warp meet at ", meeting->place);
            if (fiber.state == State::barrier) fault("lane ", k, " is at a barrier of the block where others of its warp meet at ", meeting->place);
            if (std::strcmp(fiber.place, meeting->place)) fault("lanes of a warp meet at ", fiber.place, " and at ", meeting->place);
            operands[k] = fiber.operand;
        }
        meeting->all(operands);
        for (std::size_t k = 0; k < count; ++k) fibers()[first + k]->state = State::ready;
    }
    void pass_barrier() {
        for (std::size_t k = 0; k < threads_; ++k)
            if (fibers()[k]->state == State::barrier) fibers()[k]->state = State::ready;
    }
    template <class... Parts> [[noreturn]] void fault(Parts const&... parts) const {
        std::string text = "kernel " + kernel_ + ": ";
        auto const add = [&](auto const& part) {
            if constexpr (std::is_integral_v<std::decay_t<decltype(part)>>) text += std::to_string(part);
            else text += part;
        };
        (add(parts), ...);
        throw Fault(text);
    }

    std::string const& kernel_;
    std::size_t threads_;
    std::vector<std::size_t> warps_;  // the first thread of each
};

}  // namespace

void set_seed(std::uint64_t seed) { order.seed(seed); }

void run(std::string const& kernel, Extent grid, Extent block, std::size_t shared, std::function<void()> const& thread) {
    gridDim = {grid.x, grid.y, grid.z};
    blockDim = {block.x, block.y, block.z};
    std::vector<std::size_t> blocks(std::size_t(grid.x) * grid.y * grid.z);
    for (std::size_t k = 0; k < blocks.size(); ++k) blocks[k] = k;
    std::shuffle(blocks.begin(), blocks.end(), order);
    scheduler.thread = &thread;
    for (std::size_t const number : blocks) {
        auto const n = static_cast<unsigned>(number);
        blockIdx = {n % grid.x, n / grid.x % grid.y, n / grid.x / grid.y};
        // From the heap, so that the sanitizer sees what lies beyond; aligned as the real one is.
        void* bytes = nullptr;
        if (shared && posix_memalign(&bytes, 128, shared)) throw std::bad_alloc();
        std::unique_ptr<std::byte, decltype(&std::free)> const memory(static_cast<std::byte*>(bytes), &std::free);
        if (shared) std::memset(bytes, 0xff, shared);
        scheduler.shared = memory.get();
        Block(kernel, block).run();
    }
}

std::byte* shared_memory() { return scheduler.shared; }
void block_barrier() { yield(State::barrier); }
void meet(char const* primitive, void* operand, void (*all)(std::span<void* const, warp_size>)) {
    Fiber& self = *scheduler.running;
    self.place = primitive, self.operand = operand, self.all = all;
    yield(State::meeting);
}

void copy_later(void* to, void const* from, std::size_t bytes, std::size_t valid) {
    scheduler.running->open_group.push_back({to, from, bytes, valid});
}
void close_group() {
    auto& fiber = *scheduler.running;
    fiber.groups.push_back(std::move(fiber.open_group));
    fiber.open_group.clear();
}
void wait_for_groups(int pending) {
    auto& groups = scheduler.running->groups;
    for (; groups.size() > static_cast<std::size_t>(pending); groups.pop_front())
        for (Copy const& copy : groups.front()) {
            if (copy.valid) std::memcpy(copy.to, copy.from, copy.valid);
            std::memset(static_cast<std::byte*>(copy.to) + copy.valid, 0, copy.bytes - copy.valid);
        }
}

}  // namespace emulation
