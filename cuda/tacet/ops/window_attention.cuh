// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/core/part_sum.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/core/warp.cuh>
#include <tacet/ops/window_attention.hpp>

namespace tacet {
namespace gpu {

constexpr int attention_tile = 64;  // slots that a block looks at together; a thread for each

/// Some slots of a window, with two rows of `depth` numbers for each: keys and values, or queries and gradients of the result.
template <class T, int depth> struct AttentionTile {
    T first[attention_tile][depth], second[attention_tile][depth];
    Index pixel[attention_tile];
    int region[attention_tile];  // -1: not there, or not seen
};

/// What the kernels read: all images with their heads.
template <class T> struct AttentionImages {
    T const* qkv;              // (N, H, W, 3C)
    T const* table;            // ((2M-1)^2, heads)
    std::uint8_t const* keep;  // (N, H, W), or null
    detail::WindowGrid grid;

    /// Query (0), key (1) or value (2) of a pixel, `grid.depth` numbers.
    __device__ T const* row(Index pixel, int which, Index head) const {
        return qkv + (pixel * 3 + which) * grid.channels() + head * grid.depth;
    }
    __device__ detail::WindowPlace place(detail::WindowOrigin const& window, Index slot) const {
        return slot < grid.slots() ? grid.place(window, slot / grid.window, slot % grid.window) : detail::WindowPlace{-1, 0};
    }
    /// The region of a key, -1 where it must not be seen.
    __device__ int region_of_key(detail::WindowPlace const& p) const {
        return p.pixel >= 0 && (!keep || keep[p.pixel]) ? static_cast<int>(p.region) : -1;
    }
    __device__ T scale() const { return 1 / std::sqrt(static_cast<T>(grid.depth)); }
};

template <int depth, class T> __device__ T dot(T const (&a)[depth], T const (&b)[depth]) {
    T sum = 0;
    for (int c = 0; c < depth; ++c) sum += a[c] * b[c];
    return sum;
}
/// y += a x
template <int depth, class T> __device__ void add_scaled(T (&y)[depth], T a, T const (&x)[depth]) {
    for (int c = 0; c < depth; ++c) y[c] += a * x[c];
}
/// A row of `count` numbers into one of `depth`, filled up with zeros, times a factor.
template <int depth, class T> __device__ void load_row(T (&to)[depth], T const* from, Index count, T factor = 1) {
    for (int c = 0; c < depth; ++c) to[c] = from && c < count ? from[c] * factor : T(0);
}
template <int depth, class T> __device__ void store_row(T* to, T const (&from)[depth], Index count, T factor = 1) {
    for (int c = 0; c < depth; ++c)
        if (c < count) to[c] = from[c] * factor;
}

/// The tile of slots [first, first + 64): places, and two rows of each, which `row_of(pixel, 0 or 1)` finds. All threads take part.
template <class T, int depth, class R, class P>
__device__ void load_tile(AttentionTile<T, depth>& tile, Index depth_used, P const& place, R const& row_of) {
    int const self = static_cast<int>(threadIdx.x);
    __syncthreads();  // nobody reads the last tile any more
    place(self, tile.pixel[self], tile.region[self]);
    __syncthreads();
    for (int k = self; k < attention_tile * depth; k += attention_tile) {
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

/// One query's softmax while keys go by: the largest score so far, and the sums relative to it.
template <class T, int depth> struct RunningSoftmax {
    T largest, total = 0, values[depth] = {};
    bool any = false;

    __device__ void add(T score, T const (&value)[depth]) {
        if (!any || score > largest) {
            T const shrink = any ? std::exp(largest - score) : T(0);
            total *= shrink;
            for (int c = 0; c < depth; ++c) values[c] *= shrink;
            largest = score, any = true;
        }
        T const weight = std::exp(score - largest);
        total += weight;
        add_scaled(values, weight, value);
    }
};

/// Calls body(key's slot, its place in the tile, whether the query sees it, its score) for every key; q is scaled. All threads take part.
template <class T, int depth, class F>
__device__ void for_keys(AttentionTile<T, depth>& tile, AttentionImages<T> const& x, detail::WindowOrigin const& window, Index head,
                         Index slot, detail::WindowPlace const& query, T const (&q)[depth], F const& body) {
    for (Index first = 0; first < x.grid.slots(); first += attention_tile) {
        load_keys(tile, x, window, head, first);
        for (int k = 0; k < attention_tile; ++k) {
            bool const seen = query.pixel >= 0 && tile.region[k] == query.region;
            T const score = seen ? dot(q, tile.first[k]) + x.table[x.grid.table_row(slot, first + k) * x.grid.heads + head] : T(0);
            body(first + k, k, seen, score);
        }
    }
}

/// 64 queries of one head in one window; a thread for each.
template <class T, int depth> __global__ void window_attention(T* y /* (N, H, W, C) */, AttentionImages<T> x, Index query_tiles) {
    auto& tile = shared_memory<AttentionTile<T, depth>>();
    auto const& grid = x.grid;
    Index const head = blockIdx.x / query_tiles % grid.heads, slot = blockIdx.x % query_tiles * attention_tile + threadIdx.x;
    auto const window = grid.origin(blockIdx.x / query_tiles / grid.heads);
    auto const query = x.place(window, slot);
    T q[depth];
    load_row(q, query.pixel < 0 ? nullptr : x.row(query.pixel, 0, head), grid.depth, x.scale());
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

/// Where the gradients go: `part` (workers, (2M-1)^2, heads), the table's by worker.
template <class T> struct AttentionGradients {
    T* gqkv;  // (N, H, W, 3C), or null
    T* part;
    T const* gy;  // (N, H, W, C)

    __device__ T* row(detail::WindowGrid const& grid, Index pixel, int which, Index head) const {
        return gqkv + (pixel * 3 + which) * grid.channels() + head * grid.depth;
    }
    __device__ T const* gy_row(detail::WindowGrid const& grid, Index pixel, Index head) const {
        return gy + pixel * grid.channels() + head * grid.depth;
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
    for (Index k = self; k < 2 * rows; k += attention_tile) sums[k] = 0;
    for (Index index = worker; index < grid.windows(); index += workers) {
        auto const window = grid.origin(index);
        for (Index first = 0; first < slots; first += attention_tile) {  // queries: their softmax, and gq
            Index const slot = first + self;
            auto const query = x.place(window, slot);
            T q[depth], gy[depth], gq[depth] = {};
            load_row(q, query.pixel < 0 ? nullptr : x.row(query.pixel, 0, head), grid.depth, x.scale());
            load_row(gy, query.pixel < 0 ? nullptr : g.gy_row(grid, query.pixel, head), grid.depth);
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
        for (Index first = 0; first < slots; first += attention_tile) {  // keys: gk and gv
            Index const slot = first + self;
            auto const key = x.place(window, slot);
            int const region = x.region_of_key(key);
            T k_row[depth], v_row[depth], gk[depth] = {}, gv[depth] = {};
            load_row(k_row, key.pixel < 0 ? nullptr : x.row(key.pixel, 1, head), grid.depth, x.scale());
            load_row(v_row, key.pixel < 0 ? nullptr : x.row(key.pixel, 2, head), grid.depth);
            for (Index queries = 0; queries < slots; queries += attention_tile) {
                load_tile(tile, grid.depth, [&](int n, Index& pixel, int& of) {
                    auto const p = x.place(window, queries + n);
                    pixel = p.pixel, of = p.pixel < 0 ? -2 : static_cast<int>(p.region);  // -2: sees nothing, not even what is not there
                }, [&](Index pixel, int which) { return which ? g.gy_row(grid, pixel, head) : x.row(pixel, 0, head); });
                for (int n = 0; n < attention_tile; ++n) {
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
    for (Index k = self; k < rows; k += attention_tile) g.part[(worker * rows + k) * grid.heads + head] = sums[k] + sums[rows + k];
}

}  // namespace gpu

template <> struct WindowAttentionKernel<Cuda> {
    using Keep = Tensor<std::uint8_t, 3, Cuda>;

    template <class T>
    static void run(Tensor<T, 4, Cuda> const& y, Tensor<T, 4, Cuda> const& qkv, Tensor<T, 2, Cuda> const& table, Keep const& keep,
                    detail::WindowGrid const& grid) {
        Index const tiles = detail::div_up(grid.slots(), gpu::attention_tile);
        gpu::AttentionImages<T> const x{qkv.data(), table.data(), keep.data(), grid};
        auto const run = [&]<int depth>(std::integral_constant<int, depth>) {
            launch("window_attention", Grid{grid.windows() * grid.heads * tiles, gpu::attention_tile, sizeof(gpu::AttentionTile<T, depth>)},
                   &gpu::window_attention<T, depth>, y.data(), x, tiles);
        };
        with_depth(grid.depth, run);
    }
    template <class T>
    static void backward(Tensor<T, 4, Cuda> const& gqkv, Tensor<T, 2, Cuda> const& gtable, Tensor<T, 4, Cuda> const& gy,
                         Tensor<T, 4, Cuda> const& qkv, Tensor<T, 2, Cuda> const& table, Keep const& keep, detail::WindowGrid const& grid) {
        gpu::AttentionImages<T> const x{qkv.data(), table.data(), keep.data(), grid};
        Index const count = grid.table_rows() * grid.heads;
        Index const workers = std::clamp<Index>(1024 / grid.heads, 1, std::max<Index>(grid.windows(), 1));
        Tensor<T, 1, Cuda> const part(Shape{workers * count});
        auto const run = [&]<int depth>(std::integral_constant<int, depth>) {
            launch("window_attention_backward",
                   Grid{workers * grid.heads, gpu::attention_tile, gpu::AttentionBackwardMemory<T, depth>::bytes(grid)},
                   &gpu::window_attention_backward<T, depth>, gpu::AttentionGradients<T>{gqkv.data(), part.data(), gy.data()}, x, workers);
        };
        with_depth(grid.depth, run);
        if (gtable.size()) launch_each("window_attention_table", count, gpu::PartSum<T, T>{gtable.data(), part.data(), workers, count});
    }

private:
    /// Calls run with the smallest depth that is compiled and holds `depth` channels.
    static void with_depth(Index depth, auto const& run) {
        if (depth <= 16) run(std::integral_constant<int, 16>{});
        else if (depth <= 32) run(std::integral_constant<int, 32>{});
        else run(std::integral_constant<int, 64>{});
    }
};

}  // namespace tacet
