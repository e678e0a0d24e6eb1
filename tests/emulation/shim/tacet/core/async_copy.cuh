// SPDX-License-Identifier: MIT
#pragma once
#include <cuda_runtime.h>

namespace tacet {

template <int bytes> void copy_async(void* to, void const* from, bool valid = true) {
    static_assert(bytes == 4 || bytes == 8 || bytes == 16);
    auto const aligned = [](void const* p) { return reinterpret_cast<std::uintptr_t>(p) % bytes == 0; };
    if (!aligned(to) || (valid && !aligned(from))) throw emulation::Fault("copy_async: an address is not a multiple of its size");
    emulation::copy_later(to, from, bytes, valid ? bytes : 0);
}
inline void close_copies() { emulation::close_group(); }
template <int pending = 0> void wait_for_copies() { emulation::wait_for_groups(pending); }

}  // namespace tacet
