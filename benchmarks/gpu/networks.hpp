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

/// Steps of the trainer that programs use, on a batch in the host's memory, without clipping and averaging, as on the other side. As in a
/// program, the host learns what became of a step when the next one is under way.
template <class Net> struct TrainerSteps : Learner<Net> {
    static TrainOptions options() {
        TrainOptions o;
        o.steps = 1'000'000'000, o.schedule.kind = "constant";
        o.loss = Net::loss_name, o.precision = Precision::bfloat16;
        o.ema = 0, o.clip = 0;
        return o;
    }
    Batch batch;
    Trainer<decltype(Net::model)> trainer{this->model, options()};
    explicit TrainerSteps(Checkpoint const& inputs)
        : Learner<Net>(inputs), batch{bench::tensor<4>(inputs, "x"), bench::tensor<4>(inputs, "target"), {}} {}

    void step() {
        trainer.start(batch);
        if (trainer.step() == 1) return;
        auto const result = trainer.finish();
        check(!result.skipped, "a step was skipped: its loss is ", result.loss);
    }
    Checkpoint results() {
        if constexpr (requires { this->model.draws; }) this->model.draws.draw = 0;  // as the masks of the inputs
        return Learner<Net>::template results<BFloat16>();
    }
};
template <class Net> Work open_trainer(Checkpoint const& inputs) {
    auto const training = std::make_shared<TrainerSteps<Net>>(inputs);
    auto const remark = [=] { return unrecorded(training->trainer.why_not_recorded()); };
    return {[=] { training->step(); }, [=] { return training->results(); }, remark};
}

}  // namespace tacet::bench
