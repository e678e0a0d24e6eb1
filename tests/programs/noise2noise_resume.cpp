// SPDX-License-Identifier: MIT
#include <support/training.hpp>

namespace noise2noise_resume_test {
using namespace tacet;
using namespace tacet::test;
namespace fs = std::filesystem;

namespace {
// Small pictures to train on and to validate with: generated ones would take most of the time.
std::string pictures() {
    static ScratchFolder const dir;
    if (!fs::exists(dir / "a.png")) write_picture(dir / "a.png", picture(32, 40)), write_picture(dir / "b.png", picture(40, 32));
    return dir.path;
}
Words words(fs::path const& run) {
    return small_training(run, {"--train", pictures(), "--valid", pictures(), "--steps", "40"});
}

// What the run that nothing stopped ends with, trained once.
struct Uninterrupted : ScratchFolder {
    Uninterrupted() {
        auto const began = std::chrono::steady_clock::now();
        auto const p = train(words(*this / "run"));
        if (p.status != 0) throw std::runtime_error("the run failed: " + p.err);
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    }
    double seconds = 0;
};
Uninterrupted const& uninterrupted() {
    static Uninterrupted const run;
    return run;
}

void check_finishes_alike(fs::path const& run) {
    auto const p = train(words(run));
    INFO(p.err);
    REQUIRE(p.status == 0);
    fs::path const whole = uninterrupted() / "run";
    CHECK(read_file(run / "last.safetensors") == read_file(whole / "last.safetensors"));
    CHECK(read_file(run / "best.safetensors") == read_file(whole / "best.safetensors"));
    CHECK(logged_steps(run, "psnr") == std::vector<Index>{10, 20, 30, 40});
    auto without_time = [](fs::path const& log) {
        std::vector<std::string> lines;
        for (auto const& record : read_log(log)) lines.push_back(record.dump());
        return lines;
    };
    CHECK(without_time(run / "log.jsonl") == without_time(whole / "log.jsonl"));
    CHECK(fs::exists(run / "report.html"));
    for (auto const& entry : fs::directory_iterator(run)) CHECK(entry.path().filename().string().find("tacet-tmp") == std::string::npos);
}
}  // namespace

TEST_CASE("noise2noise_train: killed when a file appears, resumed: the same bits") {
    // The configuration is written: before the first checkpoint. The first checkpoint. The first validation's picture: before its
    // checkpoint. The best weights: between them and the checkpoint. A later picture.
    for (char const* file : {"config.json", "last.safetensors", "montage-10.png", "best.safetensors", "montage-30.png"}) {
        ScratchFolder dir;
        auto const p = train(words(dir / "run"), {.signal = SIGKILL, .signal_when = dir / "run" / file});
        INFO(file);
        REQUIRE(p.signalled);
        check_finishes_alike(dir / "run");
    }
}

TEST_CASE("noise2noise_train: killed again and again at arbitrary moments: the same bits") {
    ScratchFolder dir;
    double const whole = uninterrupted().seconds;
    for (double share : {0.31, 0.53, 0.4, 0.47}) train(words(dir / "run"), {.signal = SIGKILL, .signal_after = share * whole});
    check_finishes_alike(dir / "run");
}

TEST_CASE("noise2noise_train: Ctrl-C saves, says so and exits with 0; the same command continues to the same bits") {
    for (char const* file : {"last.safetensors", "montage-20.png"}) {
        ScratchFolder dir;
        auto const p = train(words(dir / "run"), {.signal = SIGINT, .signal_when = dir / "run" / file});
        INFO(p.err);
        REQUIRE(p.signalled);
        CHECK(p.status == 0);
        CHECK_THAT(p.err, contains("stopped and saved; the same command continues"));
        auto const step = std::stol(read_safetensors(dir / "run/last.safetensors").metadata.at("step"));
        CHECK(step < 40);
        CHECK(fs::exists(dir / "run/report.html"));
        check_finishes_alike(dir / "run");
    }
}

TEST_CASE("noise2noise_train: Ctrl-C in a validation ends it first, saves after it and exits with 0; the rest is the same bits") {
    ScratchFolder dir;
    for (std::uint32_t k = 0; k < 8; ++k) write_picture(dir / ("valid/" + std::to_string(k) + ".png"), picture(256, 256, 3, k));
    auto const run_words = [&](char const* run) {  // a step takes a few milliseconds, its validation much longer
        return small_training(dir / run, {"--train", pictures(), "--valid", dir / "valid", "--steps", "5", "--valid-every", "1",
                                          "--save-every", "100", "--valid-images", "8", "--width", "4"});
    };
    REQUIRE(train(run_words("whole")).status == 0);
    // The record of a step's loss is written just before its validation, whose own record follows.
    auto const p = train(run_words("run"),
                         {.signal = SIGINT, .signal_when = dir / "run/log.jsonl", .signal_when_holds = "{\"step\":2,\"loss\""});
    INFO(p.err);
    REQUIRE(p.signalled);
    CHECK(p.status == 0);
    CHECK_THAT(p.err, contains("stopped and saved; the same command continues"));
    auto const step = std::stol(read_safetensors(dir / "run/last.safetensors").metadata.at("step"));
    CHECK((step == 2 || step == 3));  // 3: on a machine so busy that the signal was late
    std::vector<Index> validated;
    for (Index k = 1; k <= step; ++k) validated.push_back(k);
    CHECK(logged_steps(dir / "run", "psnr") == validated);  // a validation that began is whole
    CHECK(fs::exists(dir / "run" / ("montage-" + std::to_string(step) + ".png")));
    REQUIRE(train(run_words("run")).status == 0);
    for (char const* file : {"last.safetensors", "best.safetensors", "montage-5.png"})
        CHECK(read_file(dir / "run" / file) == read_file(dir / "whole" / file));
    CHECK(logged_steps(dir / "run", "psnr") == std::vector<Index>{1, 2, 3, 4, 5});
}

TEST_CASE("noise2noise_train: a second process in the same run is refused, and the first is not disturbed") {
    ScratchFolder dir;
    auto const run = dir / "run";
    Process second;
    std::thread other([&] {
        for (int k = 0; k < 30'000 && !fs::exists(run / "last.safetensors"); ++k) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        second = train(words(run));
    });
    auto const first = train(words(run));
    other.join();
    CHECK(first.status == 0);
    check_refused(second, "another process is training in this folder");
    check_finishes_alike(run);
}

TEST_CASE("noise2noise_train: a run that was begun otherwise is refused with the difference") {
    ScratchFolder dir;
    auto const p = train(words(dir / "run"), {.signal = SIGKILL, .signal_when = dir / "run/last.safetensors"});
    REQUIRE(p.signalled);
    auto changed = words(dir / "run");
    changed.insert(changed.end(), {"--steps", "50", "--adam.rate", "0.1"});
    auto const q = train(changed);
    check_refused(q, "steps: 40 -> 50");
    CHECK_THAT(q.err, contains("adam.rate: 0.001 -> 0.1"));
}
}  // namespace noise2noise_resume_test
