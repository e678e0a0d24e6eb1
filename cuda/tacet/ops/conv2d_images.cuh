// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/divisor.cuh>
#include <tacet/core/vector_access.cuh>
#include <tacet/ops/conv2d.hpp>
#include <algorithm>

// The images that a convolution reads, as a factor of a matrix product (core/product_factor.cuh): nobody puts that matrix together.
namespace tacet::gpu {

/// A position of a sliding window: element k of (n, rows, cols).
struct WindowPosition {
    Index image;
    int i, j;
    WindowPosition() = default;
    __device__ WindowPosition(Index k, Index rows, Index cols)
        : image(k / (rows * cols)), i(static_cast<int>(k / cols % rows)), j(static_cast<int>(k % cols)) {}
    /// The next ones but n - 1.
    __device__ void advance(int n, int rows, int cols) {
        for (j += n; j >= cols; j -= cols)
            if (++i == rows) i = 0, ++image;
    }
};
/// A tap of it: element l of (taps, cols, channels). In 32 bits, as all weights of an output channel are fewer than 2^31.
struct WindowTap {
    int u, v, channel;
    __device__ WindowTap(Index l, int cols, int channels) {
        int const tap = static_cast<int>(l) / channels;
        u = tap / cols, v = tap % cols, channel = static_cast<int>(l) - tap * channels;
    }
    __device__ void advance(int n, int cols, int channels) {
        for (channel += n; channel >= channels; channel -= channels)
            if (++v == cols) v = 0, ++u;
    }
};

/// Some channels of images, perhaps magnified.
template <class T> struct SeenPlane {
    T const* data;
    Index pixel;
    int channels, rows, columns;  // as they lie in memory
    Divisor scale;

    SeenPlane(detail::kernel::Plane<T> const& p, Index h, Index w)
        : data(p.data), pixel(p.pixel), channels(static_cast<int>(p.channels)), rows(static_cast<int>(h / p.scale)),
          columns(static_cast<int>(w / p.scale)), scale(p.scale) {}
    __device__ T const* at(Index image, int r, int c, int channel) const {
        return data + ((image * rows + scale(r)) * columns + scale(c)) * pixel + channel;
    }
};

/// What positions see through their taps, (taps, cols, channels): a line for each position, the batch are the groups. The left factor of a
/// convolution, where it is deep; the right one of the weight gradient, where positions are what is summed over.
template <class T, bool is_deep> struct SeenPixels {
    static constexpr bool deep = is_deep;
    using Element = T;
    struct Line {
        WindowPosition at;
        int channel;  // where those of the group begin
    };
    using Spot = WindowTap;

    /// `channels`: of a group. `by_fours`: the positions come in windows of 2 x 2, four after another; those that fill none are left out.
    SeenPixels(detail::kernel::Images<T> const& x, detail::kernel::Axis const& rows, detail::kernel::Axis const& cols, Index channels,
               bool by_fours = false)
        : first_(x.first, x.h, x.w), second_(x.second, x.h, x.w), mode_(x.mode), rows_(rows), cols_(cols),
          channels_(static_cast<int>(channels)), taps_(static_cast<int>(std::max<Index>(1, cols.taps))), by_fours_(by_fours) {}

    __device__ Line line(Index group, Index position) const {
        int const channel = static_cast<int>(group) * channels_;
        if (!by_fours_) return {WindowPosition(position, rows_.count, cols_.count), channel};
        WindowPosition at(position / 4, rows_.count / 2, cols_.count / 2);
        at.i = 2 * at.i + static_cast<int>(position % 4) / 2, at.j = 2 * at.j + static_cast<int>(position % 2);
        return {at, channel};
    }
    __device__ Spot spot(Index at) const { return WindowTap(at, taps_, channels_); }
    __device__ void advance(Line& line, int n) const { line.at.advance(n, static_cast<int>(rows_.count), static_cast<int>(cols_.count)); }
    __device__ void advance(Spot& tap, int n) const { tap.advance(n, taps_, channels_); }

    __device__ T operator()(Line const& line, Spot const& tap) const {
        Seen const seen = at(line, tap);
        return seen.pixel ? *seen.pixel : T(0);
    }
    template <int N> __device__ bool load(T (&to)[N], Line const& line, Spot const& tap) const {
        if (tap.channel + N > channels_) return false;
        Seen const seen = at(line, tap);
        if (seen.pixel) return seen.channels >= N && load_vector(to, seen.pixel);
#pragma unroll
        for (T& element : to) element = T(0);
        return true;
    }

private:
    struct Seen {
        T const* pixel;  // null outside
        int channels;    // from there on, of the plane that it lies in
    };
    __device__ Seen at(Line const& line, Spot const& tap) const {
        int const r = read(rows_, line.at.i, tap.u), c = read(cols_, line.at.j, tap.v), channel = line.channel + tap.channel;
        if (r < 0 || c < 0) return {nullptr, 0};
        if (channel < first_.channels) return {first_.at(line.at.image, r, c, channel), first_.channels - channel};
        return {second_.at(line.at.image, r, c, channel - first_.channels), first_.channels + second_.channels - channel};
    }
    /// The pixel of an axis that a position sees through a tap, or -1 for zero.
    __device__ int read(detail::kernel::Axis const& axis, int position, int tap) const {
        int const at = position * static_cast<int>(axis.in_step) + static_cast<int>(axis.first) + tap * static_cast<int>(axis.spacing);
        return detail::kernel::source(at, static_cast<int>(axis.in), mode_);
    }

    SeenPlane<T> first_, second_;
    PaddingMode mode_;
    detail::kernel::Axis rows_, cols_;
    int channels_, taps_;  // those of a row: some phases of an input gradient have none, and nothing is divided by 0 all the same
    bool by_fours_;
};

}  // namespace tacet::gpu
