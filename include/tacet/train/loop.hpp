// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/progress.hpp>
#include <tacet/train/run_report.hpp>
#include <tacet/train/trainer.hpp>
#include <charconv>
#include <csignal>
#include <deque>

namespace tacet {

/// Set by Ctrl-C (SIGINT) and SIGTERM while a StopOnSignal lives: the loop saves and returns. A second signal of the kind ends the
/// process at once, as it would without this; a run survives that, too.
class StopOnSignal {
public:
    StopOnSignal() : interrupt_(std::signal(SIGINT, &handle)), terminate_(std::signal(SIGTERM, &handle)) { requested() = 0; }
    ~StopOnSignal() { std::signal(SIGINT, interrupt_), std::signal(SIGTERM, terminate_); }
    StopOnSignal(StopOnSignal const&) = delete;
    StopOnSignal& operator=(StopOnSignal const&) = delete;
    static bool wanted() { return requested() != 0; }

private:
    static std::sig_atomic_t volatile& requested() {
        static std::sig_atomic_t volatile flag = 0;
        return flag;
    }
    static void handle(int signal) {
        requested() = 1;
        std::signal(signal, SIG_DFL);
    }
    void (*interrupt_)(int);
    void (*terminate_)(int);
};

/// What a validation found: figures for the log, of which `quality` (higher is better) decides which weights are kept as best.
struct Validation {
    Json::Object figures;
    double quality = 0;
};

namespace detail {

/// The names of a batch's pictures.
inline std::string names_of(Batch const& batch) {
    std::string names;
    for (auto const& name : batch.names) names += (names.empty() ? "" : ", ") + name;
    return names;
}

/// Stops a run whose steps fail one after the other; a single one is noted and skipped.
inline void check_progress(Index step, Index skipped_in_a_row, StepResult const& result, std::string const& names, Progress& progress) {
    if (result.rescaled) progress.note(concat_text("step ", step, ": gradients too large for half precision; the loss is scaled less"));
    if (!result.skipped) return;
    progress.note(concat_text("step ", step, ": the loss or a gradient is not finite; the step was skipped (batch: ", names, ")"));
    check(skipped_in_a_row < 10, "ten steps in a row had a loss or gradients that are not finite, the last with the batch ",
          names, "; try a lower --adam.rate or --clip");
}

/// Stops a run before weights that hold NaN or infinities are kept.
template <class M> void check_weights(Trainer<M>& trainer, std::string const& names) {
    auto const bad = trainer.first_not_finite();
    check(bad.empty(), "step ", trainer.step(), ": ", bad, " is not finite (batch: ", names,
          "); nothing of it was saved, the last checkpoint is as it was; try a lower --adam.rate");
}

/// What a model's next pass draws by; nothing for a model that draws nothing.
template <class M> auto draws_of(M const& model) {
    if constexpr (requires { model.draws.draw; }) return model.draws;
    else return nullptr;
}

/// Switches a module to evaluation, where one that draws masks draws those of seed and draw 0, as in a program that denoises; afterwards
/// everything is as it was before.
template <class M> class Evaluating {
public:
    explicit Evaluating(M& model) : model_(model), draws_(draws_of(model)) {
        each([&](bool& training) { before_.push_back(training), training = false; });
        if constexpr (requires { model_.draws.draw; }) model_.draws.seed = 0, model_.draws.draw = 0;
    }
    ~Evaluating() {
        each([&, k = std::size_t(0)](bool& training) mutable { training = before_[k++]; });
        if constexpr (requires { model_.draws.draw; }) model_.draws = draws_;
    }
    Evaluating(Evaluating const&) = delete;
    Evaluating& operator=(Evaluating const&) = delete;

private:
    void each(auto visit) {
        for_each_module(model_, [&](auto& module) {
            if constexpr (requires { { (module.training) } -> std::same_as<bool&>; }) visit(module.training);
        });
    }
    M& model_;
    decltype(draws_of(std::declval<M const&>())) draws_;
    std::vector<bool> before_;
};

/// What the loop itself carries from step to step: the best validation so far, and the losses of the next line of the log.
struct LoopState {
    double best = -1e300, loss_sum = 0;
    Index losses = 0;

