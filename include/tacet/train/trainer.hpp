// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/backward.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/nn/precision.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/tensor/move.hpp>
#include <tacet/train/options.hpp>
#include <tacet/train/step_runner.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace tacet {

/// What one step did.
struct StepResult {
    double loss = 0, gradient_norm = 0;
    bool skipped = false;   // the loss or a gradient was not finite: the weights did not move
    bool rescaled = false;  // a gradient was too large for its 16 bits: the weights did not move, the next loss is scaled less
};

namespace detail {
/// A number of at least `least` from the metadata of a training state.
template <class V>
V stored_number(Checkpoint const& state, std::string const& key, V least = std::numeric_limits<V>::lowest()) {
    auto const it = state.metadata.find(key);
    V value = 0;
    bool const ok =
        it != state.metadata.end() && std::from_chars(it->second.data(), it->second.data() + it->second.size(), value).ec == std::errc();
    check(ok && value >= least, "the training state has no valid \"", key, "\"");
    return value;
}

/// Multiplies the loss, so that its gradients in half precision are neither too small nor too large for that (Micikevicius et al., Mixed
/// precision training, 2018): half as much after an overflow, twice as much after 2000 steps without one.
struct LossScale {
    bool active = false;
    double factor = 1;  // at least 1
    Index since = 0;    // steps since it changed

    static LossScale of(Precision precision) { return precision == Precision::half ? LossScale{true, 65536} : LossScale{}; }
    constexpr bool can_fall() const { return active && factor > 1; }
    constexpr void overflowed() { factor /= 2, since = 0; }
    constexpr void went_well() {
        if (active && ++since == 2000) factor = factor < 16777216 ? factor * 2 : factor, since = 0;
    }
};

/// What became of a step, and the loss scale of the next one.
struct StepOutcome {
    StepResult result;
    LossScale scale;
};

/// Decides about a step from its loss and the squares of its gradients, where they are (see Adam::step).
struct StepJudge {
    float const* loss;
    double const* squares;
    StepOutcome* outcome;
    float* loss_factor;  // of the next step
    double clip;         // 0: no clipping
    constexpr StepDecision operator()() const {
        auto& [result, scale] = *outcome;
        double const scaled = scale.factor;
        result.loss = static_cast<double>(*loss), result.gradient_norm = std::sqrt(*squares) / scaled;
        bool const sane = finite(result.loss), moves = sane && finite(result.gradient_norm);
        result.rescaled = sane && !moves && scale.can_fall();
        result.skipped = !moves && !result.rescaled;
        if (result.rescaled) scale.overflowed();
        if (moves) scale.went_well();
        *loss_factor = static_cast<float>(scale.factor);
        return {moves, (clip > 0 ? clip_factor(result.gradient_norm, clip) : 1) / scaled};
    }

private:
    static constexpr bool finite(double x) { return x - x == 0; }
};
}  // namespace detail

