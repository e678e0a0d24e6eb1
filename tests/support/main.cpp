// SPDX-License-Identifier: MIT
// The main function of every test program, compiled once. It ends with one line that test.sh adds up,
//     cases: 12 passed, 0 failed, 1 skipped
// and exits with 77 when every case skipped, so that ctest says so too. Running no case at all is a failure.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/interfaces/catch_interfaces_reporter.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using Listener = Catch::EventListenerBase;
#else
#define CATCH_CONFIG_RUNNER
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>
using Listener = Catch::TestEventListenerBase;
#endif

#include <support/catch.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#ifndef TACET_TEST_SOURCE_DIR
#define TACET_TEST_SOURCE_DIR "."
#endif
#ifndef TACET_TEST_EXAMPLES_DIR
#define TACET_TEST_EXAMPLES_DIR "build/release/examples"
#endif

namespace {

constexpr int all_skipped = 77;

struct Counts {
    int passed = 0;
    int failed = 0;
    int skipped = 0;
    bool ran = false;
};
Counts counts;
std::atomic<bool> case_skipped{false};

std::string variable(char const* name, char const* otherwise) {
    char const* const value = std::getenv(name);
    std::string text = value && *value ? value : otherwise;
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
}

class Counter : public Listener {
public:
    using Listener::Listener;

    void testCaseStarting(Catch::TestCaseInfo const&) override { case_skipped = false; }

    void testCaseEnded(Catch::TestCaseStats const& stats) override {
        if (stats.totals.testCases.failed > 0) ++counts.failed;
        else if (case_skipped) ++counts.skipped;
        else ++counts.passed;
    }

    void testRunEnded(Catch::TestRunStats const&) override { counts.ran = true; }
};
CATCH_REGISTER_LISTENER(Counter)

}  // namespace

namespace tacet::test {

void skip(std::string const& reason) {
    case_skipped = true;
    std::printf("SKIPPED: %s\n", reason.c_str());
    std::fflush(stdout);
}

[[gnu::weak]] std::string missing() { return ""; }
std::string data_dir() { return variable("TACET_DATA", ""); }
std::string source_dir() { return variable("TACET_TEST_SOURCE", TACET_TEST_SOURCE_DIR); }
std::string examples_dir() { return variable("TACET_TEST_EXAMPLES", TACET_TEST_EXAMPLES_DIR); }

}  // namespace tacet::test

// Weak: benchmarks/ops, which has a main function of its own, links this file for the sake of the cases.
[[gnu::weak]] int main(int argc, char** argv) {
    if (auto const reason = tacet::test::missing(); !reason.empty()) {
        std::printf("SKIPPED: %s\ncases: 0 passed, 0 failed, 1 skipped\n", reason.c_str());
        return all_skipped;
    }
    int const result = Catch::Session().run(argc, argv);
    if (!counts.ran) return result;   // --help, --list-tests
    std::printf("cases: %d passed, %d failed, %d skipped\n", counts.passed, counts.failed, counts.skipped);
    if (counts.passed + counts.failed + counts.skipped == 0) {
        std::fprintf(stderr, "no test case matches\n");
        return 1;
    }
    if (result != 0) return 1;   // Catch2 returns the number of failures, which could be 77
    return counts.passed == 0 ? all_skipped : 0;
}
