// SPDX-License-Identifier: MIT
#include <tacet/io/options.hpp>

#include <tacet/io/json.hpp>

#include <support/catch.hpp>

#include "option_sample.hpp"

namespace options_test {
using option_sample::Loss;
using option_sample::Sample;

namespace {

Sample read(std::string const& text) { return tacet::options_from_json<Sample>(tacet::parse_json(text, "run.json"), {}, "run.json"); }

std::string error_of(std::string const& text) {
    try {
        read(text);
    } catch (tacet::Error const& e) { return e.what(); }
    return "";
}

struct Wide {
    std::int64_t a = 0;
    std::uint64_t b = 0;
    static void fields(auto& self, auto&& field) {
        field("a", self.a, "", tacet::range(std::int64_t{-9223372036854775807}, std::int64_t{9223372036854775806}));
        field("b", self.b, "", tacet::range(1u, 18446744073709551614u));
    }
};

}  // namespace

TEST_CASE("options: every kind is read from JSON") {
    Sample const o = read(R"({
        "input": ["a.png", "b.png"], "steps": 5, "loss": "charbonnier", "pairs": ["x", "y"], "noise": "poisson:30", "decay": 0.1,
        "clean_targets": true, "ema": false, "max_memory": 512, "seed": 18446744073709551615, "weights": [1, 0.5],
        "output": "out", "schedule": {"rate": 0.01}})");
    CHECK(o.input == std::vector<std::filesystem::path>{"a.png", "b.png"});
    CHECK(o.steps == 5);
    CHECK(o.loss == Loss::charbonnier);
    CHECK(o.train.empty());
    CHECK(o.pairs == std::vector<std::filesystem::path>{"x", "y"});
    CHECK(o.noise == "poisson:30");
    CHECK(o.decay == 0.1f);
    CHECK(o.clean_targets);
    CHECK_FALSE(o.ema);
    CHECK(o.max_memory == 512);
    CHECK(o.seed == 18446744073709551615u);
    CHECK(o.weights == std::vector<double>{1, 0.5});
    CHECK(o.output == "out");
    CHECK(o.schedule.rate == 0.01);
    CHECK(o.schedule.ramp_down == 300);
}

TEST_CASE("options: what JSON does not mention keeps its value") {
    Sample start;
    start.steps = 7;
    start.max_memory = 100;
    CHECK(tacet::options_from_json(tacet::parse_json("{}"), start).steps == 7);
    CHECK(tacet::options_from_json(tacet::parse_json("{}"), start).max_memory == 100);
    CHECK_FALSE(tacet::options_from_json(tacet::parse_json(R"({"max_memory": null})"), start).max_memory.has_value());
}

TEST_CASE("options: written JSON reads back as the same options") {
    Sample o;
    o.steps = 12;
    o.decay = 0.3333333f;
    o.max_memory = 64;
    o.pairs = {"a", "b"};
    o.schedule.rate = 1e-7;
    CHECK(tacet::options_to_json(o).dump(2) == R"({
  "input": [],
  "steps": 12,
  "loss": "l2",
  "train": [],
  "pairs": ["a", "b"],
  "noise": "gaussian:0-50",
  "decay": 0.3333333,
  "clean_targets": false,
  "ema": true,
  "max_memory": 64,
  "seed": 0,
  "weights": [],
  "output": "",
  "schedule": {
    "rate": 1e-7,
    "ramp_down": 300
  }
})");
    Sample const again = read(tacet::options_to_json(o).dump(2));
    CHECK(tacet::options_difference(o, again).empty());
    CHECK(again.decay == o.decay);
}

