// SPDX-License-Identifier: MIT
#pragma once
#include <cuda_runtime.h>

namespace tacet {
namespace warp {

constexpr int size = emulation::warp_size;

inline int lane() { return static_cast<int>(threadIdx.x % size); }
inline int number() { return static_cast<int>(threadIdx.x / size); }

template <class T> struct Exchange {
    T v;
    int from;  // the lane whose v this one gets
};
/// Every lane gets the v of the lane that it names.
template <class T> T gather(char const* primitive, T v, int from) {
    Exchange<T> mine{v, from};
    emulation::meet(primitive, &mine, [](std::span<void* const, size> lanes) {
        T all[size];
        for (unsigned k = 0; k < size; ++k) all[k] = static_cast<Exchange<T>*>(lanes[k])->v;
        for (void* lane : lanes) static_cast<Exchange<T>*>(lane)->v = all[static_cast<Exchange<T>*>(lane)->from];
    });
    return mine.v;
}
template <class T> T exchange(T v, int mask) { return gather("warp::exchange", v, lane() ^ mask); }
template <class T> T broadcast(T v, int from) { return gather("warp::broadcast", v, from); }
inline void sync() {
    emulation::meet("warp::sync", nullptr, [](std::span<void* const, size>) {});
}

}  // namespace warp
}  // namespace tacet
