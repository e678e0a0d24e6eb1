// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#if __has_include(<unistd.h>) && __has_include(<sys/ioctl.h>)
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace tacet {

namespace detail {
inline std::string_view environment_variable(char const* name) {
    char const* value = std::getenv(name);
    return value ? value : "";
}
}  // namespace detail

/// Whether a person watches `stream`: a terminal that can move its cursor (TERM is not "dumb").
inline bool is_terminal(std::FILE* stream) {
#if __has_include(<unistd.h>)
    return isatty(fileno(stream)) == 1 && detail::environment_variable("TERM") != "dumb";
#else
    static_cast<void>(stream);
    return false;
#endif
}

/// Columns of the terminal behind `stream`; `fallback` when there is none.
inline int terminal_width(std::FILE* stream, int fallback = 80) {
#if __has_include(<sys/ioctl.h>)
    winsize size{};
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
#endif
    static_cast<void>(stream);
    return fallback;
}

/// Whether colour is wanted: NO_COLOR (https://no-color.org) is absent or empty.
inline bool colour_wanted() { return detail::environment_variable("NO_COLOR").empty(); }

/// Whether the locale's character set is UTF-8, by the variables that decide it.
inline bool utf8_wanted() {
    for (char const* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        std::string_view const value = detail::environment_variable(name);
        if (value.empty()) continue;
        return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos || value.find("utf-8") != value.npos;
    }
    return false;
}

}  // namespace tacet
