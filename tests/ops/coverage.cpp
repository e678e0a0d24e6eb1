// SPDX-License-Identifier: MIT
#include <support/catch.hpp>
#include <support/op_case.hpp>
#include <support/public_names.hpp>

namespace coverage_test {
using namespace tacet::test;

TEST_CASE("every public function of ops/*.hpp has a case") {
    auto const names = public_functions_of(source_dir() + "/include/tacet/ops");
    REQUIRE(names.size() >= 3);
    for (auto const& name : names) {
        INFO("the function " << name << " has no case: see tests/support/op_case.hpp");
        CHECK(has_case(name));
    }
}

TEST_CASE("every case names a function that exists") {
    auto const names = public_functions_of(source_dir() + "/include/tacet/ops");
    for (auto const& op : op_cases()) {
        INFO("the case " << op.title());
        CHECK(std::find(names.begin(), names.end(), op.name) != names.end());
    }
}
}  // namespace coverage_test
