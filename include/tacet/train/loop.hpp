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

/// A number from the metadata of a training state.
inline double stored_number(Checkpoint const& state, char const* key) {
    auto const it = state.metadata.find(key);
    double value = 0;
    bool const ok =
        it != state.metadata.end() && std::from_chars(it->second.data(), it->second.data() + it->second.size(), value).ec == std::errc();
    check(ok, "the training state has no valid \"", key, "\"");
    return value;
}

/// Stops a run whose steps fail one after the other; a single one is noted and skipped.
template <class M> void check_progress(Trainer<M> const& trainer, StepResult const& result, Batch const& batch, Progress& progress) {
    if (!result.skipped) return;
    std::string names;
    for (auto const& name : batch.names) names += (names.empty() ? "" : ", ") + name;
    progress.note(
        concat_text("step ", trainer.step(), ": the loss or a gradient is not finite; the step was skipped (batch: ", names, ")"));
    check(trainer.skipped_in_a_row() < 10, "ten steps in a row had a loss or gradients that are not finite, the last with the batch ",
          names, "; try a lower --adam.rate or --clip");
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
/// Validation; `metadata` describes the network in the weights' file. Returns whether the run is complete.
template <class M, class Validate>
bool run_training(Trainer<M>& trainer, BatchSource const& source, TrainOptions const& options, RunFolder& run,
                  Checkpoint const& description, Validate validate) {
    StopOnSignal const signals;
    double best = -1e300, loss_sum = 0;
    Index losses = 0;
    if (auto const state = run.last()) {
        try {
            trainer.restore(*state);
            best = detail::stored_number(*state, "best");
            loss_sum = detail::stored_number(*state, "loss_sum"), losses = static_cast<Index>(detail::stored_number(*state, "losses"));
        } catch (Error const& error) {
            throw Error(run.file("last.safetensors").string() + ": " + error.what());
        }
    }
    if (trainer.finished()) std::fprintf(stderr, "%s: all %td steps are done already\n", run.path().c_str(), trainer.step());
    run.open_log(trainer.step());
    auto const save = [&] {
        auto state = trainer.state();
        state.metadata.insert(description.metadata.begin(), description.metadata.end());
        state.metadata["best"] = number_text(best);
        state.metadata["loss_sum"] = number_text(loss_sum), state.metadata["losses"] = std::to_string(losses);  // of the next log line
        run.save_last(state);
    };
    Progress progress(options.steps, "train", {.unit = "step"}, trainer.step());
    Prefetcher batches(source, trainer.step(), options.steps);
    while (!trainer.finished() && !StopOnSignal::wanted()) {
        auto const batch = batches.next();
        auto const result = trainer.train(batch);
        detail::check_progress(trainer, result, batch, progress);
        if (!result.skipped) loss_sum += result.loss, ++losses;
        progress.update(trainer.step(), [&] { return "loss " + number_text(static_cast<float>(result.loss)); });
        bool const last = trainer.finished(), validates = last || trainer.step() % options.valid_every == 0;
        if (validates || trainer.step() % 100 == 0) {
            run.log({{"step", trainer.step()},
                     {"loss", losses ? loss_sum / static_cast<double>(losses) : 0.0},
                     {"gradient_norm", result.gradient_norm},
                     {"skipped", trainer.skipped()}});
            loss_sum = 0, losses = 0;
        }
        if (validates) {
            auto const found = trainer.with_average([&](M& model) {
                set_training(model, false);
                Validation v = validate(model);
                set_training(model, true);
                if (v.quality > best) {
                    auto weights = tacet::save(model);
                    weights.metadata = description.metadata;
                    weights.metadata["step"] = std::to_string(trainer.step());
                    run.save_best(weights);
                }
                return v;
            });
            best = std::max(best, found.quality);
            trainer.observe(found.quality);
            Json::Object record{{"step", trainer.step()}};
            record.insert(record.end(), found.figures.begin(), found.figures.end());
            run.log(std::move(record));
        }
        if (last || validates || trainer.step() % options.save_every == 0) save();
    }
    if (!trainer.finished()) save();
    progress.finish(trainer.finished() ? "" : "stopped and saved; the same command continues");
    return trainer.finished();
}

}  // namespace tacet
