// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/async_copy.cuh>
#include <tacet/core/shared_memory.cuh>
#include <tacet/ops/swin_block_weights.cuh>

// A Swin block of windows of at most 8 x 8 tokens, on the tensor cores. Four warps have a window, each 16 of its tokens, whose features
// stay in its registers from the first normalisation to the result; only keys and values of a head go through shared memory.
namespace tacet::gpu {

/// What the kernel reads and writes. What it would compute from the problem again and again is in it.
template <class T> struct SwinImages {
    T const* x;  // (N, H, W, C)
    T* y;
    PackedFragment const* parameters;  // sizes.runs()
    std::uint8_t const* keep;          // (N, H, W) or null
    float const* factors;              // (2, N) or null
    SwinSizes sizes;
    detail::RolledImages<int> rolled;
    int n, channels, windows;
    float eps[2];

    SwinImages(T const* from, T* to, PackedFragment const* packed, detail::SwinProblem const& p)
        : x(from), y(to), parameters(packed), keep(p.keep), factors(p.factors), sizes(p), rolled(p.grid.rolled<int>()),
          n(static_cast<int>(p.grid.n)), channels(static_cast<int>(p.grid.channels())), windows(static_cast<int>(p.grid.windows())),
          eps{static_cast<float>(p.eps1), static_cast<float>(p.eps2)} {}
};

/// Keys (16 tokens by channels) and values (channels by 16 tokens) of a head, from four warps, twice: a warp may write those of the next
/// head while others read.
struct SwinExchange {
    static constexpr int warps = attention_threads / warp::size;
    PackedFragment key[2][warps][warp::size], value[2][warps][warp::size];
    // What each lane sees. Only that lane reads it, but from a register the compiler would make 32 conditions before the first head.
    std::uint32_t sees[warps][warp::size];
};
/// The windows that a block has at a time at most, and the shared memory of so many.
constexpr int swin_windows = 3;
inline std::size_t swin_shared_bytes(SwinSizes const& s, int windows) {
    return static_cast<std::size_t>(s.runs()) * sizeof(PackedFragment) + static_cast<std::size_t>(windows) * sizeof(SwinExchange);
}

__device__ inline warp::MatrixA unpacked(PackedFragment const& p) { return {{p.element[0], p.element[1], p.element[2], p.element[3]}}; }
__device__ inline PackedFragment as_packed(warp::MatrixA const& a) { return {{a.r[0], a.r[1], a.r[2], a.r[3]}}; }

/// The work of a warp in windows, one after the other.
template <class T> class SwinWindow {
public:
    __device__ SwinWindow(SwinImages<T> const& in, PackedFragment const* parameters, SwinExchange& exchange)
        : in_(in), fragments_(parameters), numbers_(reinterpret_cast<float const*>(parameters + in.sizes.lanes())), exchange_(exchange) {}

    /// Window number `index`; one that is not there is computed without reading or writing images, because barriers are for all.
    __device__ void run(int index) {
        find(index);
        load();
        normalize(Vector::norm1_weight, Vector::norm1_bias, in_.eps[0], true);
        add_vector(Vector::proj, factor_[0]);
        for (int head = 0; head < in_.sizes.heads; ++head, turn_ ^= 1) attend(head);
        normalize(Vector::norm2_weight, Vector::norm2_bias, in_.eps[1], false);
        add_vector(Vector::fc2, factor_[1]);
#pragma unroll 1  // registers are for one at a time
        for (int part = 0; part < in_.sizes.hidden_parts; ++part) add_hidden(part);
        store();
    }

private:
    using Vector = detail::SwinVector;
    using Place = detail::RolledImages<int>::Place;
    static constexpr int parts = SwinSizes::parts;

    __device__ Place place(bool there, detail::Origin<int> const& window, int i, int j) const {
        return there && i < in_.rolled.window && j < in_.rolled.window ? in_.rolled.place(window, i, j) : Place{-1, 0};
    }
    /// Token 8 i + j stands at (i, j) for windows of all sizes. This lane has those of column lane / 4 in two rows, and of each other row,
    /// as keys, two neighbours: bit 16 mine + 2 i + e tells whether the first (mine = 0) or second token sees them.
    __device__ void find(int index) {
        bool const there = index < in_.windows;
        auto const window = in_.rolled.origin(there ? index : 0);
        Place token[2];
#pragma unroll
        for (int mine = 0; mine < 2; ++mine) {
            token[mine] = place(there, window, 2 * warp_ + mine, warp::lane() / 4);
            pixel_[mine] = token[mine].pixel;
            kept_[mine] = pixel_[mine] >= 0 && (!in_.keep || in_.keep[pixel_[mine]]);
        }
        std::uint32_t sees = 0;
#pragma unroll
        for (int k = 0; k < 16; ++k) {
            auto const key = place(there, window, k / 2, warp::column_of_result(k));
#pragma unroll
            for (int mine = 0; mine < 2; ++mine)
                sees |= std::uint32_t(key.pixel >= 0 && key.region == token[mine].region) << (16 * mine + k);
        }
        exchange_.sees[warp_][warp::lane()] = sees;
        for (int branch = 0; branch < 2; ++branch) factor_[branch] = in_.factors ? in_.factors[branch * in_.n + window.image] : 1.f;
    }

    /// f(which of this lane's two tokens, part, channel) for the four channels from there on that this lane has of a token that is there:
    /// two in tile 2 part, two in the next one.
    template <class F> __device__ void each_run(F const& f) {
#pragma unroll
        for (int mine = 0; mine < 2; ++mine)
#pragma unroll
            for (int part = 0; part < parts; ++part)
                if (pixel_[mine] >= 0) f(mine, part, 16 * part + warp::lane() % 4 * 4);
    }
    __device__ void load() {
        int const channels = in_.channels;
        for (auto& tile : x_) tile = {};
        each_run([&](int mine, int part, int first) {
            T const* const from = in_.x + Index(pixel_[mine]) * channels + first;
            T run[4];
            if (first + 4 > channels || !load_vector(run, from))
                for (int e = 0; e < 4; ++e) run[e] = first + e < channels ? from[e] : static_cast<T>(0.f);
            for (int e = 0; e < 4; ++e) x_[2 * part + e / 2].v[2 * mine + e % 2] = static_cast<float>(run[e]);
        });
    }
    __device__ void store() {
        int const channels = in_.channels;
        each_run([&](int mine, int part, int first) {
            T* const to = in_.y + Index(pixel_[mine]) * channels + first;
            std::uint32_t run[2];
            for (int half = 0; half < 2; ++half)
                run[half] = warp::packed<T>(x_[2 * part + half].v[2 * mine], x_[2 * part + half].v[2 * mine + 1]);
            if (first + 4 <= channels && is_aligned<4>(to)) store_vector(reinterpret_cast<std::uint32_t*>(to), run);
            else
                for (int e = 0; e < 4; ++e)
                    if (first + e < channels) to[e] = T::from_bits(static_cast<std::uint16_t>(run[e / 2] >> 16 * (e % 2)));
        });
    }

    /// z_ = the normalised tokens; as zeros where they are hidden and that counts.
    __device__ void normalize(std::size_t weight, std::size_t bias, float eps, bool masked) {
        auto const count = static_cast<float>(in_.channels);
        float mean[2] = {0, 0}, scale[2] = {0, 0};
        each_number([&](int mine, int, float v) { mean[mine] += v; });
        for (float& v : mean) v = warp::sum<Scores::lanes_of_query>(v) / count;
        each_number([&](int mine, int channel, float v) {
            if (channel < in_.channels) scale[mine] += (v - mean[mine]) * (v - mean[mine]);
        });
        for (float& v : scale) v = 1 / std::sqrt(warp::sum<Scores::lanes_of_query>(v) / count + eps);
        float const *const w = vector(weight), *const b = vector(bias);
#pragma unroll
        for (int part = 0; part < parts; ++part) {
            warp::MatrixC z[2];
#pragma unroll
            for (int half = 0; half < 2; ++half)
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    int const at = 16 * part + 8 * half + warp::column_of_result(e);
                    float const v = (x_[2 * part + half].v[e] - mean[e / 2]) * scale[e / 2] * w[at] + b[at];
                    z[half].v[e] = masked && !kept_[e / 2] ? 0.f : v;
                }
            z_[part] = as_left<T>(z[0], z[1]);
        }
    }
    /// f(which of this lane's two tokens, channel, number).
    template <class F> __device__ void each_number(F const& f) const {
#pragma unroll
        for (int tile = 0; tile < 2 * parts; ++tile)
#pragma unroll
            for (int e = 0; e < 4; ++e) f(e / 2, channel_at(8 * tile + warp::column_of_result(e)), x_[tile].v[e]);
    }
    __device__ float const* vector(std::size_t which) const { return numbers_ + in_.sizes.of_vector(static_cast<int>(which)); }
    __device__ void add_vector(std::size_t which, float factor) {
        float const* const v = vector(which);
#pragma unroll
        for (int tile = 0; tile < 2 * parts; ++tile)
#pragma unroll
            for (int e = 0; e < 4; ++e) x_[tile].v[e] += factor * v[8 * tile + warp::column_of_result(e)];
    }

