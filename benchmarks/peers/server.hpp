// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/environment.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/io/text.hpp>
#include <iostream>
#include <sstream>

#include "work.hpp"

// Our side of a comparison: reads commands from stdin, one a line, and answers each with one line; what failed with "error: " and why.
//     about              version, instruction set, compiler
//     inputs WORK FILE   writes the inputs of a work, for both sides
//     open WORK FILE     gets ready to work on these inputs
//     run COUNT          microseconds per repetition; when COUNT > 1 after one that is not timed
//     write FILE         writes outputs and gradients
//     remark             what a reader of the times must know; an empty line: nothing
namespace tacet::bench {

/// What a program brings to the protocol.
struct Side {
    std::map<std::string, WorkKind> works;
    std::string device;                                                        // for `about`
    std::function<double(std::function<void()> const&, int)> seconds;          // for so many calls, together
    std::map<std::string, std::function<std::string(std::istream&)>> further;  // commands beyond those above
};

class Server {
public:
    explicit Server(Side side) : side_(std::move(side)) {}

    std::string answer(std::string const& line) {
        std::istringstream words(line);
        std::string command, name, file;
        words >> command;
        if (auto const own = side_.further.find(command); own != side_.further.end()) return own->second(words);
        if (command == "about") return concat_text("tacet ", TACET_VERSION, ", ", side_.device, ", ", compiler_name());
        if (command == "run") {
            int count = 1;
            words >> count;
            return std::to_string(1e6 * run(count));
        }
        if (command == "remark") return opened().remark ? work_.remark() : "";
        if (command == "write") {
            words >> file;
            write_safetensors(file, opened().results(), true);
            return "written";
        }
        words >> name >> file;
        auto const kind = side_.works.find(name);
        check(kind != side_.works.end(), "there is no work \"", name, "\"");
        if (command == "inputs") {
            write_safetensors(file, kind->second.inputs(), true);
            return "written";
        }
        check(command == "open", "there is no command \"", command, "\"");
        work_ = {};
        work_ = kind->second.open(read_safetensors(file));
        return "ready";
    }

private:
    Work const& opened() const {
        check(work_.step != nullptr, "no work is open");
        return work_;
    }
    double run(int count) const {
        if (count > 1) opened().step();
        return side_.seconds(opened().step, count) / count;
    }

    Side side_;
    Work work_;
};

/// Answers until stdin ends.
inline void serve(Side side) {
    std::cout << "started" << std::endl;
    Server server(std::move(side));
    for (std::string line; std::getline(std::cin, line);) {
        try {
            std::cout << server.answer(line) << std::endl;
        } catch (std::exception const& error) {
            std::cout << "error: " << error.what() << std::endl;
        }
    }
}

}  // namespace tacet::bench
