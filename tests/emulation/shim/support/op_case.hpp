// SPDX-License-Identifier: MIT
#pragma once
#include <support/op_run.hpp>

// Stands in for the table of operations where the files of tests/ops are compiled for the emulated device: the same cases, run there.
namespace tacet::test {

/// A case whose `f32` runs on the emulated device, and the file that it stands in.
struct DeviceCase {
    OpCase op;
    std::string file;
};
inline std::vector<DeviceCase>& device_cases() {
    static std::vector<DeviceCase> cases;
    return cases;
}

inline namespace on_device {
template <int... R> struct Case {
    template <class F> Case(OpCase op, F const& f, char const* file = __builtin_FILE()) {
        op.f32 = detail::make_run<float, Cuda, R...>(f);
        device_cases().push_back({std::move(op), file});
    }
};
}  // namespace on_device

std::string failures_of(std::string const& name);
bool has_case(std::string const& name);

}  // namespace tacet::test
