// SPDX-License-Identifier: MIT
#pragma once
#include <string>

namespace tacet::test {

/// What the device computes differently from the CPU in the cases of a public function, in float and with images in 16 bits, whose results
/// and gradients are compared with the CPU's in double, in several orders of threads where the device is emulated; one line per failed
/// run, or nothing. A function without a case is wrong, too. The distances go to the table of nmse.hpp.
std::string device_failures_of(std::string const& name);
/// The same for all functions of expressions, whose cases stand in tests/expr.
std::string device_failures_of_functions();
/// The cases that the CPU has and the device lacks, one a line.
std::string cases_missing_on_device();

}  // namespace tacet::test
