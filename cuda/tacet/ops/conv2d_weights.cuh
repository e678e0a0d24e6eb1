// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/part_sum.cuh>
#include <tacet/ops/conv2d_images.cuh>

// The weights of a convolution, (oc, c / groups, taps) in memory, as kernels want them.
namespace tacet::gpu {

/// The weights as the right factor of a convolution: (groups, taps, taps, channels, width), where output channels beyond those of a group
/// are zeros.
template <class T, class W> struct PackWeights {
    T* packed;
    detail::kernel::Dense<T, W> d;
    Index width;
    __device__ void operator()(Index k) const {
        Index const out = k % width, line = k / width, lines = d.rows.taps * d.cols.taps * d.in_channels;
        WindowTap const tap(line % lines, static_cast<int>(d.cols.taps), static_cast<int>(d.in_channels));
        packed[k] = out < d.out_channels ? static_cast<T>(*d.weight(line / lines, out, tap.channel, tap.u, tap.v)) : T(0);
    }
};
/// The same with the channels innermost, (oc, taps, c / groups), in the type of the images.
template <class T> struct ChannelsLast {
    T* to;
    Wide<T> const* w;
    Index channels, taps;  // of a group
    __device__ void operator()(Index k) const {
        Index const tap = k / channels;
        to[k] = static_cast<T>(w[(tap / taps * channels + k % channels) * taps + tap % taps]);
    }
};
/// Weight gradients (oc, c / groups, taps) from parts of them (groups, parts, oc / groups, taps, c / groups): see launch_part_sums.
template <class W, class S> struct WeightSum {
    W* gw;
    S const* part;
    Index parts, in_group, in_channels, taps, depth = taps * in_channels, stride = in_group * depth;
    __device__ S const* first(Index k) const {
        Index const out = k / depth, group = out / in_group;
        return part + (group * parts * in_group + out % in_group) * depth + k % depth;
    }
    __device__ void write(Index k, double sum) const {
        Index const out = k / depth, l = k % depth;
        gw[(out * in_channels + l % in_channels) * taps + l / in_channels] = static_cast<W>(sum);
    }
};

}  // namespace tacet::gpu
