// SPDX-License-Identifier: MIT
#pragma once
#include <cuda_runtime.h>

namespace tacet {

template <class S> S& shared_memory() { return *reinterpret_cast<S*>(emulation::shared_memory()); }

}  // namespace tacet
