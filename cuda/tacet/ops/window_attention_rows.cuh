// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/attention_rows.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/warp.cuh>
#include <tacet/ops/window_attention_images.cuh>

// Attention by a thread for each query, for images in float and double.
namespace tacet::gpu {

constexpr int attention_slots = 64;  // slots that a block looks at together; a thread for each

/// Some slots of a window, with two rows of `depth` numbers for each: keys and values, or queries and gradients of the result.
template <class T, int depth> struct AttentionTile {
    T first[attention_slots][depth], second[attention_slots][depth];
    Index pixel[attention_slots];
    int region[attention_slots];  // -1: not there, or not seen
};

/// The tile of slots [first, first + 64): places, and two rows of each, which `row_of(pixel, 0 or 1)` finds. All threads take part.
template <class T, int depth, class R, class P>
__device__ void load_tile(AttentionTile<T, depth>& tile, Index depth_used, P const& place, R const& row_of) {
    int const self = static_cast<int>(threadIdx.x);
    __syncthreads();  // nobody reads the last tile any more
    place(self, tile.pixel[self], tile.region[self]);
    __syncthreads();
    for (int k = self; k < attention_slots * depth; k += attention_slots) {
        int const slot = k / depth, c = k % depth;
        bool const there = tile.pixel[slot] >= 0 && c < depth_used;
        tile.first[slot][c] = there ? row_of(tile.pixel[slot], 0)[c] : T(0);
        tile.second[slot][c] = there ? row_of(tile.pixel[slot], 1)[c] : T(0);
    }
    __syncthreads();
}
/// The tile of keys and values from slot `first` on.
template <class T, int depth>
__device__ void load_keys(AttentionTile<T, depth>& tile, AttentionImages<T> const& x, detail::WindowOrigin const& window, Index head,
                          Index first) {
    load_tile(tile, x.grid.depth, [&](int k, Index& pixel, int& region) {
        auto const p = x.place(window, first + k);
        pixel = p.pixel, region = x.region_of_key(p);
    }, [&](Index pixel, int which) { return x.row(pixel, 1 + which, head); });
}

/// Calls body(key's slot, its place in the tile, whether the query sees it, its score) for every key; q is scaled. All threads take part.
template <class T, int depth, class F>
__device__ void for_keys(AttentionTile<T, depth>& tile, AttentionImages<T> const& x, detail::WindowOrigin const& window, Index head,
                         Index slot, detail::WindowPlace const& query, T const (&q)[depth], F const& body) {
    for (Index first = 0; first < x.grid.slots(); first += attention_slots) {
        load_keys(tile, x, window, head, first);
        for (int k = 0; k < attention_slots; ++k) {
            bool const seen = query.pixel >= 0 && tile.region[k] == query.region;
            T score = 0;
            if (seen) score = dot(q, tile.first[k]) + x.table[x.grid.table_row(slot, first + k) * x.grid.heads + head];
            body(first + k, k, seen, score);
        }
    }
}

/// 64 queries of one head in one window; a thread for each.
template <class T, int depth> __global__ void window_attention(T* y /* (N, H, W, C) */, AttentionImages<T> x, Index query_tiles) {
    auto& tile = shared_memory<AttentionTile<T, depth>>();
    auto const& grid = x.grid;
    Index const head = blockIdx.x / query_tiles % grid.heads, slot = blockIdx.x % query_tiles * attention_slots + threadIdx.x;
    auto const window = grid.origin(blockIdx.x / query_tiles / grid.heads);
    auto const query = x.place(window, slot);
    T q[depth];
    load_row<depth, T>(q, query.pixel < 0 ? nullptr : x.row(query.pixel, 0, head), grid.depth, x.scale());
    RunningSoftmax<T, depth> softmax;
    for_keys(tile, x, window, head, slot, query, q, [&](Index, int k, bool seen, T score) {
        if (seen) softmax.add(score, tile.second[k]);
    });
    T* const to = y + query.pixel * grid.channels() + head * grid.depth;
    if (query.pixel >= 0) store_row(to, softmax.values, grid.depth, softmax.any ? 1 / softmax.total : T(0));
}

/// What the backward pass keeps of each query of a window: the logarithm of its softmax's sum, and <gy, y>. Behind them the sums of the
/// table's gradients, one set for each warp.
template <class T, int depth> struct AttentionBackwardMemory {
    AttentionTile<T, depth> tile;
    __device__ T* log_total() { return reinterpret_cast<T*>(this + 1); }
    static constexpr std::size_t bytes(detail::WindowGrid const& grid) {
        return sizeof(AttentionBackwardMemory) + sizeof(T) * static_cast<std::size_t>(2 * grid.slots() + 2 * grid.table_rows());
    }
};

/// One head in the windows worker, worker + workers, ...: everything is computed again. Keys of a query at distance (dy, dx) have a row of
/// the table in common; at any time the threads of a warp stand at the same key, so that their rows differ and no two add to the same sum.
template <class T, int depth> __global__ void window_attention_backward(AttentionGradients<T> g, AttentionImages<T> x, Index workers) {
    auto& memory = shared_memory<AttentionBackwardMemory<T, depth>>();
    auto& tile = memory.tile;
    auto const& grid = x.grid;
    Index const slots = grid.slots(), rows = grid.table_rows(), worker = blockIdx.x / grid.heads, head = blockIdx.x % grid.heads;
    int const self = static_cast<int>(threadIdx.x);
    T *const log_total = memory.log_total(), *const along = log_total + slots, *const sums = along + slots;
    T* const own_sums = sums + warp::number() * rows;
    for (Index k = self; k < 2 * rows; k += attention_slots) sums[k] = 0;
    for (Index index = worker; index < grid.windows(); index += workers) {
        auto const window = grid.origin(index);
        for (Index first = 0; first < slots; first += attention_slots) {  // queries: their softmax, and gq
            Index const slot = first + self;
            auto const query = x.place(window, slot);
            T q[depth], gy[depth], gq[depth] = {};
            load_row<depth, T>(q, query.pixel < 0 ? nullptr : x.row(query.pixel, 0, head), grid.depth, x.scale());
            load_row<depth, T>(gy, query.pixel < 0 ? nullptr : g.gy_row(grid, query.pixel, head), grid.depth);
            RunningSoftmax<T, depth> softmax;
            for_keys(tile, x, window, head, slot, query, q, [&](Index, int k, bool seen, T score) {
                if (seen) softmax.add(score, tile.second[k]);
            });
            T const log_of = softmax.any ? softmax.largest + std::log(softmax.total) : T(0);
            T const mean = softmax.any ? dot(gy, softmax.values) / softmax.total : T(0);
            if (slot < slots) log_total[slot] = log_of, along[slot] = mean;
            for_keys(tile, x, window, head, slot, query, q, [&](Index key, int k, bool seen, T score) {
                T const slope = seen ? std::exp(score - log_of) * (dot(gy, tile.second[k]) - mean) : T(0);
                if (seen) add_scaled(gq, slope, tile.first[k]), own_sums[grid.table_row(slot, key)] += slope;
                warp::sync();
            });
            if (g.gqkv && query.pixel >= 0) store_row(g.row(grid, query.pixel, 0, head), gq, grid.depth, x.scale());
        }
        if (!g.gqkv) continue;
        for (Index first = 0; first < slots; first += attention_slots) {  // keys: gk and gv
            Index const slot = first + self;
            auto const key = x.place(window, slot);
            int const region = x.region_of_key(key);
            T k_row[depth], v_row[depth], gk[depth] = {}, gv[depth] = {};
            load_row<depth, T>(k_row, key.pixel < 0 ? nullptr : x.row(key.pixel, 1, head), grid.depth, x.scale());
            load_row<depth, T>(v_row, key.pixel < 0 ? nullptr : x.row(key.pixel, 2, head), grid.depth);
            for (Index queries = 0; queries < slots; queries += attention_slots) {
                load_tile(tile, grid.depth, [&](int n, Index& pixel, int& of) {
                    auto const p = x.place(window, queries + n);
                    pixel = p.pixel, of = p.pixel < 0 ? -2 : static_cast<int>(p.region);  // -2: sees nothing, not even what is not there
                }, [&](Index pixel, int which) { return which ? g.gy_row(grid, pixel, head) : x.row(pixel, 0, head); });
                for (int n = 0; n < attention_slots; ++n) {
                    if (tile.region[n] != region) continue;
                    Index const query = queries + n;
                    T const score = dot(k_row, tile.first[n]) + x.table[grid.table_row(query, slot) * grid.heads + head];
                    T const weight = std::exp(score - log_total[query]);
                    add_scaled(gv, weight, tile.second[n]);
                    add_scaled(gk, weight * (dot(v_row, tile.second[n]) - along[query]), tile.first[n]);
                }
            }
            if (key.pixel < 0) continue;
            store_row(g.row(grid, key.pixel, 1, head), gk, grid.depth, x.scale());
            store_row(g.row(grid, key.pixel, 2, head), gv, grid.depth);
        }
    }
    __syncthreads();
    for (Index k = self; k < rows; k += attention_slots) g.part[(worker * rows + k) * grid.heads + head] = sums[k] + sums[rows + k];
}

}  // namespace tacet::gpu
