// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/backward.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/ops/loss.hpp>
#include <tacet/optim/ema.hpp>
#include <tacet/tensor/move.hpp>
#include <tacet/train/batch.hpp>
#include <tacet/train/options.hpp>
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
    bool can_fall() const { return active && factor > 1; }
    void overflowed() { factor /= 2, since = 0; }
    void went_well() {
        if (active && ++since == 2000) factor = std::min(factor * 2, 16777216.), since = 0;
    }
};
}  // namespace detail

/// Trains a model step by step, where it is (a model on a GPU says so by `device_type`): loss, backward, schedule, Adam, moving average.
/// Everything that a step depends on is in state(), so that a run stopped anywhere and resumed ends with the same bits as one that was
/// never stopped.
template <class M> class Trainer {
    using D = device_of<M>;
    static constexpr bool has_16_bits =
        !std::is_same_v<D, Cpu> && requires(M const& m, Variable<float, 4, D> const& x) { m(x, computed_in<BFloat16>); };

public:
    /// Keeps references to the model and switches all of it to training (see set_training): to freeze a part, switch that part off
    /// afterwards. Throws Error for options out of their ranges,
    /// and for an unknown loss or schedule.
    Trainer(M& model, TrainOptions const& options)
        : model_(model), options_(options), adam_(model, options.adam),
          plateau_(options.schedule.gamma, static_cast<double>(options.schedule.patience)) {
        check_options(options);
        if (options.ema > 0) ema_.emplace(model, options.ema);
        bool const on_host = std::is_same_v<D, Cpu>;
        check(!on_host || options.precision == Precision::float32, "images are kept in 16 bits on GPUs alone: precision must be float32");
        check(loss_is_known(options.loss), "unknown loss \"", options.loss, "\": l2, l1 and charbonnier are known");
        factor();
        set_training(model, true);
    }

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
        adam_.set_rate(options_.adam.rate * factor);
        if constexpr (requires { model_.draws.draw; }) model_.draws.draw = static_cast<std::uint32_t>(step_);
        Variable<float, 4, D> const x(Tensor<float, 4, D>(to<D>(batch.input) - M::offset));
        Variable const loss = loss_of(output_of(x), Tensor<float, 4, D>(to<D>(batch.target) - M::offset));
        StepResult result{.loss = static_cast<double>(item(loss.value()))};
        if (scale_.active) backward(Variable<float, 0, D>(loss * static_cast<float>(scale_.factor)));
        else backward(loss);
        result.gradient_norm = clipped_gradients();
        bool const finite = std::isfinite(result.gradient_norm);
        result.rescaled = std::isfinite(result.loss) && !finite && scale_.can_fall();
        result.skipped = !result.rescaled && !(std::isfinite(result.loss) && finite);
        if (result.rescaled) adam_.skip(), scale_.overflowed();
        else if (result.skipped) adam_.skip(), ++skipped_, ++skipped_in_a_row_;
        else {
            adam_.step();
            scale_.went_well();
            // Young averages forget faster, or the random start would linger in them.
            auto const age = static_cast<double>(adam_.steps());
            if (ema_) ema_->update(std::min(options_.ema, age / (age + 10)));
            skipped_in_a_row_ = 0;
        }
        ++step_;
        return result;
    }

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
        if (options_.precision == Precision::half)
            c.metadata["loss_scale"] = number_text(scale_.factor), c.metadata["loss_scale_since"] = std::to_string(scale_.since);
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
            scale_ = {true, detail::stored_number<double>(c, "loss_scale", 1), count("loss_scale_since")};
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
    /// What the model makes of x, its images kept as `precision` says.
    Variable<float, 4, D> output_of(Variable<float, 4, D> const& x) const {
        if constexpr (has_16_bits) {
            if (options_.precision == Precision::bfloat16) return model_(x, computed_in<BFloat16>);
            if (options_.precision == Precision::half) return model_(x, computed_in<Half>);
        }
        return model_(x);
    }
    /// The norm of the gradients; scales them back, and down where they are clipped.
    double clipped_gradients() {
        if (!scale_.active) return options_.clip > 0 ? clip_gradients<float, D>(model_, options_.clip) : gradient_norm<float, D>(model_);
        double const norm = gradient_norm<float, D>(model_) / scale_.factor, limit = options_.clip / (norm + 1e-6);
        scale_gradients<float, D>(model_, (options_.clip > 0 ? std::min(limit, 1.) : 1.) / scale_.factor);
        return norm;
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
    detail::LossScale scale_ = detail::LossScale::of(options_.precision);
    std::optional<Ema<float, D>> ema_;
    Index step_ = 0, skipped_ = 0, skipped_in_a_row_ = 0;
};

}  // namespace tacet
