// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/environment.hpp>
#include <tacet/io/line_plot.hpp>
#include <tacet/io/report.hpp>
#include <tacet/train/run_folder.hpp>
#include <algorithm>
#include <cmath>

namespace tacet {

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

}  // namespace tacet
