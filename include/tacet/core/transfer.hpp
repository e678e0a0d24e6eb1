// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/cell.hpp>
#include <array>
#include <cassert>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

namespace tacet {

/// Brings values of a cell to the host, in order: send() takes the value after all work before, receive() gives the oldest that was sent
/// and not received. At most two may be on their way.
template <class T, Device D = Cpu> class Download {
public:
    void send(Cell<T, D> const& cell) { values_.push_back(cell.get()); }
    T receive() {
        T const value = values_.front();
        values_.pop_front();
        return value;
    }

private:
    std::deque<T> values_;
};

#if TACET_WITH_CUDA
namespace detail {

/// A point in a stream's work, which others can wait for.
class Event {
public:
    Event() { check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event"); }
    ~Event() { cudaEventDestroy(event_); }
    Event(Event const&) = delete;
    Event& operator=(Event const&) = delete;
    /// After all work of the stream so far.
    void record(cudaStream_t stream) { check_cuda(cudaEventRecord(event_, stream), "recording an event"); }
    /// What the stream does from now on waits for it; an event that was never recorded has happened.
    void hold(cudaStream_t stream) const { check_cuda(cudaStreamWaitEvent(stream, event_, 0), "waiting for an event"); }
    /// The host waits for it.
    void wait() const { check_cuda(cudaEventSynchronize(event_), "computing on the GPU"); }
    /// The same where nobody can be told of errors.
    void settle() const noexcept { cudaEventSynchronize(event_); }

private:
    cudaEvent_t event_ = nullptr;
};

/// Memory of the host that GPUs copy from and to without the host's part in it.
class PinnedMemory {
public:
    explicit PinnedMemory(std::size_t bytes) : bytes_(bytes) {
        if (bytes) check_cuda(cudaMallocHost(&data_, bytes), "taking pinned memory of the host");
    }
    ~PinnedMemory() {
        if (data_) cudaFreeHost(data_);
    }
    PinnedMemory(PinnedMemory const&) = delete;
    PinnedMemory& operator=(PinnedMemory const&) = delete;
    void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

private:
    void* data_ = nullptr;
    std::size_t bytes_;
};

}  // namespace detail

template <class T> class Download<T, Cuda> {
public:
    void send(Cell<T, Cuda> const& cell) {
        assert(sent_ - received_ < depth);
        auto& slot = slots_[static_cast<std::size_t>(sent_++ % depth)];
        check_cuda(cudaMemcpyAsync(slot.memory.data(), cell.data(), sizeof(T), cudaMemcpyDeviceToHost, current_stream()),
                   "copying from the GPU");
        slot.copied.record(current_stream());
    }
    T receive() {
        auto& slot = slots_[static_cast<std::size_t>(received_++ % depth)];
        slot.copied.wait();
        return *static_cast<T const*>(slot.memory.data());
    }

private:
    static constexpr int depth = 2;
    struct Slot {
        detail::PinnedMemory memory{sizeof(T)};
        detail::Event copied;
        ~Slot() { copied.settle(); }
    };
    std::array<Slot, depth> slots_;
    Index sent_ = 0, received_ = 0;
};

/// Copies from the host to the GPU beside what it computes. Only the last step, from one part of its memory to another, waits for the work
/// before; the host goes on at once, unless the copy before last is still under way.
class Upload {
public:
    Upload() { check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream"); }
    ~Upload() {
        cudaStreamSynchronize(stream_);
        cudaStreamDestroy(stream_);
    }
    Upload(Upload const&) = delete;
    Upload& operator=(Upload const&) = delete;

    /// `from` may change as soon as this returns; what the current stream does next sees it in `to`, on the GPU.
    void copy(void* to, void const* from, std::size_t bytes) {
        auto& slot = slots_[next_ = 1 - next_];
        if (!slot || slot->host.bytes() < bytes) slot = std::make_unique<Slot>(bytes);
        slot->arrived.wait();
        if (bytes) std::memcpy(slot->host.data(), from, bytes);
        slot->taken.hold(stream_);
        move(slot->device.data(), slot->host.data(), bytes, cudaMemcpyHostToDevice, stream_);
        slot->arrived.record(stream_);
        slot->arrived.hold(current_stream());
        move(to, slot->device.data(), bytes, cudaMemcpyDeviceToDevice, current_stream());
        slot->taken.record(current_stream());
    }

private:
    struct Slot {
        detail::PinnedMemory host;
        Buffer<Cuda> device;
        detail::Event arrived, taken;  // in `device`; from there
        explicit Slot(std::size_t bytes) : host(bytes), device(static_cast<Index>(bytes), 1) {
            taken.record(current_stream());  // its memory may still be in use there, by whoever had it before
        }
        ~Slot() { arrived.settle(), taken.settle(); }
    };
    static void move(void* to, void const* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
        check_cuda(cudaMemcpyAsync(to, from, bytes, kind, stream), "copying to the GPU");
    }

    cudaStream_t stream_ = nullptr;
    std::array<std::unique_ptr<Slot>, 2> slots_;
    std::size_t next_ = 0;
};
#endif

}  // namespace tacet
