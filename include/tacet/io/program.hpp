// SPDX-License-Identifier: MIT
#pragma once
#include <cstdio>
#include <new>
#include <type_traits>

#include <tacet/io/environment.hpp>
#include <tacet/io/option_help.hpp>
#include <tacet/io/terminal.hpp>

namespace tacet {

/// The line of --version: "denoise 0.1.0 (tacet 0.1.0, isa avx512, g++ 12.2.0)".
inline std::string version_line(Program const& program) {
    return program.name + " " + program.version + " (tacet " TACET_VERSION ", isa " + isa() + ", " + compiler_name() + ")";
}

namespace detail {

inline std::string base_name(char const* path) {
    std::string_view const text = path ? path : "program";
    return std::string(text.substr(text.find_last_of('/') + 1));  // npos + 1 is 0
}

template <class Options, class Body> int run_program(std::vector<std::string> const& args, Program const& program, Body& body) {
    Options options{};
    Request const request = parse_command_line(args, options);
    if (request == Request::help) {
        int const width = is_terminal(stdout) ? std::clamp(terminal_width(stdout), 80, 100) : 100;
        std::fputs(options_help<Options>(program, {}, width).c_str(), stdout);
    } else if (request == Request::version) {
        std::fputs((version_line(program) + "\n").c_str(), stdout);
    } else if constexpr (std::is_void_v<decltype(body(std::as_const(options)))>) {
        body(std::as_const(options));
    } else {
        return body(std::as_const(options));
    }
    return 0;
}

}  // namespace detail

/// The frame of a program's main: reads the options, answers --help and --version on stdout, calls `body(options)` (void or int, the
/// exit status) and turns an exception into one line "name: message" on stderr. Returns the exit status: 2 after a UsageError, 1 after
/// any other exception and when stdout could not be written (a full disk).
template <class Options, class Body> int run_main(int argc, char const* const* argv, Program program, Body&& body) {
    auto const fail = [&](char const* what, int status) {
        std::fflush(stdout);
        std::fprintf(stderr, "%s: %s\n", program.name.c_str(), what);
        return status;
    };
    try {
        if (program.name.empty()) program.name = detail::base_name(argc > 0 ? argv[0] : nullptr);
        std::vector<std::string> const args(argv + std::min(argc, 1), argv + argc);
        int const status = detail::run_program<Options>(args, program, body);
        if (std::fflush(stdout) != 0 || std::ferror(stdout)) return fail("cannot write to standard output", 1);
        return status;
    } catch (UsageError const& e) { return fail(e.what(), 2); } catch (std::bad_alloc const&) {
        return fail("out of memory", 1);
    } catch (std::exception const& e) { return fail(e.what(), 1); }
}

}  // namespace tacet
