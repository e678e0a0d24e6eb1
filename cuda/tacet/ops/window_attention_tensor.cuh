// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/attention_tile.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/ops/window_attention_images.cuh>

// Attention in windows of at most 64 slots on the tensor cores, for images stored in 16 bits.
namespace tacet::gpu {

/// The tokens of a window of at most 64, and the biases between them: key k of query q has the bias of table row
/// offset[q] - offset[k] + the middle of the table.
struct WindowTokenTile {
    Index pixel[attention_tokens];  // -1: not there
    int query_region[attention_tokens], key_region[attention_tokens];  // -2, -1: sees nothing, is not seen
    int offset[attention_tokens];

    template <class T> __device__ void find(AttentionImages<T> const& x, Index index) {
        int const slot = static_cast<int>(threadIdx.x), side = static_cast<int>(x.grid.window);
        if (slot >= attention_tokens) return;
        auto const p = x.place(x.grid.origin(index), slot);
        pixel[slot] = p.pixel, key_region[slot] = x.region_of_key(p);
        query_region[slot] = p.pixel < 0 ? -2 : static_cast<int>(p.region);
        offset[slot] = slot / side * (2 * side - 1) + slot % side;
    }
};

/// What a block on the tensor cores holds of one head in one window, and behind it the head's column of the table.
template <class T, int depth> struct WindowHead {
    HeadTile<T, depth> q, k, v;
    WindowTokenTile tokens;

    /// A row for each token from images whose pixels lie `stride` apart.
    __device__ void load(HeadTile<T, depth>& to, T const* first, Index stride, Index used) const {
        auto const row_of = [&](int token) { return tokens.pixel[token] < 0 ? nullptr : first + tokens.pixel[token] * stride; };
        to.load(row_of, static_cast<int>(used));
    }
    __device__ void load(AttentionImages<T> const& x, Index head) {
        HeadTile<T, depth>* const tiles[] = {&q, &k, &v};
        for (int which = 0; which < 3; ++which) load(*tiles[which], x.row(0, which, head), 3 * x.grid.channels(), x.grid.depth);
    }
    /// The softmax over the keys of this warp's queries; biases: of the head.
    __device__ Scores weights(AttentionImages<T> const& x, float const* biases) const {
        auto s = Scores::of(q, k);
        int const middle = static_cast<int>(x.grid.table_rows() / 2);
        float const scale = x.scale();
        s.each([&](int query, int key, int, float& score) {
            bool const seen = tokens.query_region[query] == tokens.key_region[key];
            score = seen ? score * scale + biases[tokens.offset[query] - tokens.offset[key] + middle]
                         : -std::numeric_limits<float>::infinity();
        });
        s.softmax();
        return s;
    }
};
template <class T> __device__ void load_biases(float* to, AttentionImages<T> const& x, Index head) {
    for (Index k = threadIdx.x; k < x.grid.table_rows(); k += attention_threads) to[k] = x.table[k * x.grid.heads + head];
}

/// One head in one window of at most 64 slots.
template <class T, int depth> __global__ void window_attention_tensor(T* y /* (N, H, W, C) */, AttentionImages<T> x) {
    auto& m = shared_memory<WindowHead<T, depth>>();
    auto* const biases = reinterpret_cast<float*>(&m + 1);
    Index const head = blockIdx.x % x.grid.heads;
    m.tokens.find(x, blockIdx.x / x.grid.heads);
    load_biases(biases, x, head);
    __syncthreads();
    m.load(x, head);
    __syncthreads();
    HeadRows<depth> sums;
    sums.add(m.weights(x, biases), m.v);
    T* const first = y + head * x.grid.depth;
    sums.store([&](int token) { return m.tokens.pixel[token] < 0 ? nullptr : first + m.tokens.pixel[token] * x.grid.channels(); },
               static_cast<int>(x.grid.depth), 1);
}

template <class T, int depth> struct WindowHeadGradients {
    WindowHead<T, depth> head;
    HeadTile<T, depth> gy;
    struct Products {
        ScoreTile<T> weights, gscores;
    };
    union {
        Products scores;
        float sums[attention_tokens][attention_tokens];  // of the scores' gradients, at the end
    };
};

/// One head in the windows worker, worker + workers, ...: weights are computed again. The gradients of scores are added up in registers
/// and given to the rows of the table at the end, each row by one thread in one order.
template <class T, int depth>
__global__ void window_attention_tensor_backward(AttentionGradients<T> g, AttentionImages<T> x, Index workers) {
    auto& m = shared_memory<WindowHeadGradients<T, depth>>();
    auto* const biases = reinterpret_cast<float*>(&m + 1);
    auto& tokens = m.head.tokens;
    auto const& grid = x.grid;
    Index const worker = blockIdx.x / grid.heads, head = blockIdx.x % grid.heads;
    int const used = static_cast<int>(grid.depth), rows = static_cast<int>(grid.table_rows());
    Scores sums;
    load_biases(biases, x, head);
    for (Index index = worker; index < grid.windows(); index += workers) {
        __syncthreads();  // nobody reads the last window any more
        tokens.find(x, index);
        __syncthreads();
        m.head.load(x, head);
        m.head.load(m.gy, g.gy + head * grid.depth, grid.channels(), grid.depth);
        __syncthreads();
        auto const weights = m.head.weights(x, biases);
        auto gscores = Scores::of(m.gy, m.head.v);
        gscores.softmax_backward(weights);
        sums += gscores;
        if (!g.gqkv) continue;
        weights.store(m.scores.weights), gscores.store(m.scores.gscores);
        auto const row_of = [&](int which) {
            T* const first = g.row(grid, 0, which, head);
            return [&tokens, &grid, first](int token) {
                return tokens.pixel[token] < 0 ? nullptr : first + tokens.pixel[token] * 3 * grid.channels();
            };
        };
        HeadRows<depth> gq, gk, gv;
        gq.add(gscores, m.head.k);
        gq.store(row_of(0), used, x.scale());
        __syncthreads();
        gk.add_transposed(m.scores.gscores, m.head.q), gv.add_transposed(m.scores.weights, m.gy);
        gk.store(row_of(1), used, x.scale()), gv.store(row_of(2), used, 1);
    }
    __syncthreads();
    sums.each([&](int query, int key, int, float v) { m.sums[query][key] = v; });
    __syncthreads();
    int const side = static_cast<int>(grid.window), slots = side * side;
    for (int row = static_cast<int>(threadIdx.x); row < rows; row += attention_threads) {
        int const dy = row / (2 * side - 1) - (side - 1), dx = row % (2 * side - 1) - (side - 1);
        float sum = 0;
        for (int query = 0; query < slots; ++query) {
            int const i = query / side - dy, j = query % side - dx;
            if (i >= 0 && i < side && j >= 0 && j < side) sum += m.sums[query][i * side + j];
        }
        g.part[(worker * rows + row) * grid.heads + head] = sum;
    }
}

}  // namespace tacet::gpu
