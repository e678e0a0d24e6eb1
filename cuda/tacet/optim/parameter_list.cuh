// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/warp_reduce.cuh>
#include <tacet/optim/parameter_list.hpp>
#include <algorithm>

namespace tacet {
namespace gpu {

/// Parameters that one launch goes over, in pieces of at most `piece` elements, a block for each. It goes with the launch as its argument,
/// of which every GPU takes 4 KB.
template <class T> struct ParameterBatch {
    static constexpr int most = 80, threads = 256;
    static constexpr Index piece = 4096;
    struct Entry {
        T* w;
        T const* g;  // null: it has no gradient
        Index n, place;
        Index end;   // of its blocks
    } entry[most];
    int count = 0;

    Index blocks() const { return count ? entry[count - 1].end : 0; }
    void add(ParameterRun<T, Cuda> const& run) {
        Index const end = blocks() + detail::div_up(run.w.size(), piece);
        entry[count++] = {run.w.data(), run.g.size() > 0 ? run.g.data() : nullptr, run.w.size(), run.place, end};
    }
    /// The entry of a block: the first that ends behind it.
    __device__ int entry_of(Index block) const {
        int low = 0, high = count - 1;
        while (low < high) {
            int const middle = (low + high) / 2;
            if (block < entry[middle].end) high = middle;
            else low = middle + 1;
        }
        return low;
    }
};

/// What a thread takes of an entry: every 256th element (ParameterBatch::threads) from `first` on, before `end`.
struct ParameterPiece {
    Index first, end;
};

/// f(entry, piece, number of the block) for each piece. The batch is read where the launch has put it: no thread copies it.
template <class T, class F> __global__ void over_parameters(__grid_constant__ ParameterBatch<T> const batch, F const f, Index first_block) {
    using Batch = ParameterBatch<T>;
    auto const& entry = batch.entry[batch.entry_of(blockIdx.x)];
    Index const blocks = detail::div_up(entry.n, Batch::piece), begin = (blockIdx.x - (entry.end - blocks)) * Batch::piece;
    Index const end = std::min(begin + Batch::piece, entry.n);
    f(entry, ParameterPiece{begin + threadIdx.x, end}, first_block + blockIdx.x);
}

/// Squares of gradients: the sum of each block.
template <class T> struct SquareParts {
    static constexpr int warps = ParameterBatch<T>::threads / warp::size;
    struct Shared {
        double of_warp[warps];
    };
    double* part;
    __device__ void operator()(typename ParameterBatch<T>::Entry const& entry, ParameterPiece const& piece, Index block) const {
        auto& shared = shared_memory<Shared>();
        double sum = 0;
        for (Index k = piece.first; entry.g && k < piece.end; k += ParameterBatch<T>::threads) {
            auto const g = static_cast<double>(entry.g[k]);
            sum += g * g;
        }
        double const of_warp = warp::sum(sum);
        if (warp::lane() == 0) shared.of_warp[warp::number()] = of_warp;
        __syncthreads();
        if (threadIdx.x > 0) return;
        double total = 0;
        for (double const s : shared.of_warp) total += s;
        part[block] = total;
    }
};

}  // namespace gpu

/// Calls f(entry, piece, number of the block) for all parameters, in as few launches as their list takes, with `shared` bytes of memory
/// for a block.
template <class T, class F>
void launch_over_parameters(char const* name, std::vector<ParameterRun<T, Cuda>> const& runs, F const& f, std::size_t shared = 0) {
    using Batch = gpu::ParameterBatch<T>;
    Index blocks = 0;
    for (std::size_t k = 0; k < runs.size();) {
        Batch batch;
        while (k < runs.size() && batch.count < Batch::most) batch.add(runs[k++]);
        launch(name, Grid{batch.blocks(), Batch::threads, shared}, &gpu::over_parameters<T, F>, batch, f, blocks);
        blocks += batch.blocks();
    }
}

template <> struct GradientSquares<Cuda> {
    template <class T> static void run(std::vector<ParameterRun<T, Cuda>> const& runs, Tensor<double, 0, Cuda> const& sum) {
        using Parts = gpu::SquareParts<T>;
        Index blocks = 0;
        for (auto const& r : runs) blocks += detail::div_up(r.w.size(), gpu::ParameterBatch<T>::piece);
        Tensor<double, 1, Cuda> const part(Shape{blocks});
        launch_over_parameters("gradient_squares", runs, Parts{part.data()}, sizeof(typename Parts::Shared));
        sum_into(sum, part);
    }
};

}  // namespace tacet
