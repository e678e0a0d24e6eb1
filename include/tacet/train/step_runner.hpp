// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/live_draw.hpp>
#include <tacet/core/replay.hpp>
#include <tacet/core/transfer.hpp>
#include <tacet/train/batch.hpp>
#include <functional>

namespace tacet::detail {

/// Runs the steps of a training on a device: work(input, target, draw), where the tensors are those of a batch and `draw` names what the
/// step draws.
template <class D> class StepRunner {
public:
    using Image = Tensor<float, 4, D>;
    using Work = std::function<void(Image const& input, Image const& target, std::uint32_t draw)>;

    StepRunner(Work work, bool /* records */) : work_(std::move(work)) {}
    void run(Batch const& batch, std::uint32_t draw) { work_(batch.input, batch.target, draw); }
    std::string why_not_recorded() const { return {}; }

private:
    Work work_;
};

#if TACET_WITH_CUDA
/// On a GPU the batch is uploaded beside the step before, and a step is recorded as a graph: the first one of a shape is called, the second
/// one recorded, and all others are launched as one. The work then runs with draw 0: what it draws depends on the number in `draw_`.
template <class D>
    requires(!std::same_as<D, Cpu>)
class StepRunner<D> {  // a template still: its kernels are not there where a file of plain C++ includes this
public:
    using Image = Tensor<float, 4, D>;
    using Work = std::function<void(Image const& input, Image const& target, std::uint32_t draw)>;

    StepRunner(Work work, bool records) : work_(std::move(work)), records_(records) {}
    void run(Batch const& batch, std::uint32_t draw) {
        if (!input_.defined() || input_.shape() != batch.input.shape() || target_.shape() != batch.target.shape()) take_shape(batch);
        upload(input_, batch.input);
        upload(target_, batch.target);
        if (!replay_) return work_(input_, target_, draw);
        draw_.set({.epoch = draw});
        (*replay_)();
    }
    /// Why steps are not recorded; empty where they are, and before the second one.
    std::string why_not_recorded() const { return replay_ ? replay_->why() : std::string(); }

private:
    struct Recorded {
        StepRunner* runner;
        bool operator()() const {
            LiveDraw const draw(runner->draw_.data());
            runner->work_(runner->input_, runner->target_, 0);
            return true;
        }
    };
    void take_shape(Batch const& batch) {
        replay_.reset();
        input_ = Image(batch.input.shape()), target_ = Image(batch.target.shape());
        if (records_) replay_.emplace(Recorded{this});
    }
    void upload(Image const& to, Tensor<float, 4> const& from) {
        upload_.copy(to.data(), from.data(), static_cast<std::size_t>(from.size()) * sizeof(float));
    }

    Work work_;
    bool records_;
    Upload upload_;
    Image input_, target_;
    Cell<DrawShift, D> draw_{{}};
    std::optional<Replay<Recorded>> replay_;
};
#endif

}  // namespace tacet::detail
