// SPDX-License-Identifier: MIT
#pragma once

namespace tacet {

namespace detail {
inline bool& recording() {
    thread_local bool on = true;
    return on;
}
}  // namespace detail

/// While it lives, this thread records nothing: results have no gradient and keep no intermediate values.
class NoGrad {
public:
    NoGrad() : before_(detail::recording()) { detail::recording() = false; }
    ~NoGrad() { detail::recording() = before_; }
    NoGrad(NoGrad const&) = delete;
    NoGrad& operator=(NoGrad const&) = delete;

private:
    bool before_;
};

}  // namespace tacet
