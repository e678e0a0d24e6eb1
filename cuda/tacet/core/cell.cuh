// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/cell.hpp>
#include <tacet/core/launch.cuh>

namespace tacet {
namespace gpu {

template <class T> struct SetCell {
    T* to;
    T value;  // goes with the launch, as its argument
    __device__ void operator()(Index) const { *to = value; }
};

}  // namespace gpu

template <> struct CellKernel<Cuda> {
    template <class T> static void set(T* to, T const& value) { launch_each("set", 1, gpu::SetCell<T>{to, value}); }
};

}  // namespace tacet
