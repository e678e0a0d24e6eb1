// SPDX-License-Identifier: MIT
#pragma once

namespace tacet {

/// The shared memory of this block as an S, which the launch gave it sizeof(S) bytes for. All of a kernel's shared memory is one S.
template <class S> __device__ S& shared_memory() {
    extern __shared__ __align__(128) unsigned char tacet_shared_memory[];
    return *reinterpret_cast<S*>(tacet_shared_memory);
}

}  // namespace tacet
