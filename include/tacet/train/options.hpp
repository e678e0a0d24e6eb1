// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device_choice.hpp>
#include <tacet/core/precision.hpp>
#include <tacet/io/options.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/optim/schedule.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tacet {

/// What the training loop does with a model and its batches. These are the choices that decide the result: a run can be resumed
/// only with the same ones.
struct TrainOptions {
    Index steps = 20'000;
    std::string loss = "l2";
    AdamOptions adam{.rate = 1e-3, .beta2 = 0.99};
    ScheduleOptions schedule;
    double ema = 0.999, clip = 1;  // healthy runs are above 1 in their first ten steps or so; what comes later is a bad batch
    Index valid_every = 1000, save_every = 500;
    bool valid_raw = false;
    Precision precision = Precision::float32;
    bool cuda_graph = true;

    static void fields(auto& self, auto&& field) {
        field("steps", self.steps, "optimizer steps", range(1, 1'000'000'000));
        field("loss", self.loss, "l2 for noise of zero mean, l1 for noise of zero median, charbonnier between them",
              one_of("l2", "l1", "charbonnier"));
        field("adam", self.adam, "the optimizer");
        field("schedule", self.schedule, "learning rate over the run");
        field("ema", self.ema, "decay of the averaged weights, which are those validated and kept as best; 0 turns averaging off",
              range(0.0, 0.999999));
        field("clip", self.clip, "largest norm of the gradient, which is scaled down to it; 0 turns clipping off", range(0.0, 1e9));
        field("valid_every", self.valid_every, "steps between validations", range(1, 1'000'000'000));
        field("valid_raw", self.valid_raw, "validate the weights of the step, too, beside the averaged ones");
        field("save_every", self.save_every, "steps between checkpoints", range(1, 1'000'000'000));
        list_precision(self.precision, field);
        field("cuda_graph", self.cuda_graph, "record a step as a graph where the network is on a GPU", not_compared);
    }
};

/// What programs that train have in common: which pictures, and where the run is kept. The defaults are those of Noise2Noise.
struct RunOptions {
    std::vector<std::filesystem::path> train, valid, pairs, valid_pairs;
    std::string noise = "gaussian:0-50";
    bool clean_targets = false;
    Index batch = 4, crop = 128, valid_images = 8;
    double grey = 0;
    std::uint64_t seed = 0;
    DeviceChoice device = DeviceChoice::cpu;
    TrainOptions training;
    std::filesystem::path output = "run";
    int threads = 0;
    std::size_t cache_memory = 1024;  ///< MB

    /// Lists what the pictures are, but for `crop`, whose range is that of the network.
    static void data_fields(auto& self, auto&& field) {
        field("train", self.train, "folders of clean pictures, corrupted on the fly; the word dead-leaves trains on generated pictures",
              metavar("DIR"));
        field("valid", self.valid, "folders of clean pictures for validation; dead-leaves generates them", metavar("DIR"));
        field("pairs", self.pairs, "two folders with noisy pictures of the same scenes, matched by name", metavar("DIR"), values(2));
        field("valid_pairs", self.valid_pairs, "two such folders for validation: noisy pictures and their references", metavar("DIR"),
              values(2));
        field("noise", self.noise, "the noise to train on: KIND:LEVEL or KIND:LOW-HIGH", metavar("SPEC"));
        field("clean_targets", self.clean_targets, "train against the clean pictures; otherwise against others with noise");
        field("batch", self.batch, "patches in a step", range(1, 1024));
        field("grey", self.grey, "share of the patches made grey, so that the network learns grey pictures too", range(0, 1));
        field("valid_images", self.valid_images, "pictures used for validation", range(1, 10000));
    }
    /// Lists how the loop goes, without a prefix (--steps rather than --training.steps), and where the run is kept.
    static void run_fields(auto& self, auto&& field) {
        field("seed", self.seed, "seed of weights and of all that is drawn for patches");
        list_device(self.device, field);
        TrainOptions::fields(self.training, field);
        field("output", self.output, "folder of the run; an existing run is continued", metavar("RUN"), not_compared);
        field("threads", self.threads, "threads (0: as many as the machine has); does not change the result", range(0, 1024), not_compared);
        field("cache_memory", self.cache_memory, "memory for decoded pictures", metavar("MB"), range(16, 1 << 20), not_compared);
    }
};

}  // namespace tacet
