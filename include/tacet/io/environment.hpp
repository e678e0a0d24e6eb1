// SPDX-License-Identifier: MIT
#pragma once
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tacet/core/config.hpp>
#include <tacet/core/error.hpp>
#include <tacet/io/text.hpp>

#if __has_include(<sys/utsname.h>)
#include <sys/utsname.h>
#endif

namespace tacet {

/// Named facts in the order in which they are shown.
using Facts = std::vector<std::pair<std::string, std::string>>;

/// "g++ 12.2.0": the compiler of this unit.
inline std::string compiler_name() {
#if defined(__clang__)
    return concat_text("clang++ ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#elif defined(__GNUC__)
    return concat_text("g++ ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__);
#else
    return "unknown compiler";
#endif
}

/// The model name of the processor, or an empty string where it cannot be found out.
inline std::string processor_name() {
    std::FILE* const file = std::fopen("/proc/cpuinfo", "r");
    if (!file) return {};
    std::string name;
    char line[512];
    while (name.empty() && std::fgets(line, sizeof line, file)) {
        std::string_view const text = line;
        std::size_t const colon = text.find(": ");
        if (text.starts_with("model name") && colon != text.npos) name = text.substr(colon + 2, text.find('\n') - colon - 2);
    }
    std::fclose(file);
    return name;
}

/// A moment as "2026-03-01 14:05 UTC".
inline std::string utc_text(std::time_t moment) {
    std::tm parts{};
#if defined(_WIN32)
    gmtime_s(&parts, &moment);
#else
    gmtime_r(&moment, &parts);
#endif
    char text[64];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
    return text;
}

/// What someone who repeats a run wants to know about the machine and the build: version, instruction set, compiler, system,
/// processor, hardware threads, date. Names neither the host nor the user.
inline Facts environment() {
    Facts facts{{"tacet", TACET_VERSION}, {"instruction set", isa()}, {"compiler", compiler_name()}};
#if __has_include(<sys/utsname.h>)
    if (utsname system{}; uname(&system) == 0)
        facts.emplace_back("system", std::string(system.sysname) + " " + system.release + " " + system.machine);
#endif
    if (std::string const name = processor_name(); !name.empty()) facts.emplace_back("processor", name);
    facts.emplace_back("hardware threads", number_text(std::thread::hardware_concurrency()));
    facts.emplace_back("date", utc_text(std::time(nullptr)));
    return facts;
}

}  // namespace tacet