    /// A fragment of the weights.
    __device__ warp::MatrixA fragment(int number) const { return unpacked(fragments_[number * warp::size + warp::lane()]); }
    /// Sixteen channels (columns) of a layer from z_, whose fragments begin at `first`.
    __device__ void project(warp::MatrixC (&y)[2], int first, float const* bias) const {
#pragma unroll
        for (int e = 0; e < 8; ++e) y[e / 4].v[e % 4] = bias[e / 4 * 8 + warp::column_of_result(e % 4)];
#pragma unroll
        for (int part = 0; part < parts; ++part) multiply_rows<T>(y, z_[part], fragment(first + part));
    }
    /// x_ += a times the fragments from `first` on.
    __device__ void add_product(warp::MatrixA const& a, int first) {
#pragma unroll
        for (int part = 0; part < parts; ++part) multiply_rows<T>(x_ + 2 * part, a, fragment(first + part));
    }

    /// x_ += what a head gives.
    __device__ void attend(int head) {
        int const first = in_.sizes.of_head(head);
        float const* const bias = numbers_ + in_.sizes.of_projection(head, 0);
        auto &key = exchange_.key[turn_], &value = exchange_.value[turn_];
        warp::MatrixC y[2];
        project(y, first + parts, bias + SwinSizes::depth);
        key[warp_][warp::lane()] = as_packed(as_left<T>(y[0], y[1]));
#pragma unroll
        for (int e = 0; e < 8; ++e) y[e / 4].v[e % 4] = bias[2 * SwinSizes::depth + warp::row_of_result(e % 4)];
#pragma unroll
        for (int part = 0; part < parts; ++part) multiply_rows<T>(y, fragment(first + 2 * parts + part), z_[part]);  // values, transposed
        value[warp_][warp::lane()] = as_packed(as_left<T>(y[0], y[1]));
        project(y, first, bias);
        auto const query = as_left<T>(y[0], y[1]);
        __syncthreads();
        Scores scores = biases(numbers_ + in_.sizes.of_table(head));
#pragma unroll
        for (int k = 0; k < SwinExchange::warps; ++k) multiply_rows<T>(scores.tile + 2 * k, query, unpacked(key[k][warp::lane()]));
        hide(scores);
        float inverse[2];
        scores.exponentials(inverse);
        warp::MatrixC sum[2];
#pragma unroll
        for (int k = 0; k < SwinExchange::warps; ++k)
            multiply_rows<T>(sum, as_left<T>(scores.tile[2 * k], scores.tile[2 * k + 1]), unpacked(value[k][warp::lane()]));
#pragma unroll
        for (int e = 0; e < 8; ++e) sum[e / 4].v[e % 4] *= inverse[e % 4 / 2] * factor_[0];
        add_product(as_left<T>(sum[0], sum[1]), first + 3 * parts);
    }
    /// The head's biases of this warp's queries by all keys.
    __device__ Scores biases(float const* table) const {
        constexpr int side = SwinSizes::table_side;
        float const* const at = table + (2 * warp_ + 7) * side + warp::lane() / 4 + 7 - warp::column_of_result(0);
        Scores s;
#pragma unroll
        for (int row = 0; row < Scores::tiles; ++row)
#pragma unroll
            for (int e = 0; e < 4; ++e) s.tile[row].v[e] = at[(e / 2 - row) * side - e % 2];
        return s;
    }
    /// What the queries do not see becomes minus infinity.
    __device__ void hide(Scores& s) const {
        std::uint32_t const sees = exchange_.sees[warp_][warp::lane()];
        if (sees == ~0u) return;
#pragma unroll
        for (int row = 0; row < Scores::tiles; ++row)
#pragma unroll
            for (int e = 0; e < 4; ++e)
                if (!(sees >> (e / 2 * 16 + 2 * row + e % 2) & 1)) s.tile[row].v[e] = -std::numeric_limits<float>::infinity();
    }