    void add(StepResult const& result) {
        if (!result.skipped) loss_sum += result.loss, ++losses;
    }
    double take_mean() {
        auto const n = std::exchange(losses, 0);
        double const sum = std::exchange(loss_sum, 0);
        return n ? sum / static_cast<double>(n) : 0.0;
    }
    void write(Checkpoint& state) const {
        state.metadata["best"] = number_text(best);
        state.metadata["loss_sum"] = number_text(loss_sum), state.metadata["losses"] = std::to_string(losses);
    }
    /// Continues from a run's last state, if there is one.
    template <class M> void restore(RunFolder const& run, Trainer<M>& trainer) {
        auto const state = run.last();
        if (!state) return;
        try {
            trainer.restore(*state);
            best = stored_number<double>(*state, "best"), loss_sum = stored_number<double>(*state, "loss_sum");
            losses = stored_number<Index>(*state, "losses", 0);
        } catch (Error const& error) {
            throw Error(run.file("last.safetensors").string() + ": " + error.what());
        }
    }
};

inline bool validates_after(Index step, TrainOptions const& options) { return step == options.steps || step % options.valid_every == 0; }

/// The steps that were started and of which nothing is known yet: a GPU computes one while the host prepares the next.
template <class M> class StepsUnderWay {
public:
    StepsUnderWay(Trainer<M>& trainer, RunFolder& run, TrainOptions const& options, LoopState& loop, Progress& progress)
        : trainer_(trainer), run_(run), options_(options), loop_(loop), progress_(progress), finished_(trainer.step()) {}

    /// Where there is no memory for a step, the error says what to lower.
    void start(Batch const& batch) {
        started_.push_back(names_of(batch));
        try {
            trainer_.start(batch);
        } catch (OutOfMemory const& error) {
            throw OutOfMemory(concat_text("step ", trainer_.step() + 1, ": ", error.what(), "; use a smaller --batch or --crop"));
        }
    }
    /// Finishes all but the last `left`.
    void finish(std::size_t left) {
        while (started_.size() > left) finish_one();
    }
    /// The batch of the last step that is finished.
    std::string const& names() const { return names_; }

private:
    void finish_one() {
        auto const result = trainer_.finish();
        names_ = std::move(started_.front());
        started_.pop_front(), ++finished_;
        if (result.skipped) check_weights(trainer_, names_);
        check_progress(finished_, trainer_.skipped_in_a_row(), result, names_, progress_);
        loop_.add(result);
        progress_.update(finished_, [&] { return "loss " + number_text(static_cast<float>(result.loss)); });
        if (auto const why = trainer_.why_not_recorded(); !why.empty() && !std::exchange(told_why_, true))
            progress_.note("steps are not recorded as a CUDA graph: " + why);
        if (validates_after(finished_, options_) || finished_ % 100 == 0)
            run_.log({{"step", finished_},
                      {"loss", loop_.take_mean()},
                      {"gradient_norm", result.gradient_norm},
                      {"skipped", trainer_.skipped()}});
    }

    Trainer<M>& trainer_;
    RunFolder& run_;
    TrainOptions const& options_;
    LoopState& loop_;
    Progress& progress_;
    Index finished_;
    std::deque<std::string> started_;  // their batches
    std::string names_;
    bool told_why_ = false;
};

/// What `validate` finds of the weights that the model holds.
template <class M, class Validate> Validation validated(M& model, Validate& validate) {
    Evaluating<M> const evaluating(model);
    return validate(model);
}

/// Validates the averaged weights, keeps them when they are the best so far (a quality of NaN never is), and logs what was found; where
/// that is wanted, also of the weights of the step, whose figures are named "raw/...".
template <class M, class Validate>
void validate_weights(Trainer<M>& trainer, RunFolder& run, Checkpoint const& description, LoopState& loop, bool raw, Validate& validate) {
    // First, so that the files that `validate` writes are in the end those of the averaged weights.
    auto const beside = raw ? validated(trainer.model(), validate) : Validation{};
    auto const found = trainer.with_average([&](M& model) {
        auto const v = validated(model, validate);
        if (v.quality > loop.best) {
            auto weights = tacet::save(model);
            weights.metadata = description.metadata;
            weights.metadata["step"] = std::to_string(trainer.step());
            run.save_best(weights);
            loop.best = v.quality;
        }
        return v;
    });
    trainer.observe(found.quality);
    Json::Object record{{"step", trainer.step()}};
    record.insert(record.end(), found.figures.begin(), found.figures.end());
    for (auto const& [name, value] : beside.figures)
        if (!name.starts_with("psnr_input")) record.push_back({"raw/" + name, value});  // no figure of the weights
    run.log(std::move(record));
}

}  // namespace detail

/// Trains until the options' steps are done or a signal asks to stop; saves, validates and logs on the way. `validate(model)` returns a
/// Validation; `metadata` describes the network in the weights' file. Returns whether the run is complete. Throws Error after ten steps
/// in a row whose loss or gradients are not finite, and when weights are not finite; OutOfMemory for a step that there is no memory for.
/// What was saved before stays as it was.
template <class M, class Validate>
bool run_training(Trainer<M>& trainer, BatchSource const& source, TrainOptions const& options, RunFolder& run,
                  Checkpoint const& description, Validate validate) {
    StopOnSignal const signals;
    detail::LoopState loop;
    loop.restore(run, trainer);
    if (trainer.finished()) std::fprintf(stderr, "%s: all %td steps are done already\n", run.path().c_str(), trainer.step());
    run.open_log(trainer.step());
    auto const save = [&] {
        auto state = trainer.state();
        state.metadata.insert(description.metadata.begin(), description.metadata.end());
        loop.write(state);
        run.save_last(state);
    };
    Progress progress(options.steps, "train", {.unit = "step"}, trainer.step());
    Prefetcher batches(source, trainer.step(), options.steps);
    detail::StepsUnderWay<M> steps(trainer, run, options, loop, progress);
    while (!trainer.finished() && !StopOnSignal::wanted()) {
        steps.start(batches.next());
        bool const validates = detail::validates_after(trainer.step(), options);
        bool const saves = validates || trainer.step() % options.save_every == 0;
        steps.finish(saves ? 0 : Trainer<M>::ahead);
        if (!saves) continue;
        detail::check_weights(trainer, steps.names());
        if (validates) detail::validate_weights(trainer, run, description, loop, options.valid_raw && options.ema > 0, validate);
        save();
    }
    steps.finish(0);
    if (!trainer.finished()) detail::check_weights(trainer, steps.names()), save();
    progress.finish(trainer.finished() ? "" : "stopped and saved; the same command continues");
    return trainer.finished();
}

}  // namespace tacet
