// SPDX-License-Identifier: MIT
#include <tacet/io/log.hpp>

#include <csignal>
#include <limits>

#include <sys/resource.h>
#include <unistd.h>

#include <support/catch.hpp>
#include <support/scratch.hpp>

namespace log_test {
using tacet::Json;
using tacet::test::ScratchFile;

namespace {

std::vector<int> steps(std::vector<Json> const& records) {
    std::vector<int> out;
    for (auto const& record : records) out.push_back(record.find("step") ? record.at("step").integer<int>() : -1);
    return out;
}

}  // namespace

TEST_CASE("log: what is written is there at once and reads back") {
    ScratchFile const file;
    tacet::LogWriter log(file.path);
    log.write({{"step", 1}, {"loss", 0.25}, {"note", "a\nb"}});
    CHECK(file.text() == "{\"step\":1,\"loss\":0.25,\"note\":\"a\\nb\"}\n");
    log.write({{"step", 2}, {"loss", std::numeric_limits<double>::quiet_NaN()}});
    log.write({});
    auto const records = tacet::read_log(file.path);
    REQUIRE(records.size() == 3);
    CHECK(records[0].at("note").string() == "a\nb");
    CHECK(records[1].at("loss").is_null());
    CHECK(records[2].size() == 0);
}

TEST_CASE("log: opening an existing log appends to it") {
    ScratchFile const file;
    { tacet::LogWriter(file.path).write({{"step", 1}}); }
    { tacet::LogWriter(file.path).write({{"step", 2}}); }
    CHECK(steps(tacet::read_log(file.path)) == std::vector{1, 2});
}

TEST_CASE("log: a torn last line is dropped when reading, and cut off before more is appended") {
    for (std::string const torn : {"{\"step\":3,\"lo", "{", "{\"step\":3}"}) {
        ScratchFile const file("{\"step\":1}\n{\"step\":2}\n" + torn);
        CHECK(steps(tacet::read_log(file.path)) == std::vector{1, 2});
        tacet::LogWriter(file.path).write({{"step", 3}});
        CHECK(file.text() == "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
    }
    ScratchFile const zeros(std::string("{\"step\":1}\n\0\0\0\0\n", 16));  // what some file systems leave after a power cut
    CHECK(steps(tacet::read_log(zeros.path)) == std::vector{1});
    ScratchFile const only_torn("{\"ste");
    CHECK(tacet::read_log(only_torn.path).empty());
    tacet::LogWriter(only_torn.path).write({{"step", 1}});
    CHECK(only_torn.text() == "{\"step\":1}\n");
}

TEST_CASE("log: every possible tear of a log leaves whole records") {
    std::string const whole = "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.25}\n{\"step\":3,\"loss\":0.125}\n";
    for (std::size_t n = 0; n <= whole.size(); ++n) {
        ScratchFile const file(whole.substr(0, n));
        auto const kept = tacet::resume_log(file.path, 2);
        auto const lines = static_cast<std::size_t>(std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n), '\n'));
        CHECK(kept.size() == std::min<std::size_t>(lines, 2));
        tacet::LogWriter(file.path).write({{"step", 9}});
        CHECK(tacet::read_log(file.path).size() == kept.size() + 1);
    }
}

TEST_CASE("log: resuming cuts back to a step") {
    std::string const start = "{\"run\":\"a\"}\n{\"step\":10}\n{\"step\":10,\"psnr\":28}\n";
    ScratchFile const file(start + "{\"step\":11}\n{\"note\":\"after\"}\n{\"step\":12}\n{\"st");
    CHECK(steps(tacet::resume_log(file.path, 10)) == std::vector{-1, 10, 10});
    CHECK(file.text() == start);
    CHECK(steps(tacet::resume_log(file.path, 100)) == std::vector{-1, 10, 10});
    CHECK(file.text() == start);
    CHECK(steps(tacet::resume_log(file.path, 0)) == std::vector{-1});
    CHECK(tacet::resume_log("/nonexistent/log.jsonl", 5).empty());
}

TEST_CASE("log: errors") {
    ScratchFile const broken("{\"step\":1}\n{\"step\":\n{\"step\":3}\n");
    CHECK_THROWS_WITH(tacet::read_log(broken.path), tacet::test::contains(broken.path.string() + ":2: syntax error"));
    ScratchFile const number("{\"step\":1}\n7\n{\"step\":3}\n");
    CHECK_THROWS_WITH(tacet::read_log(number.path), number.path.string() + ":2: expected an object, found a number");
    CHECK_THROWS_WITH(tacet::read_log("/nonexistent.jsonl"), "/nonexistent.jsonl: cannot open: No such file or directory");
    CHECK_THROWS_WITH(tacet::LogWriter("/nonexistent/log.jsonl"), "/nonexistent/log.jsonl: cannot open: No such file or directory");
}

TEST_CASE("log: a full disk is an error") {
    if (access("/dev/full", W_OK) != 0) return tacet::test::skip("no /dev/full");
    tacet::LogWriter log("/dev/full");
    CHECK_THROWS_WITH(log.write({{"step", 1}}), "/dev/full: cannot write: No space left on device");
    CHECK_THROWS_WITH(log.write({{"step", 2}}), "/dev/full: cannot write: No space left on device");
}

TEST_CASE("log: a line that fits only in part is taken back") {
    ScratchFile const file;
    rlimit old{};
    getrlimit(RLIMIT_FSIZE, &old);
    auto const old_handler = std::signal(SIGXFSZ, SIG_IGN);
    std::string message;
    {
        tacet::LogWriter log(file.path);
        log.write({{"step", 1}});
        rlimit small = old;
        small.rlim_cur = 20;  // the first line has 11 bytes
        setrlimit(RLIMIT_FSIZE, &small);
        try {
            log.write({{"step", 2}, {"loss", 0.5}});
        } catch (tacet::Error const& e) { message = e.what(); }
        setrlimit(RLIMIT_FSIZE, &old);
        CHECK(file.text() == "{\"step\":1}\n");
        log.write({{"step", 3}});
    }
    std::signal(SIGXFSZ, old_handler);
    CHECK(message == file.path.string() + ": cannot write: File too large");
    CHECK(file.text() == "{\"step\":1}\n{\"step\":3}\n");
}
}  // namespace log_test
