// SPDX-License-Identifier: MIT
#pragma once

// The one way by which tests include Catch2: version 2 (one header, Debian 12) or version 3 (split headers). Where the two versions
// name things differently, the names of version 3 are made to work with both: Catch::Approx, Catch::Matchers::ContainsSubstring.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/matchers/catch_matchers_vector.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
namespace Catch {
using Detail::Approx;
namespace Matchers {
inline auto ContainsSubstring(std::string const& part) { return Contains(part); }
}  // namespace Matchers
}  // namespace Catch
#endif

#include <string>

namespace tacet::test {

/// Says that the running test case cannot check what it should, and why. Catch2 v2 has no SKIP, so the case must return after it:
/// `if (data_dir().empty()) return tacet::test::skip("TACET_DATA is not set");`. The case counts as skipped, unless it fails.
void skip(std::string const& reason);

/// Why this program can check nothing at all here, in which case it says so and skips; empty: it can. A program may define its own.
std::string missing();

/// The folder of test data that the environment variable TACET_DATA names, without a final slash; empty when it is not set.
std::string data_dir();

/// The root of the source tree (tests/golden lies below it).
std::string source_dir();

/// The folder with the built example programs.
std::string examples_dir();

/// A matcher for messages: `CHECK_THROWS_WITH(f(), contains("expected (2, 3)"))`, with either version of Catch2.
inline auto contains(std::string const& part) { return Catch::Matchers::ContainsSubstring(part); }

}  // namespace tacet::test
