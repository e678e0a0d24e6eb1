// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/options.hpp>
#include <tacet/optim/adam.hpp>
#include <tacet/optim/schedule.hpp>

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
    }
};

}  // namespace tacet
