// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/block_cache.hpp>
#include <tacet/core/cuda.hpp>
#include <tacet/core/live_draw.hpp>
#if TACET_WITH_CUDA
#include <functional>
#include <optional>
#include <string>
#include <type_traits>

namespace tacet {

/// Work on the GPU that is done again and again: recorded as a CUDA graph, and from then on launched as one, without the host's part of it.
/// `work()` is called once to warm up and once to be recorded. It must do the same each time, with the same tensors: what changes, such as
/// the next image, is written into their memory (see Upload, Cell; for random numbers, LiveDraw). What it returns is made anew by each
/// call, in the same memory. Where it cannot be recorded, because it waits for the GPU, copies to the host, or takes other memory each
/// time, it is simply called, and why() says so.
template <class F> class Replay {
    using Result = std::invoke_result_t<F&>;

public:
    explicit Replay(F work) : work_(std::move(work)) {}
    Replay(Replay const&) = delete;
    Replay& operator=(Replay const&) = delete;
    ~Replay() {
        if (graph_) cudaGraphExecDestroy(graph_);
        if (stream_) cudaStreamDestroy(stream_);
    }

    /// Does the work. The result lies in the same memory each time, but for the first two calls.
    Result const& operator()() {
        if (calls_++ == 1 && why_.empty()) record();
        if (graph_) check_cuda(cudaGraphLaunch(graph_, current_stream()), "launching a graph");
        else run();
        return *result_;
    }
    /// Whether it is launched as a graph.
    bool recorded() const { return graph_ != nullptr; }
    /// Why it is not; empty as long as nothing stands against it.
    std::string const& why() const { return why_; }

private:
    /// Of which the same requests in the same order always take the same blocks.
    static auto own_memory() { return std::make_shared<detail::BlockCache<Cuda>>(detail::CachePolicy::repeatable); }
    void run() {
        OwnMemory<Cuda> const own(memory_);
        result_.reset();
        result_.emplace(work_());
    }
    void record() {
        // On a stream of our own, because the default stream cannot be recorded: one that others need not wait for while it is.
        check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
        cudaGraph_t graph = nullptr;
        try {
            check_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "recording a graph");
            StreamGuard const guard(stream_);
            result_.reset();
            memory_->seal();
            run();
        } catch (std::exception const& error) {
            why_ = error.what();
        }
        auto const status = cudaStreamEndCapture(stream_, &graph);
        if (why_.empty() && status != cudaSuccess) why_ = cudaGetErrorString(status);
        if (why_.empty())
            if (auto const made = cudaGraphInstantiate(&graph_, graph, 0); made != cudaSuccess)
                why_ = cudaGetErrorString(made), graph_ = nullptr;
        if (graph) cudaGraphDestroy(graph);
        if (!graph_) memory_ = own_memory();  // now that nothing is recorded any more, which giving memory back would end
        cudaGetLastError();  // a recording that failed is not the next launch's error
    }

    F work_;
    std::shared_ptr<detail::BlockCache<Cuda>> memory_ = own_memory();
    std::optional<Result> result_;  // before the memory goes
    cudaStream_t stream_ = nullptr;
    cudaGraphExec_t graph_ = nullptr;
    std::string why_;
    int calls_ = 0;
};

}  // namespace tacet
#endif
