// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/buffer.hpp>
#include <type_traits>

namespace tacet {

/// Device half of Cell: writes a value, in order with the kernels before and after, without waiting.
template <class D> struct CellKernel {
    static_assert(sizeof(D) == 0, "cells have no kernels for this device here: compile this file as .cu");
    static void set(auto const&...) {}
};
template <> struct CellKernel<Cpu> {
    template <class T> static void set(T* to, T const& value) { *to = value; }
};

/// One value in the memory of a device: what some kernels find out, and others go by. A copy shares it.
template <class T, Device D = Cpu> class Cell {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    explicit Cell(T const& value) : memory_(1, sizeof(T)) { set(value); }
    T* data() const { return static_cast<T*>(memory_.data()); }
    /// Nobody waits for this.
    void set(T const& value) const { CellKernel<D>::set(data(), value); }
    /// The value after all work before; on a GPU the host waits for that.
    T get() const {
        T value;
        Memory<D>::to_host(&value, data(), sizeof value);
        return value;
    }

private:
    Buffer<D> memory_;
};

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/core/cell.cuh>
#endif
