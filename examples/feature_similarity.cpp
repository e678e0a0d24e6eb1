// SPDX-License-Identifier: MIT
// Where in a network noise matters: linear CKA of each layer's features between kinds of noise, and of the layers with each other.
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/analysis.hpp>
#include <tacet/denoise/layer_features.hpp>
#include <tacet/io/plot.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/progress.hpp>
#include <tacet/metrics/cka.hpp>

using namespace tacet;

struct Options : AnalysisOptions {
    Index pixels = 4096;

    Options() { crop = 128; }
    static void fields(auto& self, auto&& field) {
        AnalysisOptions::fields(self, field);
        field("pixels", self.pixels, "pixels of each picture whose features count, drawn by the seed", range(2, 1 << 24));
    }
};

// The similarities of one network.
struct Similarity {
    std::string label;
    std::vector<std::string> layers;
    std::vector<LinearCka> between_noises;  // for each layer: the first noise with each
    std::vector<LinearCka> between_layers;  // one: all layers with each other, under the first noise

    // Adds a picture, whose features under each noise these are.
    void add(std::vector<std::vector<LayerFeatures>> const& features) {
        auto const& first = features[0];
        if (layers.empty()) {
            for (auto const& layer : first) layers.push_back(layer.layer);
            between_noises.assign(layers.size(), LinearCka(features.size(), LinearCka::Pairs::with_first));
            between_layers.assign(1, LinearCka(layers.size()));
        }
        std::vector<Tensor<float, 2>> all;
        for (std::size_t k = 0; k < layers.size(); ++k) {
            std::vector<Tensor<float, 2>> same;
            for (auto const& noise : features) same.push_back(noise[k].rows);
            between_noises[k].add(same);
            all.push_back(first[k].rows);
        }
        between_layers[0].add(all);
    }
    // Under the first noise and noise n, the curve over layers.
    std::vector<double> curve(std::size_t n) const {
        std::vector<double> y;
        for (auto const& layer : between_noises) y.push_back(layer(0, n));
        return y;
    }
    // The mean of a curve; layers that do not vary have no part in it.
    double mean(std::size_t n) const {
        double sum = 0, count = 0;
        for (double const v : curve(n))
            if (!std::isnan(v)) sum += v, ++count;
        return sum / count;
    }
};

Similarity measure(Options const& o, LabelledDenoiser const& denoiser, AnalysisPictures const& pictures,
                   std::vector<NamedNoise> const& noises, Progress& progress) {
    Similarity similarity{.label = denoiser.label, .layers = {}, .between_noises = {}, .between_layers = {}};
    for (Index k = 0; k < pictures.size(); ++k) {
        auto const clean = pictures.clean(k);
        auto const pixels = pictures.some_pixels(clean, k, o.pixels);
        std::vector<std::vector<LayerFeatures>> features;
        for (auto const& noise : noises) {
            auto const noisy = pictures.noisy(clean, k, noise.spec);
            features.push_back(layer_features(denoiser.network, noisy, pixels, denoiser.options.masks, "", denoiser.options.note));
            progress.advance(1, denoiser.label + ", " + pictures.name(k));
        }
        similarity.add(features);
    }
    return similarity;
}

// A curve over the layers for each noise but the first.
std::string curves_of(Similarity const& similarity, std::vector<NamedNoise> const& noises, double low) {
    LinePlot plot{.title = similarity.label + ": features under " + noises[0].name + " and under other noises",
                  .x_label = "layers, from first to last", .y_label = "linear CKA with " + noises[0].name + " (1: the same)",
                  .x_names = similarity.layers, .y_low = low, .y_high = 1, .height = 460};
    for (std::size_t n = 1; n < noises.size(); ++n) {
        Series series{.name = noises[n].name, .y = similarity.curve(n)};
        for (std::size_t k = 0; k < series.y.size(); ++k) series.x.push_back(static_cast<double>(k));
        plot.series.push_back(series);
    }
    return plot.svg();
}

std::string matrix_of(Similarity const& similarity, std::string const& noise) {
    HeatMap map{.title = similarity.label + ": similarity of its layers under " + noise, .bar_label = "linear CKA (1: the same)",
                .rows = similarity.layers, .columns = similarity.layers, .low = 0, .high = 1};
    for (std::size_t i = 0; i < similarity.layers.size(); ++i)
        for (std::size_t j = 0; j < similarity.layers.size(); ++j) map.values.push_back(similarity.between_layers[0](i, j));
    return map.svg();
}

