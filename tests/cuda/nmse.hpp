// SPDX-License-Identifier: MIT
#pragma once
#include <string>

namespace tacet::test {

/// Notes a row of the table "the device against the CPU, same inputs": how far what `name` gives, stored as `type`, is from what the CPU
/// gives (squared distance over squared norm), and how far it may be; of several distances of one name the largest stays. The rows so far
/// go to the file that the environment variable TACET_NMSE names: a list of {name, type, nmse, limit, device}, or a table in Markdown
/// where the name ends in ".md". Returns nmse.
double record_nmse(std::string const& name, std::string const& type, double nmse, double limit);

}  // namespace tacet::test
