// SPDX-License-Identifier: MIT
// Whether networks change the brightness of pictures: histograms of clean, noisy and denoised pictures, and the shift of their mean.
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/analysis.hpp>
#include <tacet/io/plot.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/progress.hpp>
#include <tacet/metrics/histogram.hpp>

using namespace tacet;

struct Options : AnalysisOptions {
    Index bins = 64;

    static void fields(auto& self, auto&& field) {
        AnalysisOptions::fields(self, field);
        DenoiseFlags::result_fields(self.denoising, field);
        field("bins", self.bins, "bars of a histogram from black to white", range(2, 256));
    }
};

// The brightness of the pictures of one kind: clean, noisy, or denoised by a network.
struct Brightness {
    std::string name;
    Histogram histogram;

    // Adds the mean of the channels of each pixel (H, W, C) in grey levels, clipped as files clip it.
    void add(Tensor<float, 3> const& image) {
        Index const channels = image.shape()[2];
        for (Index k = 0; k < image.size(); k += channels) {
            double sum = 0;
            for (Index c = 0; c < channels; ++c) sum += static_cast<double>(std::clamp(image.data()[k + c], 0.f, 1.f));
            histogram.add(255 * sum / static_cast<double>(channels));
        }
    }
};

// Clean pictures, those with noise, and what each network makes of them.
std::vector<Brightness> measure(Options const& o, std::vector<LabelledDenoiser> const& denoisers, AnalysisPictures const& pictures,
                                NoiseSpec const& noise, Progress& progress) {
    std::vector<Brightness> all;
    for (std::string const name : {"clean", "noisy"}) all.push_back({name, Histogram(0, 255, o.bins)});
    for (auto const& denoiser : denoisers) all.push_back({denoiser.label, Histogram(0, 255, o.bins)});
    for (Index k = 0; k < pictures.size(); ++k) {
        auto const clean = pictures.clean(k), noisy = pictures.noisy(clean, k, noise);
        all[0].add(clean), all[1].add(noisy);
        for (std::size_t n = 0; n < denoisers.size(); ++n) {
            all[n + 2].add(denoisers[n].network.denoise(noisy, denoisers[n].options));
            progress.advance(1, pictures.name(k));
        }
    }
    return all;
}

std::string plot_of(std::string const& noise, std::vector<Brightness> const& all) {
    LinePlot plot{.title = "Brightness under " + noise, .x_label = "brightness (grey level, 0 black to 255 white)",
                  .y_label = "share of the pixels (%)", .y_low = 0};
    for (auto const& [name, histogram] : all) {
        Series series{.name = name, .x = histogram.centres(), .y = histogram.shares()};
        for (double& share : series.y) share *= 100;
        plot.series.push_back(series);
    }
    return plot.svg();
}

void analyse(Options const& o, std::string const& program) {
    ResultFolder results(o.output, o.overwrite, "Brightness of denoised pictures");
    auto const noises = parse_noises(o.noise);
    AnalysisPictures const pictures(o);
    auto denoisers = read_denoisers(o);
    results.paragraph(subtitle_of(o, pictures) +
                      ". Brightness is the mean of a pixel's channels, clipped to 0 to 255. Where a network's curve lies to the right of "
                      "that of the clean pictures, it brightens them; the shift is how far its mean moves.");
    ResultTable table({{"noise", "noise"}, {"name", "pictures"}, {"mean", "mean (levels)", 2}, {"shift", "shift (levels)", 2},
                       {"overlap", "overlap with clean", 4}, {"jensen_shannon", "JS divergence (bits)", 4}});
    Progress progress(std::ssize(noises) * pictures.size() * std::ssize(denoisers), program, {.unit = "picture"});
    show_notes(denoisers, progress);
    for (auto const& noise : noises) {
        auto const all = measure(o, denoisers, pictures, noise.spec, progress);
        auto const& clean = all[0].histogram;
        for (auto const& [name, histogram] : all)
            table.add_row({noise.name, name, histogram.mean(), histogram.mean() - clean.mean(), overlap(histogram, clean),
                           jensen_shannon(histogram, clean)});
        results.plot("brightness-" + noise.name, plot_of(noise.name, all), "All pixels of all pictures.");
    }
    results.table("brightness", table,
                  "Shift: mean less the clean pictures' mean. Overlap: the share of the pixels that both histograms have in common, 1 for "
                  "equal ones. Jensen-Shannon divergence: 0 for equal ones, 1 for disjoint ones.");
    results.write(options_to_json(o));
    progress.finish((o.output / "report.html").string());
    print_results(table, o.json);
}

int main(int argc, char** argv) {
    Program const program{
        .name = "brightness_histograms",
        .description = "Compares the brightness of clean, noisy and denoised pictures. Networks that saw masked pictures in training and "
                       "see whole ones later may brighten them. The kinds of noise:\n" +
                       noise_help(noise_menu_with_jpeg()),
        .examples = {{"brightness_histograms mcmaster --weights input_mask_80_90.pth --noise scaled_poisson:2 --output brightness", ""},
                     {"brightness_histograms mcmaster --weights baseline.pth masked.pth input_only.pth --attention-mask off 75 off --noise "
                      "gaussian:15 speckle:0.03 --output brightness",
                      "three networks, two of them trained without attention masks; a plot for each noise"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) { analyse(o, program.name); });
}