TEST_CASE("options: errors name file, line and option") {
    CHECK(error_of("{\n\"step\": 1}") == R"(run.json:2: unknown key "step" (did you mean "steps"?))");
    CHECK(error_of("{\n\"frobnicate\": 1}") == R"(run.json:2: unknown key "frobnicate")");
    CHECK(error_of("{\"schedule\": {\n\"rat\": 1}}") == R"(run.json:2: unknown key "schedule.rat" (did you mean "schedule.rate"?))");
    CHECK(error_of(R"({"schedule.rate": 1})") == R"(run.json:1: unknown key "schedule.rate")");
    CHECK(error_of(R"({"schedule": 3})") == "run.json:1: schedule: expected an object, found a number");
    CHECK(error_of("[]") == "run.json:1: expected an object, found an array");
    CHECK(error_of("{\n\n\"steps\": 0}") == "run.json:3: steps: 0 is below 1");
    CHECK(error_of(R"({"steps": 10000001})") == "run.json:1: steps: 10000001 is above 10000000");
    CHECK(error_of(R"({"steps": 1e10})") == "run.json:1: steps: 1e10 is above 10000000");
    CHECK(error_of(R"({"steps": 1.5})") == "run.json:1: steps: 1.5 is not a whole number");
    CHECK(error_of(R"({"steps": "5"})") == "run.json:1: steps: expected a whole number, found a string");
    CHECK(error_of(R"({"steps": 3e0})") == "");
    CHECK(error_of(R"({"seed": -1})") == "run.json:1: seed: -1 is not within 0 to 18446744073709551615");
    CHECK(error_of(R"({"decay": 1e39})") == "run.json:1: decay: 1e39 is out of range");
    CHECK(error_of(R"({"decay": true})") == "run.json:1: decay: expected a number, found a boolean");
    CHECK(error_of(R"({"schedule": {"rate": 0}})") == "run.json:1: schedule.rate: 0 is not above 0");
    CHECK(error_of(R"({"ema": 1})") == "run.json:1: ema: expected a boolean, found a number");
    CHECK(error_of(R"({"ema": null})") == "run.json:1: ema: expected a boolean, found null");
    CHECK(error_of(R"({"loss": "charbonier"})") == R"(run.json:1: loss: "charbonier" is not known (did you mean charbonnier?))");
    CHECK(error_of(R"({"loss": "huber"})") == R"(run.json:1: loss: "huber" is not l1, l2 or charbonnier)");
    CHECK(error_of(R"({"max_memory": 10})") == "run.json:1: max_memory: 10 is below 64");
    CHECK(error_of(R"({"pairs": ["a"]})") == "run.json:1: pairs: needs 2 values, not 1");
    CHECK(error_of(R"({"pairs": ["a", "b", "c"]})") == "run.json:1: pairs: takes at most 2 values, not 3");
    CHECK(error_of(R"({"pairs": "a"})") == "run.json:1: pairs: expected an array, found a string");
    CHECK(error_of(R"({"weights": [1, -1]})") == "run.json:1: weights: -1 is below 0");
    CHECK(error_of("{\"steps\": 1,\n\"steps\": 2}") == R"(run.json:2: duplicate key "steps")");
    // made in the program: no file, no line
    CHECK_THROWS_WITH(tacet::options_from_json<Sample>(tacet::Json::object({{"steps", 0}})), "steps: 0 is below 1");
}

TEST_CASE("options: the difference of two configurations") {
    Sample a, b;
    CHECK(tacet::options_difference(a, b).empty());
    a.steps = 100;
    b.steps = 200;
    b.loss = Loss::l1;
    b.max_memory = 128;
    b.train = {"x", "y"};
    b.noise = "";
    b.schedule.rate = 0.5;
    b.ema = false;
    b.output = "elsewhere";  // not compared
    CHECK(tacet::options_difference(a, b)
          == std::vector<std::string>{"steps: 100 -> 200", "loss: l2 -> l1", "train: none -> x y", "noise: gaussian:0-50 -> \"\"",
                                      "ema: true -> false", "max_memory: none -> 128", "schedule.rate: 0.001 -> 0.5"});
}

TEST_CASE("options: 64-bit ranges are exact") {
    auto const accepts = [](std::string const& text) {
        try {
            tacet::options_from_json<Wide>(tacet::parse_json(text));
        } catch (tacet::Error const&) { return false; }
        return true;
    };
    CHECK(accepts(R"({"a": 9223372036854775806})"));
    CHECK_FALSE(accepts(R"({"a": 9223372036854775807})"));
    CHECK(accepts(R"({"a": -9223372036854775807})"));
    CHECK_FALSE(accepts(R"({"a": -9223372036854775808})"));
    CHECK(accepts(R"({"b": 18446744073709551614})"));
    CHECK_FALSE(accepts(R"({"b": 18446744073709551615})"));
}
}  // namespace options_test
