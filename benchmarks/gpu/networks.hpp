// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/train/trainer.hpp>

#include "../peers/networks.hpp"
#include "works.hpp"

// Whole networks on the GPU, their images in bfloat16.
namespace tacet::bench {

/// Inference of an image that is there already, as a graph.
template <class Net> Work open_replayed_inference(Checkpoint const& inputs) {
    auto const net = std::make_shared<Loaded<Net>>(inputs);
    return replayed([=] {
        NoGrad const guard;
        return net->template output<BFloat16>().value();
    }, "y");
}

/// Steps of the trainer that programs use, on a batch in the host's memory, without clipping and averaging, as on the other side.
template <class Net> struct TrainerSteps : Learner<Net> {
    static TrainOptions options() {
        TrainOptions o{.steps = 1'000'000'000, .loss = Net::loss_name, .ema = 0, .clip = 0, .precision = Precision::bfloat16};
        o.schedule.kind = "constant";
        return o;
    }
    Batch batch;
    Trainer<decltype(Net::model)> trainer{this->model, options()};
    explicit TrainerSteps(Checkpoint const& inputs)
        : Learner<Net>(inputs), batch{bench::tensor<4>(inputs, "x"), bench::tensor<4>(inputs, "target"), {}} {}

    void step() {
        auto const result = trainer.train(batch);
        check(!result.skipped, "a step was skipped: its loss is ", result.loss);
    }
};
/// A train step. Here a step that the trainer records as a graph would say why, where it cannot.
template <class Net> Work open_trainer(Checkpoint const& inputs) {
    auto const training = std::make_shared<TrainerSteps<Net>>(inputs);
    return {[=] { training->step(); }, [=] { return training->template results<BFloat16>(); }};
}

}  // namespace tacet::bench
