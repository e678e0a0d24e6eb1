// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/attention_tile.cuh>
#include <tacet/ops/swin_block.hpp>

// The parameters of a Swin block as its kernel holds them: matrices of 16-bit numbers cut into fragments (16, 16) in the order in which
// they are used, then vectors and tables of floats.
namespace tacet::gpu {

/// A lane's part of a fragment, in memory: 16 bytes that are read at once.
using PackedFragment = AlignedVector<std::uint32_t, 4>;

/// Channels of tokens are numbered so that a lane's part of 16 of them, two and two in a fragment, are four neighbours in memory: the
/// channel at place p, of which e, t and half are p % 2, p / 2 % 4 and p / 8 % 2, is 4 t + 2 half + e, in the same sixteen.
constexpr int channel_at(int p) { return p / 16 * 16 + p / 2 % 4 * 4 + p / 8 % 2 * 2 + p % 2; }

/// The sizes of a block for the kernel, and where its parameters lie. Channels are filled up to 64, those of a head and the hidden ones to
/// multiples of 16.
struct SwinSizes {
    static constexpr int channels = 64, parts = channels / 16, depth = 16, table_side = 16, table_size = 15 * table_side;
    int heads, hidden_parts;

    explicit SwinSizes(detail::SwinProblem const& p)
        : heads(static_cast<int>(p.grid.heads)), hidden_parts(static_cast<int>(detail::div_up(p.mlp_channels, 16))) {}

    /// The first of the fragments of a head, which are four times `parts`: query, key and value along the channels, proj down them.
    constexpr int of_head(int head) const { return head * 4 * parts; }
    /// The first of those of 16 hidden channels: `parts` of fc1 along the channels, `parts` of fc2 down them.
    constexpr int of_hidden(int part) const { return of_head(heads) + part * 2 * parts; }
    constexpr int fragments() const { return of_hidden(hidden_parts); }
    /// The first of the numbers of a projection's (0 to 2) bias, a vector's by channel (SwinVector), fc1's bias, and a head's table: the
    /// row of a key dy pixels above and dx to the left of the query at (dy + 7) 16 + dx + 7.
    constexpr int of_projection(int head, int which) const { return (head * 3 + which) * depth; }
    constexpr int of_vector(int vector) const { return of_projection(heads, 0) + vector * channels; }
    constexpr int of_fc1() const { return of_vector(detail::SwinVector::count); }
    constexpr int of_table(int head) const { return of_fc1() + hidden_parts * 16 + head * table_size; }
    constexpr int numbers() const { return of_table(heads); }

    constexpr int lanes() const { return fragments() * warp::size; }
    /// Of all parameters together, in packed fragments' sizes.
    constexpr int runs() const { return lanes() + numbers() / 4; }
};

/// Lane k % 32 of fragment k / 32; behind the fragments, the numbers.
template <class T> struct PackSwinWeights {
    PackedFragment* to;
    detail::SwinPointers<float const> from;
    detail::SwinProblem problem;
    SwinSizes sizes;

    __device__ void operator()(Index index) const {
        int const k = static_cast<int>(index), lane = k % warp::size;
        if (k >= sizes.lanes()) {
            reinterpret_cast<float*>(to + sizes.lanes())[k - sizes.lanes()] = number(k - sizes.lanes());
            return;
        }
#pragma unroll
        for (int r = 0; r < 4; ++r) {
            int const row = lane / 4 + r % 2 * 8, column = lane % 4 * 2 + r / 2 * 8;
            to[k].element[r] = warp::packed<T>(weight(k / warp::size, row, column), weight(k / warp::size, row, column + 1));
        }
    }

private:
    using Matrix = detail::SwinMatrix;
    using Vector = detail::SwinVector;

    __device__ float scale(int which) const { return which == 0 ? 1 / std::sqrt(static_cast<float>(problem.grid.depth)) : 1.f; }
    __device__ float element(std::size_t matrix, Index row, Index column) const {
        Index const columns = problem.columns_of(matrix);
        return row < problem.rows_of(matrix) && column < columns ? from.matrix[matrix][row * columns + column] : 0.f;
    }
    __device__ float weight(int fragment, int row, int column) const {
        int const part = fragment % sizes.parts * 16, depth = static_cast<int>(problem.grid.depth);
        if (fragment < sizes.of_hidden(0)) {
            int const head = fragment / (4 * sizes.parts), which = fragment / sizes.parts % 4;
            if (which == 3) return column < depth ? element(Matrix::proj, channel_at(part + row), head * depth + column) : 0.f;
            Index const first = which * problem.grid.channels() + head * depth;
            return row < depth ? scale(which) * element(Matrix::qkv, first + row, channel_at(part + column)) : 0.f;
        }
        int const after = fragment - sizes.of_hidden(0), hidden = after / (2 * sizes.parts) * 16;
        return after / sizes.parts % 2 ? element(Matrix::fc2, channel_at(part + row), hidden + column)
                                       : element(Matrix::fc1, hidden + row, channel_at(part + column));
    }
    __device__ float number(int k) const {
        int const depth = static_cast<int>(problem.grid.depth);
        if (k < sizes.of_vector(0)) {
            int const which = k / sizes.depth % 3, c = k % sizes.depth, head = k / (3 * sizes.depth);
            return c < depth ? scale(which) * from.vector[Vector::qkv][which * problem.grid.channels() + head * depth + c] : 0.f;
        }
        if (k < sizes.of_fc1()) {
            int const after = k - sizes.of_vector(0), vector = after / sizes.channels, c = channel_at(after % sizes.channels);
            bool const by_channel = vector != int(Vector::qkv) && vector != int(Vector::fc1);
            return by_channel && c < problem.grid.channels() ? from.vector[static_cast<std::size_t>(vector)][c] : 0.f;
        }
        if (k < sizes.of_table(0)) return k - sizes.of_fc1() < problem.mlp_channels ? from.vector[Vector::fc1][k - sizes.of_fc1()] : 0.f;
        int const after = k - sizes.of_table(0), head = after / sizes.table_size, row = after % sizes.table_size;
        int const dy = row / sizes.table_side - 7, dx = row % sizes.table_side - 7, reach = static_cast<int>(problem.grid.window) - 1;
        if (dy < -reach || dy > reach || dx < -reach || dx > reach) return 0;
        return element(Matrix::table, (dy + reach) * problem.grid.table_side() + dx + reach, head);
    }
};

}  // namespace tacet::gpu
