// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// Runs programs as a user would, and as a crash would end them.
namespace tacet::test {

/// How a program is run.
struct ProcessOptions {
    std::vector<std::pair<std::string, std::string>> environment = {};  ///< added to ours
    std::string input = {};                                             ///< its stdin
    std::filesystem::path folder = {};                                  ///< where it runs; empty: here
    double seconds = 240;                                               ///< then it is killed, and the test fails
    std::optional<std::uint64_t> file_size = {};                        ///< no file may grow beyond: a disk that is full
    int signal = 0;                                                     ///< sent once, when the first of the following holds
    double signal_after = 0;                                            ///< seconds; 0: never by time
    std::filesystem::path signal_when = {};                             ///< this file exists,
    std::string signal_when_holds = {};                                 ///< and holds this text
    std::filesystem::path out = {};                                     ///< where stdout goes instead of into Process::out
};

/// What a program did.
struct Process {
    std::string out, err;
    int status = -1;         ///< exit status; 128 + the signal that ended it
    bool signalled = false;  ///< the signal asked for was sent while it ran

    /// How many lines stderr has.
    std::ptrdiff_t err_lines() const { return std::count(err.begin(), err.end(), '\n'); }
};

namespace detail {
/// Both ends of a pipe, closed at the end.
struct Pipe {
    int read = -1, write = -1;
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
        read = ends[0], write = ends[1];
    }
    ~Pipe() { close(read), close(write); }
    Pipe(Pipe const&) = delete;
    Pipe& operator=(Pipe const&) = delete;
    static void close(int& end) {
        if (end >= 0) ::close(std::exchange(end, -1));
    }
};

[[noreturn]] inline void become(std::vector<std::string> const& words, ProcessOptions const& options, Pipe& in, Pipe& out, Pipe& err) {
    ::dup2(in.read, 0), ::dup2(err.write, 2);
    int const target = options.out.empty() ? out.write : ::open(options.out.c_str(), O_WRONLY);
    ::dup2(target, 1);
    for (int s : {SIGINT, SIGTERM, SIGPIPE}) std::signal(s, SIG_DFL);
    for (auto const& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(126);
    if (options.file_size) {
        ::rlimit const limit{*options.file_size, *options.file_size};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        std::signal(SIGXFSZ, SIG_IGN);  // write() then fails with EFBIG
    }
    std::vector<char*> argv;
    for (auto const& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
}

inline bool file_holds(std::filesystem::path const& path, std::string const& text) {
    if (path.empty() || !std::filesystem::exists(path)) return false;
    if (text.empty()) return true;
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {}).find(text) != std::string::npos;
}
inline void drain(int& end, std::string& text) {
    char buffer[65536];
    for (;;) {
        auto const n = ::read(end, buffer, sizeof buffer);
        if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
        else if (n == 0) return Pipe::close(end);
        else if (errno != EINTR) return;  // nothing there now
    }
}
inline void feed(int& end, std::string const& text, std::size_t& fed) {
    while (end >= 0 && fed < text.size()) {
        auto const n = ::write(end, text.data() + fed, text.size() - fed);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) break;
        fed += static_cast<std::size_t>(n);
    }
    Pipe::close(end);
}
}  // namespace detail

/// Runs the program words[0] with the arguments after it. Throws std::runtime_error when its time is up.
inline Process run_process(std::vector<std::string> const& words, ProcessOptions const& options = {}) {
    std::signal(SIGPIPE, SIG_IGN);
    detail::Pipe in, out, err;
    auto const child = ::fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child == 0) detail::become(words, options, in, out, err);
    detail::Pipe::close(in.read), detail::Pipe::close(out.write), detail::Pipe::close(err.write);
    for (int end : {in.write, out.read, err.read}) ::fcntl(end, F_SETFL, O_NONBLOCK);
    Process process;
    std::size_t fed = 0;
    auto const began = std::chrono::steady_clock::now();
    for (int status = 0;;) {
        double const passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        bool const due = (options.signal_after > 0 && passed >= options.signal_after)
                         || detail::file_holds(options.signal_when, options.signal_when_holds);
        if (options.signal != 0 && due && !process.signalled) process.signalled = ::kill(child, options.signal) == 0;
        if (passed > options.seconds) ::kill(child, SIGKILL);
        bool const ended = ::waitpid(child, &status, WNOHANG) == child;
        detail::feed(in.write, options.input, fed);
        if (out.read >= 0) detail::drain(out.read, process.out);
        if (err.read >= 0) detail::drain(err.read, process.err);
        if (ended) {
            if (passed > options.seconds) throw std::runtime_error(words[0] + " ran longer than it may; stderr: " + process.err);
            process.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return process;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace tacet::test
