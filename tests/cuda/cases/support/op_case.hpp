// SPDX-License-Identifier: MIT
#pragma once
#include <device_case.hpp>

// Stands in for the table of operations where the files of tests/ops are compiled for a device: the same cases, run there.
namespace tacet::test {

inline namespace on_device {
template <int... R> struct Case {
    template <class F> Case(OpCase op, F const& f, char const* file = __builtin_FILE()) {
        op.f32 = detail::make_run<float, Cuda, R...>(f);
        DeviceCase added{std::move(op), detail::make_run<BFloat16, Cuda, R...>(f), {}, file};
#ifdef __NVCC__
        added.half = detail::make_run<Half, Cuda, R...>(f);
#endif
        device_cases().push_back(std::move(added));
    }
};
}  // namespace on_device

std::string failures_of(std::string const& name);
bool has_case(std::string const& name);

}  // namespace tacet::test
