// SPDX-License-Identifier: MIT
#include <tacet/io/option_help.hpp>

#include <support/catch.hpp>

#include "option_sample.hpp"

namespace option_help_test {
using option_sample::Sample;

namespace {

struct Small {
    std::filesystem::path input;
    std::string loss = "l1";
    std::vector<int> size{48, 64};
    std::vector<float> weights;
    bool clip = false, ema = true;
    option_sample::Schedule schedule;

    static void fields(auto& self, auto&& field) {
        using namespace tacet;
        field("input", self.input, "image", positional, required);
        field("loss", self.loss, "training loss", one_of("l1", "l2|l3"));
        field("size", self.size, "height and width", at_least(1), values(2));
        field("weights", self.weights, "a factor for each term", values(1, 3));
        field("clip", self.clip, "clip to 0..1");
        field("ema", self.ema, "average the weights");
        field("schedule", self.schedule, "Learning rate");
    }
};

tacet::Program program() {
    return {.name = "n2n",
            .description =
                "Trains a denoiser from noisy images alone.\nNo clean image is needed: the targets are noisy too, and their noise "
                "averages out over the training set.",
            .examples = {{"n2n --train photos --output run", "trains on the images of the folder photos"},
                         {"n2n --config run/config.json --output run", ""}},
            .version = "1.2.3"};
}
}  // namespace

TEST_CASE("help: the exact text") {
    CHECK(tacet::options_help<Sample>(program()) == R"(Usage: n2n --output DIR [OPTION]... [INPUT...]

Trains a denoiser from noisy images alone.
No clean image is needed: the targets are noisy too, and their noise averages out over the training
set.

Arguments:
  INPUT...                images to denoise

Options:
  --steps N               optimizer steps (1 to 10000000; default 1000)
  --loss NAME             training loss (l1, l2 or charbonnier; default l2)
  --train DIR...          folders of training images
  --pairs DIR DIR         two folders with noisy pairs, matched by name
  --noise SPEC            noise that is added (default gaussian:0-50)
  --decay X               decay of the moving average (0 to 1; default 0.999)
  --clean-targets         train against clean targets
  --[no-]ema              keep a moving average of the weights (default on)
  --max-memory MB         memory limit; larger images are tiled (at least 64)
  --seed N                seed of all random numbers (default 0)
  --weights X...          weights of the terms (at least 0, 1 to 3 values)
  --output DIR            folder of the results

Learning rate:
  --schedule.rate X       peak learning rate (above 0; default 0.001)
  --schedule.ramp-down N  steps at the end in which the rate falls to zero (at least 0; default 300)

Common options:
  --config FILE           read options from a JSON file first; the command line wins
  --help                  show this text and exit
  --version               show the version and exit

Examples:
  n2n --train photos --output run
      trains on the images of the folder photos
  n2n --config run/config.json --output run
)");
}

TEST_CASE("help: wraps to the width and shows the defaults it is given") {
    Sample o;
    o.steps = 77;
    o.max_memory = 100;
    o.train = {"a", "b"};
    std::string const help = tacet::options_help(program(), o, 80);
    CHECK_THAT(help, tacet::test::contains("optimizer steps (1 to 10000000; default 77)"));
    CHECK_THAT(help, tacet::test::contains("larger images are tiled (at least 64;\n                          default 100)"));
    CHECK_THAT(help, tacet::test::contains("folders of training images (default a b)"));
    for (std::size_t begin = 0, end; (end = help.find('\n', begin)) != std::string::npos; begin = end + 1)
        CHECK(tacet::display_width(help.substr(begin, end - begin)) <= 80);
}

TEST_CASE("help: a long option has its text on the next line") {
    struct Entry {
        static std::string text() {
            return tacet::detail::help_section("Options", {{"--a-very-long-option-name-indeed DIR", "what it does"}, {"--x", "short"}}, 30,
                                               80);
        }
    };
    CHECK(Entry::text() == R"(
Options:
  --a-very-long-option-name-indeed DIR
                              what it does
  --x                         short
)");
}

TEST_CASE("help: the Markdown reference") {
    CHECK(
        "\n" + tacet::options_markdown<Small>() == R"(
| option                   | JSON key             | values        | default | meaning                                          |
|--------------------------|----------------------|---------------|---------|--------------------------------------------------|
| `INPUT`                  | `input`              |               |         | image (required)                                 |
| `--loss NAME`            | `loss`               | l1 or l2\|l3  | `l1`    | training loss                                    |
| `--size N N`             | `size`               | at least 1    | `48 64` | height and width                                 |
| `--weights X...`         | `weights`            | 1 to 3 values |         | a factor for each term                           |
| `--clip`                 | `clip`               | on or off     | off     | clip to 0..1                                     |
| `--[no-]ema`             | `ema`                | on or off     | on      | average the weights                              |
| `--schedule.rate X`      | `schedule.rate`      | above 0       | `0.001` | peak learning rate                               |
| `--schedule.ramp-down N` | `schedule.ramp_down` | at least 0    | `300`   | steps at the end in which the rate falls to zero |
)");
}
}  // namespace option_help_test
