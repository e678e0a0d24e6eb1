// SPDX-License-Identifier: MIT
#pragma once
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <tacet/io/terminal.hpp>
#include <tacet/io/text.hpp>

namespace tacet {

/// Seconds on a clock that never jumps.
inline double steady_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// How a Progress shows itself; what is left out is found out from the stream and the environment.
struct ProgressOptions {
    std::FILE* out = stderr;
    bool silent = false;
    std::string unit = "it";            ///< what is counted, as in "12.3 it/s"
    double interval = 0;                ///< seconds between two lines; 0: 0.1 on a terminal, 10 elsewhere
    int width = 0;                      ///< columns; 0: those of the terminal, asked again for every line
    std::optional<bool> terminal = {};  ///< redraw one line in place, or write plain lines
    std::optional<bool> colour = {}, utf8 = {};
    double (*clock)() = steady_seconds;
};

/// A progress bar with rate, remaining time and a message: on a terminal one line drawn in place, elsewhere a plain line every few
/// seconds. May be used from several threads.
class Progress {
public:
    /// `total` steps, 0 when unknown; `done` of them in an earlier run, which the rate does not count.
    explicit Progress(std::ptrdiff_t total, std::string label = "", ProgressOptions options = {}, std::ptrdiff_t done = 0)
        : total_(total), done_(done), start_(done), label_(std::move(label)), options_(std::move(options)),
          terminal_(options_.terminal.value_or(!options_.silent && is_terminal(options_.out))),
          colour_(terminal_ && options_.colour.value_or(colour_wanted())), utf8_(options_.utf8.value_or(utf8_wanted())),
          interval_(options_.interval > 0 ? options_.interval
                    : terminal_           ? 0.1
                                          : 10),
          began_(options_.clock()), shown_(began_), shown_done_(done) {}
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;
    ~Progress() {
        if (drawn_) std::fputc('\n', options_.out);  // leave an unfinished bar as it is
    }

    /// `done` steps are done. The message, a text or a callable that makes one only when a line is due, stays until it is replaced.
    void update(std::ptrdiff_t done, std::string_view message = {}) {
        update(done, [&] { return std::string(message); });
    }
    void update(std::ptrdiff_t done, std::invocable auto&& message) {
        std::lock_guard const lock(mutex_);
        done_ = done;
        show(message);
    }
    /// `n` more steps are done.
    void advance(std::ptrdiff_t n = 1, std::string_view message = {}) {
        std::lock_guard const lock(mutex_);
        done_ += n;
        show([&] { return std::string(message); });
    }
    /// A line of its own above the bar, such as a warning.
    void note(std::string_view line) {
        std::lock_guard const lock(mutex_);
        if (options_.silent) return;
        write((drawn_ ? "\r\x1b[K" : "") + std::string(line) + "\n" + (drawn_ ? bar_line() : ""));
    }
    /// A note, unless the same one was made before.
    void note_once(std::string const& line) {
        {
            std::lock_guard const lock(mutex_);
            if (!noted_.insert(line).second) return;
        }
        note(line);
    }
    /// Drops the message: what it said is no longer so.
    void clear_message() {
        std::lock_guard const lock(mutex_);
        message_.clear();
    }
    /// Replaces the bar by a summary: "train: 1000 in 1:21 (12.3 it/s), loss 0.01". Later calls do nothing.
    void finish(std::string_view message = {}) {
        std::lock_guard const lock(mutex_);
        if (finished_) return;
        finished_ = true;
        if (!message.empty()) message_ = message;
        if (!options_.silent) write((drawn_ ? "\r\x1b[K" : "") + summary() + "\n");
        drawn_ = false;
    }

private:
    void show(std::invocable auto&& message) {
        double const now = options_.clock();
        if (finished_ || options_.silent || now - shown_ < interval_) return;
        if (std::string text = message(); !text.empty()) message_ = std::move(text);
        // the rate of the last half minute or so: an average whose weights fade, divided by the sum of the weights
        double const fade = std::exp(-(now - shown_) / 20);
        rate_sum_ = fade * rate_sum_ + (1 - fade) * static_cast<double>(done_ - shown_done_) / (now - shown_);
        rate_weight_ = fade * rate_weight_ + (1 - fade);
        shown_ = now;
        shown_done_ = done_;
        write(terminal_ ? bar_line() : plain_line());
        drawn_ = terminal_;
    }

