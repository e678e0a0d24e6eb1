// SPDX-License-Identifier: MIT
#include <tacet/io/progress.hpp>

#include <cstdlib>
#include <thread>
#include <vector>

#include <support/catch.hpp>

namespace progress_test {
namespace {

double now = 0;
double fake_clock() { return now; }

/// A stream whose text can be read back.
struct Sink {
    std::FILE* file = std::tmpfile();
    ~Sink() { std::fclose(file); }
    std::string text() const {
        std::string out;
        std::rewind(file);
        for (int c; (c = std::fgetc(file)) != EOF;) out += static_cast<char>(c);
        return out;
    }
};

tacet::ProgressOptions plain(Sink const& sink) { return {.out = sink.file, .interval = 5, .terminal = false, .clock = fake_clock}; }
tacet::ProgressOptions drawn(Sink const& sink, int width, bool colour = false, bool utf8 = true) {
    return {.out = sink.file, .interval = 1, .width = width, .terminal = true, .colour = colour, .utf8 = utf8, .clock = fake_clock};
}

/// The last line drawn, without the return before and the "clear to the end" after it.
std::string last_line(Sink const& sink) {
    std::string const text = sink.text();
    std::size_t const begin = text.rfind('\r') + 1, end = text.find("\x1b[K", begin);
    return text.substr(begin, end - begin);
}

}  // namespace

TEST_CASE("progress: plain lines every few seconds and a summary") {
    now = 100;
    Sink sink;
    tacet::Progress progress(1000, "train", plain(sink));
    int made = 0;
    for (int i = 1; i <= 20; ++i) {
        now += 1;
        progress.update(10 * i, [&] { return "loss 0." + std::to_string(++made); });
    }
    progress.finish();
    progress.update(300, "late");
    progress.finish("twice");
    CHECK(sink.text()
          == "train: 50/1000 (5%), 10 it/s, 1:35 left, loss 0.1\n"
             "train: 100/1000 (10%), 10 it/s, 1:30 left, loss 0.2\n"
             "train: 150/1000 (15%), 10 it/s, 1:25 left, loss 0.3\n"
             "train: 200/1000 (20%), 10 it/s, 1:20 left, loss 0.4\n"
             "train: 200 of 1000 in 0:20 (10 it/s), loss 0.4\n");
    CHECK(made == 4);  // a message is made only for a line
}

TEST_CASE("progress: a resumed run counts only its own steps in the rate") {
    now = 0;
    Sink sink;
    tacet::Progress progress(1000, "", plain(sink), 900);
    now = 50;
    progress.advance(10, "psnr 28.1");
    now = 100;
    progress.update(1000);
    progress.finish();
    CHECK(sink.text()
          == "910/1000 (91%), 5 s/it, 7:30 left, psnr 28.1\n"
             "1000/1000 (100%), 1.68 it/s, 0:00 left, psnr 28.1\n"
             "1000 in 1:40 (1 it/s), psnr 28.1\n");
}

TEST_CASE("progress: the rate follows a change within half a minute") {
    now = 0;
    Sink sink;
    tacet::Progress progress(100000, "", plain(sink));
    std::ptrdiff_t done = 0;
    for (int i = 0; i < 60; ++i) {
        now += 5;
        progress.update(done += i < 30 ? 500 : 50);
    }
    std::string const text = sink.text();
    CHECK_THAT(text, tacet::test::contains("15000/100000 (15%), 100 it/s, 14:10 left"));
    CHECK_THAT(text, tacet::test::contains("16500/100000 (16%), 10 it/s"));
}

TEST_CASE("progress: unknown total, unknown rate") {
    now = 0;
    Sink sink;
    {
        auto options = plain(sink);
        options.unit = "images";
        tacet::Progress progress(0, "scan", options);
        now = 5;
        progress.update(0);
        now = 10;
        progress.update(40);
        progress.finish();
    }
    CHECK(sink.text()
          == "scan: 0, - images/s, 0:05\n"
             "scan: 40, 4.5 images/s, 0:10\n"
             "scan: 40 in 0:10 (4 images/s)\n");
}

TEST_CASE("progress: one line drawn in place") {
    now = 0;
    Sink sink;
    tacet::Progress progress(40, "train", drawn(sink, 80));
    now = 1;
    progress.update(10, "loss 0.5");
    CHECK(last_line(sink) == "train  25% ━━━━━━━╸╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 10/40  10 it/s  0:03 left  loss 0.5");
    now = 1.5;
    progress.update(15, "loss 0.4");  // not due yet
    CHECK_THAT(last_line(sink), tacet::test::contains("10/40"));
    progress.note("warning: something");
    CHECK_THAT(sink.text(), tacet::test::contains("\r\x1b[Kwarning: something\n\rtrain "));
    for (char const* line : {"masks are off", "blended", "masks are off"}) progress.note_once(line);
    CHECK_THAT(sink.text(), tacet::test::contains("blended\n"));
    CHECK(sink.text().find("masks are off") == sink.text().rfind("masks are off"));
    now = 4;
    progress.update(40, "loss 0.3");
    CHECK(last_line(sink) == "train 100% ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 40/40  10 it/s  0:00 left  loss 0.3");
    progress.finish();
    CHECK(sink.text().ends_with("\r\x1b[Ktrain: 40 in 0:04 (10 it/s), loss 0.3\n"));
}

TEST_CASE("progress: ASCII and colour") {
    now = 0;
    Sink ascii, coloured;
    tacet::Progress a(40, "train", drawn(ascii, 60, false, false)), c(40, "train", drawn(coloured, 60, true, true));
    now = 1;
    a.update(10);
    c.update(10);
    CHECK(last_line(ascii) == "train  25% [=====               ] 10/40  10 it/s  0:03 left");
    CHECK(last_line(coloured) == "train  25% \x1b[36m━━━━━╸\x1b[90m━━━━━━━━━━━━━━━━\x1b[0m 10/40  10 it/s  0:03 left");
}

TEST_CASE("progress: never wider than the terminal") {
    for (int width = 20; width < 120; ++width) {
        for (std::ptrdiff_t total : {0, 40}) {
            now = 0;
            Sink sink;
            tacet::Progress progress(total, "a label", drawn(sink, width, false, width % 2 == 0));
            now = 1;
            progress.update(10, "a rather long message with several numbers 0.123 0.456 写真");
            CHECK(static_cast<int>(tacet::display_width(last_line(sink))) < width);
            CHECK_THAT(last_line(sink), tacet::test::contains("a label"));
        }
    }
}

TEST_CASE("progress: can be silenced, and an unfinished bar keeps its line") {
    now = 0;
    Sink quiet;
    {
        auto options = plain(quiet);
        options.silent = true;
        tacet::Progress progress(10, "train", options);
        now = 100;
        progress.update(5, "x");
        progress.note("warning");
        progress.finish();
    }
    CHECK(quiet.text().empty());
    Sink sink;
    {
        tacet::Progress progress(40, "train", drawn(sink, 60));
        now = 110;
        progress.update(10);
    }
    CHECK(sink.text().ends_with("left\x1b[K\n"));
}

TEST_CASE("progress: the environment decides about colour and characters") {
    auto const with = [](char const* name, char const* value, auto question) {
        char const* old = std::getenv(name);
        std::string const saved = old ? old : "";
        setenv(name, value, 1);
        bool const answer = question();
        if (old) setenv(name, saved.c_str(), 1);
        else unsetenv(name);
        return answer;
    };
    CHECK_FALSE(with("NO_COLOR", "1", tacet::colour_wanted));
    CHECK(with("NO_COLOR", "", tacet::colour_wanted));
    CHECK(with("LC_ALL", "de_DE.UTF-8", tacet::utf8_wanted));
    CHECK_FALSE(with("LC_ALL", "C", tacet::utf8_wanted));
    Sink sink;
    CHECK_FALSE(tacet::is_terminal(sink.file));
    CHECK(tacet::terminal_width(sink.file, 77) == 77);
}

TEST_CASE("progress: from several threads") {
    Sink sink;
    auto options = plain(sink);
    options.clock = tacet::steady_seconds;
    options.interval = 1e-9;
    tacet::Progress progress(4000, "work", options);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) progress.advance();
        });
    for (auto& thread : threads) thread.join();
    progress.finish();
    CHECK_THAT(sink.text(), tacet::test::contains("work: 4000 in 0:0"));
    std::string const text = sink.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 4001);
}
}  // namespace progress_test
