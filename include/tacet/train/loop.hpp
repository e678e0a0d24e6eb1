// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/environment.hpp>
#include <tacet/io/line_plot.hpp>
#include <tacet/io/progress.hpp>
#include <tacet/io/report.hpp>
#include <tacet/train/run_folder.hpp>
#include <tacet/train/trainer.hpp>
#include <charconv>
#include <csignal>

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

/// The curve of `key` over the steps in a run's records.
inline Series curve(std::vector<Json> const& records, char const* key, std::string name, double smooth = 0) {
    Series s{.name = std::move(name), .smooth = smooth};
    for (auto const& r : records)
        if (auto const* value = r.find(key); value && value->is_number())
            s.x.push_back(r.at("step").number()), s.y.push_back(value->number());
    return s;
}

/// The names of a batch's pictures.
inline std::string names_of(Batch const& batch) {
    std::string names;
    for (auto const& name : batch.names) names += (names.empty() ? "" : ", ") + name;
    return names;
}

/// Stops a run whose steps fail one after the other; a single one is noted and skipped.
template <class M> void check_progress(Trainer<M> const& trainer, StepResult const& result, std::string const& names, Progress& progress) {
    if (!result.skipped) return;
    progress.note(
        concat_text("step ", trainer.step(), ": the loss or a gradient is not finite; the step was skipped (batch: ", names, ")"));
    check(trainer.skipped_in_a_row() < 10, "ten steps in a row had a loss or gradients that are not finite, the last with the batch ",
          names, "; try a lower --adam.rate or --clip");
}

/// Stops a run before weights that hold NaN or infinities are kept.
template <class M> void check_weights(Trainer<M>& trainer, std::string const& names) {
    auto const bad = trainer.first_not_finite();
    check(bad.empty(), "step ", trainer.step(), ": ", bad, " is not finite (batch: ", names,
          "); nothing of it was saved, the last checkpoint is as it was; try a lower --adam.rate");
}

/// Switches a module to evaluation; afterwards every switch is as it was before.
template <class M> class Evaluating {
public:
    explicit Evaluating(M& model) : model_(model) {
        each([&](bool& training) { before_.push_back(training), training = false; });
    }
    ~Evaluating() {
        each([&, k = std::size_t(0)](bool& training) mutable { training = before_[k++]; });
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

/// Validates the averaged weights, keeps them when they are the best so far (a quality of NaN never is), and logs what was found.
template <class M, class Validate>
void validate_weights(Trainer<M>& trainer, RunFolder& run, Checkpoint const& description, LoopState& loop, Validate& validate) {
    auto const found = trainer.with_average([&](M& model) {
        Validation const v = [&] {
            Evaluating<M> const evaluating(model);
            return validate(model);
        }();
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
    run.log(std::move(record));
}
}  // namespace detail

/// Writes curves (SVG) and report.html of a run from its log. `pictures` are embedded with their captions.
inline void write_run_report(RunFolder const& run, std::string const& title,
                             std::vector<std::pair<std::string, std::vector<std::uint8_t>>> const& pictures) {
    LinePlot const loss{.title = "Training loss",
                        .x_label = "step",
                        .y_label = "loss",
                        .series = {detail::curve(run.records(), "loss", "loss", 20)},
                        .log_y = true};
    LinePlot quality{.title = "Validation", .x_label = "step", .y_label = "PSNR (dB)"};
    for (auto const& [key, name] :
         {std::pair{"psnr", "against clean"}, {"psnr_noisy_target", "against noisy targets"}, {"psnr_input", "noisy input"}})
        if (auto s = detail::curve(run.records(), key, name); !s.x.empty()) quality.series.push_back(std::move(s));
    run.write_text("loss.svg", loss.svg());
    Report report(title, run.path().filename().string());
    report.heading("Curves").plot(loss.svg());
    if (!quality.series.empty()) run.write_text("psnr.svg", quality.svg()), report.plot(quality.svg(),
        "Against noisy targets the PSNR stays low however well the network denoises: the targets' own noise limits it.");
    if (!pictures.empty()) report.heading("Pictures");
    for (auto const& [caption, bytes] : pictures) report.image(std::span<unsigned char const>(bytes), caption);
    report.heading("Run").json("Options", read_json(run.file("config.json"))).facts(environment());
    run.write_text("report.html", report.html());
}

/// Trains until the options' steps are done or a signal asks to stop; saves, validates and logs on the way. `validate(model)` returns a
/// Validation; `metadata` describes the network in the weights' file. Returns whether the run is complete. Throws Error after ten steps
/// in a row whose loss or gradients are not finite, and when weights are not finite; what was saved before stays as it was.
template <class M, class Validate>
bool run_training(Trainer<M>& trainer, BatchSource const& source, TrainOptions const& options, RunFolder& run,
                  Checkpoint const& description, Validate validate) {
    StopOnSignal const signals;
    detail::LoopState loop;
    loop.restore(run, trainer);
    if (trainer.finished()) std::fprintf(stderr, "%s: all %td steps are done already\n", run.path().c_str(), trainer.step());
    run.open_log(trainer.step());
    std::string names;  // of the last batch
    auto const save = [&] {
        auto state = trainer.state();
        state.metadata.insert(description.metadata.begin(), description.metadata.end());
        loop.write(state);
        run.save_last(state);
    };
    Progress progress(options.steps, "train", {.unit = "step"}, trainer.step());
    Prefetcher batches(source, trainer.step(), options.steps);
    while (!trainer.finished() && !StopOnSignal::wanted()) {
        auto const batch = batches.next();
        auto const result = trainer.train(batch);
        bool const validates = trainer.finished() || trainer.step() % options.valid_every == 0;
        bool const saves = validates || trainer.step() % options.save_every == 0;
        names = detail::names_of(batch);
        if (saves || result.skipped) detail::check_weights(trainer, names);
        detail::check_progress(trainer, result, names, progress);
        loop.add(result);
        progress.update(trainer.step(), [&] { return "loss " + number_text(static_cast<float>(result.loss)); });
        if (validates || trainer.step() % 100 == 0)
            run.log({{"step", trainer.step()},
                     {"loss", loop.take_mean()},
                     {"gradient_norm", result.gradient_norm},
                     {"skipped", trainer.skipped()}});
        if (validates) detail::validate_weights(trainer, run, description, loop, validate);
        if (saves) save();
    }
    if (!trainer.finished()) detail::check_weights(trainer, names), save();
    progress.finish(trainer.finished() ? "" : "stopped and saved; the same command continues");
    return trainer.finished();
}

}  // namespace tacet