    /// What sixteen hidden channels give to the result.
    __device__ void add_hidden(int part) {
        int const first = in_.sizes.of_hidden(part);
        warp::MatrixC y[2];
        project(y, first, numbers_ + in_.sizes.of_fc1() + 16 * part);
#pragma unroll
        for (int e = 0; e < 8; ++e) y[e / 4].v[e % 4] = factor_[1] * fn::Gelu{}(y[e / 4].v[e % 4]);
        add_product(as_left<T>(y[0], y[1]), first + parts);
    }

    SwinImages<T> const& in_;
    PackedFragment const* fragments_;
    float const* numbers_;
    SwinExchange& exchange_;
    int const warp_ = warp::number() % SwinExchange::warps;  // of the window's four
    int turn_ = 0;                                           // which keys and values the next head takes
    int pixel_[2];                // of this lane's tokens, -1: not there
    bool kept_[2];                // whether the mask shows them
    float factor_[2];             // of the branches
    warp::MatrixC x_[2 * parts];  // this warp's tokens by channels: x, later the result
    warp::MatrixA z_[parts];      // normalised
};

/// All windows: the block's part of them, blockDim.x / 128 at a time.
template <class T> __global__ void __launch_bounds__(swin_windows * attention_threads) swin_block(SwinImages<T> in) {
    auto* const memory = &shared_memory<PackedFragment>();
    for (int k = static_cast<int>(threadIdx.x); k < in.sizes.runs(); k += static_cast<int>(blockDim.x))
        copy_async<16>(memory + k, in.parameters + k);
    close_copies();
    wait_for_copies();
    __syncthreads();
    int const own = warp::number() / SwinExchange::warps, at_once = static_cast<int>(blockDim.x) / attention_threads;
    SwinWindow<T> window(in, memory, reinterpret_cast<SwinExchange*>(memory + in.sizes.runs())[own]);
    for (int first = static_cast<int>(blockIdx.x) * at_once; first < in.windows; first += static_cast<int>(gridDim.x) * at_once)
        window.run(first + own);
}

}  // namespace tacet::gpu
