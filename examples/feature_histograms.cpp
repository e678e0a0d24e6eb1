// SPDX-License-Identifier: MIT
// Whether a network sees the content of pictures or their noise: histograms of a deep feature for the same pictures under several noises.
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/analysis.hpp>
#include <tacet/denoise/layer_features.hpp>
#include <tacet/io/plot.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/progress.hpp>
#include <tacet/metrics/histogram.hpp>

using namespace tacet;

struct Options : AnalysisOptions {
    std::string layer;
    Index pixels = 4096, bins = 200;
    double span = 0;

    Options() { crop = 256; }
    static void fields(auto& self, auto&& field) {
        AnalysisOptions::fields(self, field);
        field("layer", self.layer, "whose output (default: the last; of a masked SwinIR conv_after_body)", metavar("NAME"));
        field("pixels", self.pixels, "pixels of each picture whose features count, drawn by the seed", range(1, 1 << 24));
        field("bins", self.bins, "bars of a histogram", range(2, 10000));
        field("span", self.span, "histograms reach from -SPAN to SPAN (0: as far as 99.95 % of a network's values)", range(0, 1e9));
    }
};

using Values = std::vector<float>;  // of all channels of a layer at all pixels

// The values of the layer for each noise, and the layer's name.
std::vector<Values> gather(Options const& o, LabelledDenoiser const& denoiser, AnalysisPictures const& pictures,
                           std::vector<NamedNoise> const& noises, std::string& layer, Progress& progress) {
    std::vector<Values> values(noises.size());
    for (Index k = 0; k < pictures.size(); ++k) {
        auto const clean = pictures.clean(k);
        auto const pixels = pictures.some_pixels(clean, k, o.pixels);
        for (std::size_t n = 0; n < noises.size(); ++n) {
            auto const noisy = pictures.noisy(clean, k, noises[n].spec);
            auto const features =
                layer_features(denoiser.network, noisy, pixels, denoiser.options.masks, o.layer, denoiser.options.note);
            auto const& rows = features.back().rows;
            layer = features.back().layer;
            for (Index i = 0; i < rows.size(); ++i) {
                check(std::isfinite(rows.data()[i]), denoiser.label, ": the features of ", layer, " under ", noises[n].name,
                      " are not finite");
                values[n].push_back(rows.data()[i]);
            }
            progress.advance(1, denoiser.label + ", " + pictures.name(k));
        }
    }
    return values;
}

// The smallest size that 99.95 % of all values do not exceed, rounded up to two digits.
double span_of(std::vector<Values> const& values) {
    Values sizes;
    for (auto const& some : values)
        for (float const v : some) sizes.push_back(std::abs(v));
    auto const at = sizes.begin() + static_cast<std::ptrdiff_t>(0.9995 * static_cast<double>(sizes.size() - 1));
    std::nth_element(sizes.begin(), at, sizes.end());
    double const size = std::max(static_cast<double>(*at), 1e-12), steps = std::pow(10, 1 - std::floor(std::log10(size)));
    return std::ceil(size * steps) / steps;  // the nearest number to what is printed: 95 / 100, not 95 * 0.01
}

std::string plot_of(std::string const& title, std::string const& layer, std::vector<NamedNoise> const& noises,
                    std::vector<Histogram> const& histograms) {
    LinePlot plot{.title = title, .x_label = "value of a feature (" + layer + ")", .y_label = "share of the values (%)", .y_low = 0};
    for (std::size_t n = 0; n < noises.size(); ++n) {
        Series series{.name = noises[n].name, .x = histograms[n].centres(), .y = histograms[n].shares()};
        for (double& share : series.y) share *= 100;
        plot.series.push_back(series);
    }
    return plot.svg();
}

void analyse(Options const& o, std::string const& program) {
    ResultFolder results(o.output, o.overwrite, "Deep features under different noises");
    auto const noises = parse_noises(o.noise);
    check(noises.size() >= 2, "--noise: name at least two noises to compare (gaussian:0 leaves pictures clean)");
    AnalysisPictures const pictures(o);
    auto denoisers = read_denoisers(o);
    results.paragraph(subtitle_of(o, pictures) + ". The same pictures with each noise. Where a network's curves coincide, its features "
                                                 "follow the content; where they differ, the noise.");
    ResultTable means({{"name", "network"}, {"layer", "layer"}, {"overlap", "mean overlap", 4},
                       {"jensen_shannon", "mean JS divergence (bits)", 4}, {"span", "histograms to ±", -1}});
    ResultTable pairs({{"name", "network"}, {"noise", "noise"}, {"other", "other noise"}, {"overlap", "overlap", 4},
                       {"jensen_shannon", "JS divergence (bits)", 4}});
    BarPlot bars{.title = "Overlap of the histograms of deep features", .y_label = "mean over pairs of noises; 1: equal", .bars = {{}},
                 .decimals = 3};
    Progress progress(std::ssize(noises) * pictures.size() * std::ssize(denoisers), program, {.unit = "picture"});
    show_notes(denoisers, progress);
    for (auto const& denoiser : denoisers) {
        std::string layer;
        auto const values = gather(o, denoiser, pictures, noises, layer, progress);
        double const span = o.span > 0 ? o.span : span_of(values);
        std::vector<Histogram> histograms(noises.size(), Histogram(-span, span, o.bins));
        for (std::size_t n = 0; n < noises.size(); ++n) histograms[n].add(values[n]);
        means.add_row({denoiser.label, layer, mean_overlap(histograms), mean_jensen_shannon(histograms), span});
        for (std::size_t a = 0; a < noises.size(); ++a)
            for (std::size_t b = a + 1; b < noises.size(); ++b)
                pairs.add_row({denoiser.label, noises[a].name, noises[b].name, overlap(histograms[a], histograms[b]),
                               jensen_shannon(histograms[a], histograms[b])});
        bars.categories.push_back(denoiser.label), bars.bars[0].values.push_back(mean_overlap(histograms));
        results.plot("features-" + denoiser.label, plot_of("Deep features of " + denoiser.label, layer, noises, histograms),
                     "All channels at the pixels drawn, a curve for each noise. Values beyond the ends count at the ends.");
    }
    if (denoisers.size() > 1) results.plot("overlap", bars.svg(), "Higher: the features depend less on the kind of noise.");
    results.table("features", means,
                  "Overlap: the share of the values that two histograms have in common, 1 for equal ones. Jensen-Shannon divergence: 0 for "
                  "equal ones, 1 for disjoint ones. Both are means over all pairs of noises.");
    results.table("pairs", pairs, "All pairs of noises", true);
    results.write(options_to_json(o));
    progress.finish((o.output / "report.html").string());
    print_results(means, o.json);
}

int main(int argc, char** argv) {
    Program const program{
        .name = "feature_histograms",
        .description = "Compares the distribution of a layer's features for the same pictures under several noises, and scores how far the "
                       "distributions coincide. The kinds of noise:\n" +
                       noise_help(noise_menu_with_jpeg()),
        .examples = {{"feature_histograms mcmaster --weights baseline.pth input_mask_80_90.pth --attention-mask off 75 --noise "
                      "gaussian:15 speckle:0.03 scaled_poisson:2.5 mixture:3 --output features",
                      "two networks beside each other, one trained without attention masks"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) { analyse(o, program.name); });
}
