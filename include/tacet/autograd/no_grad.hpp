// SPDX-License-Identifier: MIT
#pragma once
#include <utility>

namespace tacet {

namespace detail {
inline bool& recording() {
    thread_local bool on = true;
    return on;
}

/// Sets, while it lives, whether this thread records.
class Recording {
public:
    explicit Recording(bool on) : before_(std::exchange(recording(), on)) {}
    ~Recording() { recording() = before_; }
    Recording(Recording const&) = delete;
    Recording& operator=(Recording const&) = delete;

private:
    bool before_;
};
}  // namespace detail

/// While it lives, this thread records nothing: results have no gradient and keep no intermediate values.
class NoGrad {
    detail::Recording const off_{false};
};

}  // namespace tacet