    /// "train: 420 of 1000 in 0:34 (12.3 it/s), loss 0.01"
    std::string summary() const {
        double const seconds = options_.clock() - began_;
        std::string text = label_.empty() ? "" : label_ + ": ";
        text += number_text(done_) + (total_ > 0 && done_ != total_ ? " of " + number_text(total_) : "") + " in " + duration_text(seconds);
        text += " (" + rate_text(static_cast<double>(done_ - start_) / seconds) + ")";
        return text + (message_.empty() ? "" : ", " + message_);
    }

    std::string rate_text(double rate) const {
        if (!(rate > 0) || !std::isfinite(rate)) return "- " + options_.unit + "/s";
        return rate >= 1 ? compact_number(rate, 3) + " " + options_.unit + "/s" : compact_number(1 / rate, 3) + " s/" + options_.unit;
    }

    /// "420/1000", "12.3 it/s", "0:47 left"
    std::string counts() const { return number_text(done_) + (total_ > 0 ? "/" + number_text(total_) : ""); }
    std::string rate() const { return rate_text(rate_sum_ / rate_weight_); }
    std::string remaining() const {
        if (total_ <= 0) return duration_text(options_.clock() - began_);
        return duration_text(static_cast<double>(total_ - done_) * rate_weight_ / rate_sum_) + " left";
    }
    double fraction() const { return total_ > 0 ? std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0., 1.) : 0; }
    std::string percent() const { return number_text(static_cast<int>(fraction() * 100)) + "%"; }

    std::string plain_line() const {
        std::string const head = (label_.empty() ? "" : label_ + ": ") + counts() + (total_ > 0 ? " (" + percent() + ")" : "");
        return head + ", " + rate() + ", " + remaining() + (message_.empty() ? "" : ", " + message_) + "\n";
    }

    std::string bar_line() const {
        auto const columns = static_cast<std::size_t>(std::max(options_.width > 0 ? options_.width : terminal_width(options_.out), 20)) - 1;
        std::string const left = (label_.empty() ? "" : label_ + " ") + (total_ > 0 ? pad_text(percent(), 4, true) : "");
        std::string const right = counts() + "  " + rate() + "  " + remaining();
        std::string const message = message_.empty() ? "" : "  " + message_;
        std::size_t const text = display_width(left) + 1 + display_width(right);
        if (text >= columns) return "\r" + clip_text(left + " " + right, columns) + "\x1b[K";
        std::size_t const bare = columns - text, wanted = display_width(message);  // what the bar and the message can share
        std::size_t const cells = total_ <= 0 || bare < 12 ? 0 : std::clamp<std::size_t>(bare - std::min(bare, wanted + 1), 10, 30);
        std::size_t const room = cells > 0 ? bare - cells - 1 : bare;
        return "\r" + left + " " + (cells > 0 ? bar(cells) + " " : "") + right + clip_text(message, room) + "\x1b[K";
    }

    std::string bar(std::size_t cells) const {
        auto const repeat = [](std::string_view piece, std::size_t n) {
            std::string out;
            while (n-- > 0) out += piece;
            return out;
        };
        if (!utf8_) cells -= 2;  // for the brackets
        auto const halves = static_cast<std::size_t>(fraction() * 2 * static_cast<double>(cells));
        std::size_t const full = halves / 2, half = halves % 2;
        if (!utf8_) return "[" + std::string(full, '=') + (half > 0 ? "-" : "") + std::string(cells - full - half, ' ') + "]";
        std::string const done = repeat("━", full) + (half > 0 ? "╸" : ""), rest = repeat(colour_ ? "━" : "╌", cells - full - half);
        return colour_ ? "\x1b[36m" + done + "\x1b[90m" + rest + "\x1b[0m" : done + rest;
    }

    void write(std::string const& text) const {
        std::fputs(text.c_str(), options_.out);
        std::fflush(options_.out);
    }

    std::ptrdiff_t total_, done_, start_;
    std::string label_, message_;
    ProgressOptions options_;
    bool terminal_, colour_, utf8_, drawn_ = false, finished_ = false;
    double interval_, began_, shown_;
    std::ptrdiff_t shown_done_;
    double rate_sum_ = 0, rate_weight_ = 0;
    std::set<std::string> noted_;
    std::mutex mutex_;
};

}  // namespace tacet
