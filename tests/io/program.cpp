// SPDX-License-Identifier: MIT
#include <tacet/io/program.hpp>

#include <support/capture.hpp>
#include <support/catch.hpp>

#include "option_sample.hpp"

namespace program_test {
using option_sample::Sample;
using tacet::test::Capture;

namespace {

struct Outcome {
    int status;
    std::string out, error;
};

template <class Body> Outcome run(std::vector<char const*> args, Body body, tacet::Program program = {}) {
    args.insert(args.begin(), "/usr/bin/sample");
    Capture out(stdout), error(stderr);
    int const status = tacet::run_main<Sample>(static_cast<int>(args.size()), args.data(), program, body);
    std::string const error_text = error.stop();
    return {status, out.stop(), error_text};
}

}  // namespace

TEST_CASE("program: runs the body with the options") {
    int steps = 0;
    Outcome const ok = run({"--output", "x", "--steps", "7"}, [&](Sample const& o) {
        steps = o.steps;
        std::puts("result");
    });
    CHECK(ok.status == 0);
    CHECK(steps == 7);
    CHECK(ok.out == "result\n");
    CHECK(ok.error.empty());
    CHECK(run({"--output", "x"}, [](Sample const&) { return 3; }).status == 3);
}

TEST_CASE("program: --help and --version go to stdout and do not run the body") {
    bool ran = false;
    auto const body = [&](Sample const&) { ran = true; };
    Outcome const help = run({"--help"}, body, {.description = "Does things."});
    CHECK(help.status == 0);
    CHECK(help.out.starts_with("Usage: sample --output DIR [OPTION]... [INPUT...]\n\nDoes things.\n"));
    CHECK(help.error.empty());
    Outcome const version = run({"--version"}, body, {.name = "n2n", .version = "1.2.3"});
    CHECK(version.status == 0);
    CHECK(version.out.starts_with(std::string("n2n 1.2.3 (tacet " TACET_VERSION ", isa ") + tacet::isa() + ", "));
    CHECK(version.out.ends_with(")\n"));
    CHECK_FALSE(ran);
}

TEST_CASE("program: a mistake is one line on stderr and a status") {
    auto const nothing = [](Sample const&) {};
    Outcome const usage = run({"--output", "x", "--step", "7"}, nothing);
    CHECK(usage.status == 2);
    CHECK(usage.out.empty());
    CHECK(usage.error == "sample: unknown option --step (did you mean --steps?)\n");

    Outcome const error = run({"--output", "x"}, [](Sample const&) { throw tacet::Error("a.png: no such file"); });
    CHECK(error.status == 1);
    CHECK(error.error == "sample: a.png: no such file\n");
    CHECK(run({"--output", "x"}, [](Sample const&) { throw tacet::UsageError("bad"); }).status == 2);
    Outcome const memory = run({"--output", "x"}, [](Sample const&) { throw std::bad_alloc(); });
    CHECK(memory.status == 1);
    CHECK(memory.error == "sample: out of memory\n");
    Outcome const other = run({"--output", "x"}, [](Sample const&) { throw std::logic_error("oops"); });
    CHECK(other.status == 1);
    CHECK(other.error == "sample: oops\n");
    Outcome const config = run({"--config", "/nonexistent.json"}, nothing);
    CHECK(config.status == 1);
    CHECK(config.error == "sample: /nonexistent.json: cannot open: No such file or directory\n");
}

TEST_CASE("program: a full disk behind stdout is an error") {
    if (access("/dev/full", W_OK) != 0) return tacet::test::skip("no /dev/full");
    char const* args[] = {"sample", "--help"};
    int status = 0;
    std::string error_text;
    {
        Capture out(stdout, "/dev/full"), error(stderr);
        status = tacet::run_main<Sample>(2, args, {}, [](Sample const&) {});
        error_text = error.stop();
        std::clearerr(stdout);
    }
    CHECK(status == 1);
    CHECK(error_text == "sample: cannot write to standard output\n");
}
}  // namespace program_test
