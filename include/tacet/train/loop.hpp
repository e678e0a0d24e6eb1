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

/// The curve of `key` over the steps in a run's records; without what is not finite, which the log's file holds as null.
inline Series curve(std::vector<Json> const& records, char const* key, std::string name, double smooth = 0) {
    Series s{.name = std::move(name), .smooth = smooth};
    for (auto const& r : records)
        if (auto const* value = r.find(key); value && value->is_number() && std::isfinite(value->number()))
            s.x.push_back(r.at("step").number()), s.y.push_back(value->number());
    return s;
}

/// What a curve is above another, at the steps that both have.
inline Series gain_over(Series const& base, Series const& s) {
    Series gain{.name = s.name};
    for (std::size_t k = 0; k < s.x.size(); ++k) {
        auto const at = std::lower_bound(base.x.begin(), base.x.end(), s.x[k]);
        if (at == base.x.end() || *at != s.x[k]) continue;
        gain.x.push_back(s.x[k]), gain.y.push_back(s.y[k] - base.y[static_cast<std::size_t>(at - base.x.begin())]);
    }
    return gain;
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

inline LinePlot loss_plot(std::vector<Json> const& records) {
    return {.title = "Training loss", .x_label = "step", .y_label = "loss", .series = {curve(records, "loss", "loss", 20)}, .log_y = true};
}

inline LinePlot quality_plot(std::vector<Json> const& records) {
    LinePlot plot{.title = "Validation", .x_label = "step", .y_label = "PSNR (dB)"};
    bool const both = !curve(records, "raw/psnr", "").x.empty();
    for (auto const& [key, name] : {std::pair{"psnr", both ? "averaged weights" : "against clean"},
                                    {"raw/psnr", "weights of the step"},
                                    {"psnr_noisy_target", "against noisy targets"},
                                    {"psnr_input", "noisy input"}})
        if (auto s = curve(records, key, name); !s.x.empty()) plot.series.push_back(std::move(s));
    return plot;
}

/// The figures "psnr/NOISE" of validations, a curve for each kind of noise, or, as `gain`, what they are above "psnr_input/NOISE".
inline LinePlot noise_plot(std::vector<Json> const& records, bool gain) {
    LinePlot plot{.title = gain ? "Gain by noise" : "Validation by noise",
                  .x_label = "step",
                  .y_label = gain ? "PSNR above that of the noisy input (dB)" : "PSNR (dB)"};
    auto const last = std::find_if(records.rbegin(), records.rend(), [](Json const& r) { return r.find("psnr") != nullptr; });
    if (last == records.rend()) return plot;
    constexpr std::string_view prefix = "psnr/";
    for (auto const& [key, value] : last->members()) {
        if (!key.starts_with(prefix)) continue;
        auto const name = key.substr(prefix.size());
        auto s = curve(records, key.c_str(), name);
        if (gain) s = gain_over(curve(records, ("psnr_input/" + name).c_str(), name), s);
        if (!s.x.empty()) plot.series.push_back(std::move(s));
    }
    if (gain && !plot.series.empty()) plot.marks = {{"noisy input", 0}};
    return plot;
}
}  // namespace detail

/// Writes curves (SVG) and report.html of a run from its log. `pictures` are embedded with their captions.
inline void write_run_report(RunFolder const& run, std::string const& title,
                             std::vector<std::pair<std::string, std::vector<std::uint8_t>>> const& pictures) {
    auto const& records = run.records();
    Report report(title, run.path().filename().string());
    report.heading("Curves");
    auto const draw = [&](char const* file, LinePlot const& plot, char const* caption = "") {
        if (plot.series.empty()) return;
        run.write_text(file, plot.svg());
        report.plot(plot.svg(), caption);
    };
    bool const noisy_targets = !detail::curve(records, "psnr_noisy_target", "").x.empty();
    draw("loss.svg", detail::loss_plot(records));
    draw("psnr.svg", detail::quality_plot(records),
         noisy_targets ? "Against noisy targets the PSNR stays low however well the network denoises: the targets' own noise limits it."
                       : "The mean over all kinds of noise.");
    draw("noises.svg", detail::noise_plot(records, false), "One curve for each kind of noise, of the weights that can become the best.");
    draw("gains.svg", detail::noise_plot(records, true), "Above 0 the network improves the pictures; below it, it harms them.");
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
        if (validates) detail::validate_weights(trainer, run, description, loop, options.valid_raw && options.ema > 0, validate);
        if (saves) save();
    }
    if (!trainer.finished()) detail::check_weights(trainer, names), save();
    progress.finish(trainer.finished() ? "" : "stopped and saved; the same command continues");
    return trainer.finished();
}

}  // namespace tacet
