// SPDX-License-Identifier: MIT
#pragma once
#include <string>

namespace tacet::test {

/// What the emulated device computes differently from the CPU in the cases of a public function: results and gradients in float against
/// the CPU's in double, with several orders of warps; one line per failed run, or nothing. A function without a case is wrong, too.
std::string device_failures_of(std::string const& name);
/// The same for all functions of expressions, whose cases stand in tests/expr.
std::string device_failures_of_functions();
/// The cases that the CPU has and the device lacks, one a line.
std::string cases_missing_on_device();

}  // namespace tacet::test