// The lowest similarity of all, rounded down to a tenth: plots of several networks begin there.
double lowest(std::vector<Similarity> const& all, std::size_t noises) {
    double low = 1;
    for (auto const& similarity : all)
        for (std::size_t n = 1; n < noises; ++n)
            for (double const v : similarity.curve(n)) low = std::isnan(v) ? low : std::min(low, v);
    return std::clamp(std::floor(10 * low) / 10, 0., 0.9);
}

// Every number, for programs.
void add_tables(ResultFolder& results, std::vector<Similarity> const& all, std::vector<NamedNoise> const& noises) {
    ResultTable curves({{"name", "network"}, {"layer", "layer"}, {"noise", "noise"}, {"other", "other noise"}, {"cka", "linear CKA", 4}});
    ResultTable matrix({{"name", "network"}, {"layer", "layer"}, {"other", "other layer"}, {"cka", "linear CKA", 4}});
    for (auto const& one : all)
        for (std::size_t i = 0; i < one.layers.size(); ++i) {
            for (std::size_t n = 1; n < noises.size(); ++n)
                curves.add_row({one.label, one.layers[i], noises[0].name, noises[n].name, one.between_noises[i](0, n)});
            for (std::size_t j = i + 1; j < one.layers.size(); ++j)
                matrix.add_row({one.label, one.layers[i], one.layers[j], one.between_layers[0](i, j)});
        }
    results.table("noises", curves, "Between noises, all layers", true);
    results.table("layers", matrix, "Between layers", true);
}

void analyse(Options const& o, std::string const& program) {
    ResultFolder results(o.output, o.overwrite, "Similarity of features");
    auto const noises = parse_noises(o.noise);
    check(noises.size() >= 2, "--noise: name at least two noises, the one of training first (gaussian:0 leaves pictures clean)");
    AnalysisPictures const pictures(o);
    auto denoisers = read_denoisers(o);
    Progress progress(std::ssize(noises) * pictures.size() * std::ssize(denoisers), program, {.unit = "picture"});
    show_notes(denoisers, progress);
    std::vector<Similarity> all;
    for (auto const& denoiser : denoisers) all.push_back(measure(o, denoiser, pictures, noises, progress));
    results.paragraph(subtitle_of(o, pictures) + ". Linear CKA compares two sets of features of the same pixels: 1 when they are equal up "
                                                 "to a rotation and a scale, 0 when they are unrelated.");
    ResultTable means({{"name", "network"}, {"noise", "noise"}, {"other", "other noise"}, {"mean", "mean over layers", 4},
                       {"last", "last layer", 4}});
    for (auto const& one : all)
        for (std::size_t n = 1; n < noises.size(); ++n)
            means.add_row({one.label, noises[0].name, noises[n].name, one.mean(n), one.curve(n).back()});
    results.table("similarity", means, "Linear CKA of the features of the same pictures under two noises.");
    for (auto const& one : all)
        results.plot("noises-" + one.label, curves_of(one, noises, lowest(all, noises.size())),
                     "Near 1: the layer sees the same in spite of the other noise. All networks are drawn on the same scale.");
    for (auto const& one : all)
        results.plot("layers-" + one.label, matrix_of(one, noises[0].name), "Blocks of light squares are layers that do alike.");
    add_tables(results, all, noises);
    results.write(options_to_json(o));
    progress.finish((o.output / "report.html").string());
    print_results(means, o.json);
}

int main(int argc, char** argv) {
    Program const program{
        .name = "feature_similarity",
        .description = "Compares the features of a network's layers by linear CKA: of the same pictures under two noises, layer by layer, "
                       "and of the layers with each other. The first noise, that of training, is compared with the others. The kinds of "
                       "noise:\n" +
                       noise_help(noise_menu_with_jpeg()),
        .examples = {{"feature_similarity mcmaster --weights baseline.pth input_mask_80_90.pth --attention-mask off 75 --noise "
                      "gaussian:15 speckle:0.03 scaled_poisson:2.5 --output similarity",
                      "two networks beside each other, one trained without attention masks"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) { analyse(o, program.name); });
}
