// SPDX-License-Identifier: MIT
#include <tacet/io/environment.hpp>

#include <algorithm>
#include <string>

#include <support/catch.hpp>

namespace environment_test {
namespace {
std::string value(tacet::Facts const& facts, std::string const& name) {
    auto const found = std::find_if(facts.begin(), facts.end(), [&](auto const& fact) { return fact.first == name; });
    return found == facts.end() ? "" : found->second;
}
}  // namespace

TEST_CASE("environment: names build and machine") {
    auto const facts = tacet::environment();
    CHECK(value(facts, "tacet") == TACET_VERSION);
    CHECK(value(facts, "instruction set") == tacet::isa());
    CHECK_FALSE(value(facts, "compiler").empty());
    CHECK(std::stoi(value(facts, "hardware threads")) >= 0);
    CHECK(value(facts, "date").ends_with(" UTC"));
    for (auto const& fact : facts) CHECK(fact.second.find('\n') == std::string::npos);
}

TEST_CASE("environment: a moment as text") {
    CHECK(tacet::utc_text(0) == "1970-01-01 00:00 UTC");
    CHECK(tacet::utc_text(1772373900) == "2026-03-01 14:05 UTC");
}
}  // namespace environment_test
