// SPDX-License-Identifier: MIT
// Any text read as options gives options that can be written and read again, or one line that says what is wrong.
#include "fuzz.hpp"
#include <io/option_sample.hpp>
#include <string_view>
#include <tacet/io/command_line.hpp>

using namespace tacet;
using option_sample::Sample;

namespace {

void check_message(Error const& e) {
    std::string_view const message = e.what();
    test::require(message.size() < 2000 && message.find('\n') == message.npos, "a message is one line");
    test::require(valid_utf8(message) == message, "a message is UTF-8");
}

void read_json_options(std::string_view text) {
    try {
        Json const json = parse_json(text, "fuzz.json");
        test::require(parse_json(json.dump()) == json && parse_json(json.dump(3)) == json, "JSON survives writing");
        Sample const options = options_from_json<Sample>(json, {}, "fuzz.json");
        Sample const again = options_from_json<Sample>(parse_json(options_to_json(options).dump(2)));
        test::require(options_difference(options, again).empty(), "options survive writing");
    } catch (Error const& e) { check_message(e); }
}

// The same bytes as the words of a command line, separated by newlines. --config would read files: left out.
void read_command_line(std::string_view text) {
    std::vector<std::string> words{"--output", "x"};
    for (std::size_t begin = 0, end; begin < text.size(); begin = end + 1) {
        end = std::min(text.find('\n', begin), text.size());
        words.emplace_back(text.substr(begin, end - begin));
        if (words.back().starts_with("--config")) return;
    }
    try {
        Sample options;
        if (parse_command_line(words, options) != Request::run) return;
        Sample const again = options_from_json<Sample>(options_to_json(options));
        test::require(options_difference(options, again).empty(), "options survive JSON");
    } catch (UsageError const& e) { check_message(e); }
}

std::vector<std::uint8_t> bytes(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    read_json_options(text);
    read_command_line(text);
    return 0;
}

std::vector<std::vector<std::uint8_t>> test::fuzz_seeds() {
    return {bytes(R"({"input": ["a.png"], "steps": 5, "loss": "charbonnier", "pairs": ["x", "y"], "decay": 0.1, "ema": false,)"
                  R"( "max_memory": null, "seed": 18446744073709551615, "weights": [1, 5e-1], "schedule": {"rate": 0.01}} // end)"),
            bytes(R"({"schedule": {"rate": 1e999, "rate": -0}, "noise": "\u00e9\ud83d\ude00\n\\", "steps": 1.0})"),
            bytes("[[[[{}], null], true], -9223372036854775808, 1e-320]"),
            bytes("--steps\n5\n--loss=l1\n--train\na\nb\n--no-ema\n--max-memory\n512\n--weights\n1\n-.5\nx.png\n--\n--y"),
            bytes("--no-max-memory\n--pairs\na\nb\nc\n--schedule.rate=1e-4\n--seed\n-1\n--decay\nnan")};
}
