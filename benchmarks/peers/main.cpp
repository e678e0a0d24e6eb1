// SPDX-License-Identifier: MIT
// Our side of the comparison with peers (server.hpp). peers.py asks; beside what all sides can:
//     cost WHAT SIZE     nanoseconds per pixel of inference or training (curves.hpp)
//     plot JSON SVG      draws curves
#include "curves.hpp"
#include "server.hpp"
#include "works.hpp"

int main() {
    using namespace tacet::bench;
    auto const timed = [](auto const& step, int count) {
        double const start = seconds();
        for (int i = 0; i < count; ++i) step();
        return seconds() - start;
    };
    Side side{.works = works(), .device = std::string(tacet::isa()), .seconds = timed, .further = {}};
    side.further["cost"] = [](std::istream& words) {
        std::string what;
        tacet::Index size = 0;
        words >> what >> size;
        return std::to_string(cost(what, size));
    };
    side.further["plot"] = [](std::istream& words) {
        std::string data, picture;
        words >> data >> picture;
        plot(data, picture);
        return std::string("written");
    };
    serve(std::move(side));
}
