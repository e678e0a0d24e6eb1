// SPDX-License-Identifier: MIT
#pragma once
#include <cstdio>
#include <string>
#include <unistd.h>

namespace tacet::test {

/// Sends one of the standard streams into a file while it lives.
class Capture {
public:
    explicit Capture(std::FILE* stream, char const* path = nullptr)
        : stream_(stream), file_(path ? std::fopen(path, "w") : std::tmpfile()) {
        std::fflush(stream_);
        saved_ = ::dup(::fileno(stream_));
        ::dup2(::fileno(file_), ::fileno(stream_));
    }
    ~Capture() { stop(); }
    Capture(Capture const&) = delete;
    Capture& operator=(Capture const&) = delete;
    /// Gives the stream back; returns what was written to it.
    std::string stop() {
        if (saved_ < 0) return {};
        std::fflush(stream_);
        ::dup2(saved_, ::fileno(stream_));
        ::close(saved_);
        saved_ = -1;
        std::string text;
        std::rewind(file_);
        for (int c; (c = std::fgetc(file_)) != EOF;) text += static_cast<char>(c);
        std::fclose(file_);
        return text;
    }

private:
    std::FILE* stream_;
    std::FILE* file_;
    int saved_ = -1;
};

}  // namespace tacet::test
