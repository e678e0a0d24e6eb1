// SPDX-License-Identifier: MIT
#include <tacet/io/command_line.hpp>

#include <cstdio>

#include <support/catch.hpp>
#include <support/scratch.hpp>

#include "option_sample.hpp"

namespace command_line_test {
using option_sample::Loss;
using option_sample::Sample;
using tacet::Request;
using tacet::test::ScratchFile;
using Paths = std::vector<std::filesystem::path>;

namespace {

Sample parse(std::vector<std::string> args) {
    Sample o;
    args.insert(args.begin(), {"--output", "out"});
    Request const request = tacet::parse_command_line(args, o);
    REQUIRE(request == Request::run);
    return o;
}

std::string error_of(std::vector<std::string> args, bool with_output = true) {
    Sample o;
    if (with_output) args.insert(args.begin(), {"--output", "out"});
    try {
        tacet::parse_command_line(args, o);
    } catch (tacet::UsageError const& e) { return e.what(); }
    return "";
}

struct Copy {
    std::filesystem::path from, to;
    std::vector<std::filesystem::path> between;
    int low = 0, high = 10;

    void validate() const {
        if (low > high) throw tacet::UsageError("--low is above --high");
    }
    static void fields(auto& self, auto&& field) {
        using namespace tacet;
        field("from", self.from, "", positional, required);
        field("between", self.between, "", positional);
        field("to", self.to, "", positional, required);
        field("low", self.low, "");
        field("high", self.high, "");
    }
};

}  // namespace

TEST_CASE("command line: every kind of option") {
    Sample const o = parse({"--steps",    "5",
                            "--loss=l1",  "--train",
                            "a",          "b",
                            "--noise",    "poisson:30",
                            "--decay=.5", "--clean-targets",
                            "--no-ema",   "--max-memory",
                            "512",        "--seed=18446744073709551615",
                            "--weights",  "1",
                            "0.5",        "--schedule.ramp-down",
                            "7",          "--schedule.rate",
                            "1e-4"});
    CHECK(o.steps == 5);
    CHECK(o.loss == Loss::l1);
    CHECK(o.train == Paths{"a", "b"});
    CHECK(o.noise == "poisson:30");
    CHECK(o.decay == 0.5f);
    CHECK(o.clean_targets);
    CHECK_FALSE(o.ema);
    CHECK(o.max_memory == 512);
    CHECK(o.seed == 18446744073709551615u);
    CHECK(o.weights == std::vector<double>{1, 0.5});
    CHECK(o.schedule.ramp_down == 7);
    CHECK(o.schedule.rate == 1e-4);
    CHECK(o.output == "out");
    CHECK(parse({"--max_memory", "64"}).max_memory == 64);  // underscores are understood
    CHECK(parse({"--ema=false"}).ema == false);
    CHECK(parse({"--ema=false", "--ema"}).ema == true);
    CHECK(parse({"--noise="}).noise.empty());
}

TEST_CASE("command line: repeated options") {
    CHECK(parse({"--steps", "5", "--steps", "6"}).steps == 6);
    CHECK(parse({"--train", "a", "--train=b", "--train", "c", "d"}).train == Paths{"a", "b", "c", "d"});
    CHECK_FALSE(parse({"--max-memory", "64", "--no-max-memory"}).max_memory.has_value());
    CHECK(parse({"--no-max-memory", "--max-memory", "64"}).max_memory == 64);
}

TEST_CASE("command line: arguments given by place") {
    CHECK(parse({"a.png", "--steps", "5", "b.png"}).input == Paths{"a.png", "b.png"});
    CHECK(parse({"--pairs", "A", "B", "c.png"}).input == Paths{"c.png"});  // a list stops at its greatest length
    CHECK(parse({"--train=A", "c.png"}).input == Paths{"c.png"});          // an attached value stands alone
    CHECK(parse({"--train", "A", "--", "c.png", "--steps"}).input == Paths{"c.png", "--steps"});
    CHECK(parse({"-", "-1.png"}).input == Paths{"-", "-1.png"});

    Copy copy;
    CHECK(tacet::parse_command_line({"a", "b", "c", "d"}, copy) == Request::run);
    CHECK(copy.from == "a");
    CHECK(copy.between == Paths{"b", "c"});
    CHECK(copy.to == "d");
    Copy two;
    CHECK(tacet::parse_command_line({"a", "d"}, two) == Request::run);
    CHECK(two.between.empty());
    CHECK(two.to == "d");
    Copy none;
    CHECK_THROWS_WITH(tacet::parse_command_line({"a"}, none), "TO is missing (see --help)");
    CHECK_THROWS_WITH(tacet::parse_command_line({}, none), "FROM is missing (see --help)");
}

TEST_CASE("command line: negative numbers are values") {
    Copy copy;
    tacet::parse_command_line({"a", "d", "--low", "-5", "--high", "-3"}, copy);
    CHECK(copy.low == -5);
    CHECK(copy.high == -3);
    CHECK(parse({"--weights", "1", "2e0", "3", "-4"}).input == Paths{"-4"});
}

TEST_CASE("command line: errors are one clear line") {
    CHECK(error_of({"--step", "5"}) == "unknown option --step (did you mean --steps?)");
    CHECK(error_of({"--stpes=5"}) == "unknown option --stpes (did you mean --steps?)");
    CHECK(error_of({"--no-emma"}) == "unknown option --no-emma (did you mean --no-ema?)");
    CHECK(error_of({"--rate", "5"}) == "unknown option --rate (did you mean --schedule.rate?)");
    CHECK(error_of({"--frobnicate"}) == "unknown option --frobnicate (see --help)");
    CHECK(error_of({"--input", "x"}) == "unknown option --input (see --help)");  // given by place only
    CHECK(error_of({"--no-steps"}) == "unknown option --no-steps (did you mean --steps?)");
    CHECK(error_of({"-x"}) == "unknown option -x (options begin with --; see --help)");
    CHECK(error_of({"--steps", "0"}) == "--steps: 0 is below 1");
    CHECK(error_of({"--steps", "1.5"}) == "--steps: \"1.5\" is not a whole number");
    CHECK(error_of({"--steps", "5x"}) == "--steps: \"5x\" is not a whole number");
    CHECK(error_of({"--steps="}) == "--steps: \"\" is not a whole number");
    CHECK(error_of({"--steps", "99999999999999999999"}) == "--steps: \"99999999999999999999\" is out of range");
    CHECK(error_of({"--steps"}) == "--steps needs a value");
    CHECK(error_of({"--steps", "--ema"}) == "--steps needs a value");
    CHECK(error_of({"--train", "--ema"}) == "--train needs a value");
    CHECK(error_of({"--schedule.rate", "abc"}) == "--schedule.rate: \"abc\" is not a number");
    CHECK(error_of({"--schedule.rate", "nan"}) == "--schedule.rate: \"nan\" is not a finite number");
    CHECK(error_of({"--schedule.rate", "1e999"}) == "--schedule.rate: \"1e999\" is out of range");
    CHECK(error_of({"--schedule.rate", "1,5"}) == "--schedule.rate: \"1,5\" is not a number");
    CHECK(error_of({"--seed", "-1"}) == "--seed: -1 is not within 0 to 18446744073709551615");
    CHECK(error_of({"--seed=-"}) == "--seed: \"-\" is not a whole number");
    CHECK(error_of({"--ema=yes"}) == "--ema: \"yes\" is not true or false");
    CHECK(error_of({"--no-ema=true"}) == "--no-ema takes no value");
    CHECK(error_of({"--loss", "l3"}) == "--loss: \"l3\" is not known (did you mean l1?)");
    CHECK(error_of({"--loss", "huber"}) == "--loss: \"huber\" is not l1, l2 or charbonnier");
    CHECK(error_of({"--pairs", "a"}) == "--pairs: needs 2 values, not 1");
    CHECK(error_of({"--pairs", "a", "b", "--pairs", "c"}) == "--pairs: takes at most 2 values, not 3");
    CHECK(error_of({"--noise", "a\nb\x01", "--steps", "a\nb\x01\xff"}) == "--steps: \"a b \xEF\xBF\xBD\" is not a whole number");
    CHECK(error_of({}, false) == "--output is required (see --help)");
    CHECK(error_of({"--output", ""}, false) == "--output is required (see --help)");
    Copy copy;
    CHECK_THROWS_WITH(tacet::parse_command_line({"a", "b", "--low", "11"}, copy), "--low is above --high");
    CHECK(copy.from.empty());  // nothing is applied when something is wrong
}

TEST_CASE("command line: too many arguments") {
    struct Parsed {
        static std::string error() {
            tacet::OptionFields none;
            try {
                tacet::detail::CommandLine(none).parse({"x y"});
            } catch (tacet::UsageError const& e) { return e.what(); }
            return "";
        }
    };
    CHECK(Parsed::error() == "unexpected argument \"x y\"");
}

TEST_CASE("command line: a configuration file comes first, wherever it is named") {
    ScratchFile const file("{\n  \"steps\": 5, \"train\": [\"x\", \"y\"], // a comment\n  \"seed\": 3}");
    for (auto const& args : {std::vector<std::string>{"--config", file.path.string(), "--steps", "9", "--train", "z"},
                             {"--steps", "9", "--train", "z", "--config=" + file.path.string()}}) {
        Sample const o = parse(args);
        CHECK(o.steps == 9);
        CHECK(o.train == Paths{"z"});  // replaced, not extended
        CHECK(o.seed == 3);
    }
    ScratchFile const more("{\"seed\": 4, \"output\": \"there\"}");
    Sample o;
    CHECK(tacet::parse_command_line({"--config", file.path.string(), "--config", more.path.string()}, o) == Request::run);
    CHECK(o.seed == 4);
    CHECK(o.steps == 5);
    CHECK(o.output == "there");  // required, and given by the file

    ScratchFile const wrong("{\n\"steps\": 0}");
    CHECK_THROWS_WITH(parse({"--config", wrong.path.string()}), wrong.path.string() + ":2: steps: 0 is below 1");
    CHECK_THROWS_WITH(parse({"--config", "/nonexistent.json"}), "/nonexistent.json: cannot open: No such file or directory");
    CHECK(error_of({"--config"}) == "--config needs a value");
}

TEST_CASE("command line: help and version come before errors") {
    Sample o;
    CHECK(tacet::parse_command_line({"--frobnicate", "--help"}, o) == Request::help);
    CHECK(tacet::parse_command_line({"-h"}, o) == Request::help);
    CHECK(tacet::parse_command_line({"--version"}, o) == Request::version);
    CHECK(tacet::parse_command_line({"--output", "x", "--", "--help"}, o) == Request::run);
    CHECK(o.input == Paths{"--help"});
}
}  // namespace command_line_test
