// SPDX-License-Identifier: MIT
#pragma once
#include <sys/resource.h>

namespace tacet {

/// The largest resident set of this process so far, in MB (10^6 bytes).
inline double peak_memory_mb() {
    struct ::rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    return static_cast<double>(usage.ru_maxrss) / 1e6;
#else
    return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
#endif
}

}  // namespace tacet
