// SPDX-License-Identifier: MIT
#pragma once
// The options struct that the tests of options, command line, help and programs share: one option of every kind.
#include <tacet/io/options.hpp>

namespace option_sample {

namespace fs = std::filesystem;

enum class Loss { l1, l2, charbonnier };

struct Schedule {
    double rate = 1e-3;
    int ramp_down = 300;

    static void fields(auto& self, auto&& field) {
        field("rate", self.rate, "peak learning rate", tacet::above(0.0));
        field("ramp_down", self.ramp_down, "steps at the end in which the rate falls to zero", tacet::at_least(0));
    }
};

struct Sample {
    std::vector<fs::path> input;
    int steps = 1000;
    Loss loss = Loss::l2;
    std::vector<fs::path> train;
    std::vector<fs::path> pairs;
    std::string noise = "gaussian:0-50";
    float decay = 0.999f;
    bool clean_targets = false;
    bool ema = true;
    std::optional<int> max_memory;
    std::uint64_t seed = 0;
    std::vector<double> weights;
    fs::path output;
    Schedule schedule;

    static void fields(auto& self, auto&& field) {
        using namespace tacet;
        field("input", self.input, "images to denoise", positional);
        field("steps", self.steps, "optimizer steps", range(1, 10'000'000));
        field("loss", self.loss, "training loss", one_of("l1", "l2", "charbonnier"));
        field("train", self.train, "folders of training images", metavar("DIR"));
        field("pairs", self.pairs, "two folders with noisy pairs, matched by name", metavar("DIR"), values(2));
        field("noise", self.noise, "noise that is added", metavar("SPEC"));
        field("decay", self.decay, "decay of the moving average", range(0, 1));
        field("clean_targets", self.clean_targets, "train against clean targets");
        field("ema", self.ema, "keep a moving average of the weights");
        field("max_memory", self.max_memory, "memory limit; larger images are tiled", metavar("MB"), at_least(64));
        field("seed", self.seed, "seed of all random numbers");
        field("weights", self.weights, "weights of the terms", at_least(0), values(1, 3));
        field("output", self.output, "folder of the results", metavar("DIR"), required, not_compared);
        field("schedule", self.schedule, "Learning rate");
    }
};

}  // namespace option_sample