/// Trains a model step by step, where it is (a model on a GPU says so by `device_type`): loss, backward, schedule, Adam, moving average.
/// Everything that a step depends on is in state(), so that a run stopped anywhere and resumed ends with the same bits as one that was
/// never stopped.
template <class M> class Trainer {
    using D = device_of<M>;

public:
    /// How many steps are worth starting before the one before is finished: only a GPU works while the host does.
    static constexpr std::size_t ahead = std::is_same_v<D, Cpu> ? 0 : 1;

    /// Keeps references to the model and switches all of it to training (see set_training): to freeze a part, switch that part off
    /// afterwards. Throws Error for options out of their ranges,
    /// and for an unknown loss or schedule.
    Trainer(M& model, TrainOptions const& options)
        : model_(model), options_(options), adam_(model, options.adam),
          plateau_(options.schedule.gamma, static_cast<double>(options.schedule.patience)) {
        check_options(options);
        if (options.ema > 0) ema_.emplace(model, options.ema);
        check_precision<M>(options.precision);
        check(loss_is_known(options.loss), "unknown loss \"", options.loss, "\": l2, l1 and charbonnier are known");
        factor();
        set_training(model, true);
        set_scale(detail::LossScale::of(options.precision));
    }
    Trainer(Trainer const&) = delete;
    Trainer& operator=(Trainer const&) = delete;

    Index step() const { return step_; }
    bool finished() const { return step_ >= options_.steps; }
    Index skipped() const { return skipped_; }
    /// Steps in a row, up to now, that were skipped.
    Index skipped_in_a_row() const { return skipped_in_a_row_; }

    /// The schedule's factor on the base rate for the next step.
    double factor() const {
        return options_.schedule.kind == "plateau" ? plateau_.factor() : schedule_factor(options_.schedule, step_, options_.steps);
    }
    /// Tells the schedule "plateau" what a validation found: a PSNR or another quality in dB. The others do not listen.
    void observe(double quality) {
        if (options_.schedule.kind == "plateau") plateau_.observe(std::pow(10, -quality / 10));
    }

    /// One optimizer step on a batch with values in [0, 1], at the rate of the schedule. A model that draws (masks, dropout) has its
    /// `draws.draw` set to the step: a resumed run draws what the uninterrupted one would have drawn.
    StepResult train(Batch const& batch) { return train(batch, factor()); }
    /// The same at `factor` times the base rate.
    StepResult train(Batch const& batch, double factor) {
        start(batch, factor);
        return finish();
    }
    /// The two halves of train(): the next step may be started before the one before is finished, but no third one. A GPU computes a step
    /// while the host prepares the next, and does so as a graph recorded once for batches of one shape (TrainOptions::cuda_graph): switches
    /// of the model that are changed afterwards need record_again().
    void start(Batch const& batch) { start(batch, factor()); }
    void start(Batch const& batch, double factor) {
        adam_.set_rate(options_.adam.rate * factor);
        runner_->run(batch, static_cast<std::uint32_t>(step_));
        results_.send(outcome_);
        ++step_;
    }
    /// What the oldest step did that was started and is not finished.
    StepResult finish() {
        auto const result = results_.receive().result;
        skipped_ += result.skipped;
        skipped_in_a_row_ = result.skipped ? skipped_in_a_row_ + 1 : result.rescaled ? skipped_in_a_row_ : 0;
        return result;
    }
    /// Has the next steps recorded anew.
    void record_again() { runner_ = make_runner(); }
    /// Why steps on a GPU are not recorded; empty where they are.
    std::string why_not_recorded() const { return runner_->why_not_recorded(); }

    /// The model, with the weights of the step.
    M& model() { return model_; }
    /// Calls f(model) while the model holds the averaged weights.
    template <class F> auto with_average(F&& f) {
        if (!ema_) return f(model_);
        struct Swapped {
            Ema<float, D>& ema;
            explicit Swapped(Ema<float, D>& e) : ema(e) { ema.swap(); }
            ~Swapped() { ema.swap(); }
        } const swapped(*ema_);
        return f(model_);
    }

    /// Leaves the averaged weights in the model for good: when training is over.
    void keep_average() {
        if (ema_) ema_->swap();
        ema_.reset();
    }

    /// Everything a resumed run needs: "model.*", "ema.*", "optim.*" and the counters in the metadata.
    Checkpoint state() {
        Checkpoint c;
        for_each_tensor([&](std::string const& name, auto const& t) { c.tensors.push_back(named_tensor(name, t)); });
        c.metadata["step"] = std::to_string(step_);
        c.metadata["optimizer_steps"] = std::to_string(adam_.steps());
        c.metadata["skipped"] = std::to_string(skipped_);
        c.metadata["skipped_in_a_row"] = std::to_string(skipped_in_a_row_);
        if (options_.schedule.kind == "plateau")
            plateau_.for_each_state([&](char const* name, auto const& value) { c.metadata[plateau_key(name)] = number_text(value); });
        if (options_.precision == Precision::half) {
            auto const scale = outcome_.get().scale;
            c.metadata["loss_scale"] = number_text(scale.factor), c.metadata["loss_scale_since"] = std::to_string(scale.since);
        }
        return c;
    }
    /// Continues from a state. Throws Error when it is one of another model or lacks something.
    void restore(Checkpoint const& c) {
        for_each_tensor([&](std::string const& name, auto const& t) { assign_tensor(t, c.at(name)); });
        auto const count = [&](char const* key) { return detail::stored_number<Index>(c, key, 0); };
        step_ = count("step"), skipped_ = count("skipped"), skipped_in_a_row_ = count("skipped_in_a_row");
        adam_.set_steps(count("optimizer_steps"));
        if (options_.schedule.kind == "plateau")
            plateau_.for_each_state(
                [&]<class V>(char const* name, V& value) { value = detail::stored_number<V>(c, plateau_key(name), 0); });
        if (options_.precision == Precision::half)
            set_scale({true, detail::stored_number<double>(c, "loss_scale", 1), count("loss_scale_since")});
    }
    /// The name of the first tensor of state() that holds NaN or an infinity; empty when all numbers are finite.
    std::string first_not_finite() {
        std::string first;
        for_each_tensor([&](std::string const& name, auto const& t) {
            auto const host = to<Cpu>(t);
            bool const finite =
                std::all_of(host.data(), host.data() + host.size(), [](auto x) { return std::isfinite(static_cast<double>(x)); });
            if (first.empty() && !finite) first = name;
        });
        return first;
    }

private:
    static bool loss_is_known(std::string const& name) { return name == "l2" || name == "l1" || name == "charbonnier"; }
    std::unique_ptr<detail::StepRunner<D>> make_runner() {
        auto const work = [this](auto const& input, auto const& target, std::uint32_t draw) { compute(input, target, draw); };
        return std::make_unique<detail::StepRunner<D>>(work, options_.cuda_graph);
    }
    /// All of a step but what the host does.
    void compute(Tensor<float, 4, D> const& input, Tensor<float, 4, D> const& target, std::uint32_t draw) {
        TensorFloat32 const rounded = rounding_of(options_.precision);
        adam_.skip();  // what a recording that failed has left
        if constexpr (requires { model_.draws.draw; }) model_.draws.draw = draw;
        Variable<float, 4, D> const x(Tensor<float, 4, D>(input - M::offset));
        Variable const loss = loss_of(call_in(options_.precision, model_, x), Tensor<float, 4, D>(target - M::offset));
        if (options_.precision == Precision::half) backward(Variable<float, 0, D>(loss * loss_factor_));
        else backward(loss);
        auto const squares = adam_.gradient_squares();
        adam_.step(detail::StepJudge{loss.value().data(), squares.data(), outcome_.data(), loss_factor_.data(), options_.clip},
                   ema_ ? &*ema_ : nullptr);
    }
    void set_scale(detail::LossScale const& scale) {
        outcome_.set({{}, scale});
        loss_factor_.assign(Constant<float, 0, D>{Shape<0>{}, static_cast<float>(scale.factor)});
    }
    Variable<float, 0, D> loss_of(Variable<float, 4, D> const& y, Tensor<float, 4, D> const& target) const {
        if (options_.loss == "l1") return l1_loss(y, target);
        if (options_.loss == "charbonnier") return charbonnier_loss(y, target);
        return l2_loss(y, target);
    }
    static std::string plateau_key(char const* name) { return std::string("plateau.") + name; }
    /// Calls visit("model.*", "ema.*" or "optim.*", tensor) for each tensor of the state.
    void for_each_tensor(auto&& visit) {
        tacet::for_each_state(model_, [&](std::string const& name, auto const& t) { visit("model." + name, t); });
        if (ema_) with_average([&](M& m) {
            for_each_parameter(m, [&](std::string const& name, auto const& p) { visit("ema." + name, p.value()); });
        });
        adam_.for_each_state([&](std::string const& name, auto const& t) { visit("optim." + name, t); });
    }

    M& model_;
    TrainOptions options_;
    Adam<float, D> adam_;
    Plateau plateau_;
    std::optional<Ema<float, D>> ema_;
    Cell<detail::StepOutcome, D> outcome_{{}};
    Tensor<float, 0, D> loss_factor_{Shape<0>{}};
    Download<detail::StepOutcome, D> results_;
    std::unique_ptr<detail::StepRunner<D>> runner_ = make_runner();
    Index step_ = 0, skipped_ = 0, skipped_in_a_row_ = 0;
};

}  // namespace tacet
