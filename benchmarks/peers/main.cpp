// SPDX-License-Identifier: MIT
// Our side of the comparison with peers: reads commands from stdin, one a line, and answers each with one line. peers.py asks.
//     about              version, instruction set, compiler
//     inputs WORK FILE   writes the inputs of a work, for both sides
//     open WORK FILE     gets ready to work on these inputs
//     run COUNT          microseconds per repetition; when COUNT > 1 after one that is not timed
//     write FILE         writes outputs and gradients
//     cost WHAT SIZE     nanoseconds per pixel of inference or training (curves.hpp)
//     plot JSON SVG      draws curves
#include <tacet/io/environment.hpp>
#include <tacet/io/safetensors.hpp>
#include <tacet/io/text.hpp>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "curves.hpp"
#include "works.hpp"

namespace tacet::bench {
namespace {

class Server {
public:
    std::string answer(std::string const& line) {
        std::istringstream words(line);
        std::string command, name, file;
        words >> command;
        if (command == "about") return concat_text("tacet ", TACET_VERSION, ", ", isa(), ", ", compiler_name());
        if (command == "run") {
            int count = 1;
            words >> count;
            return std::to_string(1e6 * run(count));
        }
        if (command == "write") {
            words >> file;
            write_safetensors(file, opened().results(), true);
            return "written";
        }
        words >> name >> file;
        if (command == "cost") return std::to_string(cost(name, std::stol(file)));
        if (command == "plot") {
            plot(name, file);
            return "written";
        }
        auto const kind = works().find(name);
        check(kind != works().end(), "there is no work \"", name, "\"");
        if (command == "inputs") {
            write_safetensors(file, kind->second.inputs(), true);
            return "written";
        }
        check(command == "open", "there is no command \"", command, "\"");
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
        double const start = seconds();
        for (int i = 0; i < count; ++i) opened().step();
        return (seconds() - start) / count;
    }

    Work work_;
};

}  // namespace
}  // namespace tacet::bench

int main() {
    std::cout << "started" << std::endl;
    tacet::bench::Server server;
    for (std::string line; std::getline(std::cin, line);) {
        try {
            std::cout << server.answer(line) << std::endl;
        } catch (std::exception const& error) {
            std::cout << "error: " << error.what() << std::endl;
        }
    }
}
