// SPDX-License-Identifier: MIT
#pragma once
#include <support/op_run.hpp>

namespace tacet::test {

/// A case of the table of operations (support/op_case.hpp) whose `op.f32` runs on a device, the same with images stored in 16 bits, and the
/// file that it stands in. `half`, the same kernels once more, is compiled by nvcc alone.
struct DeviceCase {
    OpCase op;
    MakeRun bfloat16, half;
    std::string file;
};
/// All that this program has.
inline std::vector<DeviceCase>& device_cases() {
    static std::vector<DeviceCase> cases;
    return cases;
}

}  // namespace tacet::test
