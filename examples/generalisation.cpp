// SPDX-License-Identifier: MIT
// How networks do on noises that they were not trained for: quality over the level of a noise, beside the noisy input and the best blur.
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/analysis.hpp>
#include <tacet/io/plot.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/progress.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/metrics/image_metrics.hpp>
#include <array>

using namespace tacet;

struct Options : AnalysisOptions {
    Index border = 0;

    static void fields(auto& self, auto&& field) {
        AnalysisOptions::fields(self, field);
        DenoiseFlags::result_fields(self.denoising, field);
        field("border", self.border, "pixels left out on each side when pictures are judged", range(0, 1000));
    }
};

using Figures = std::array<double, std::size(image_metrics)>;  // means over the pictures

// What the curves are called, networks first.
std::vector<std::string> subjects_of(std::vector<LabelledDenoiser> const& denoisers) {
    std::vector<std::string> names;
    for (auto const& denoiser : denoisers) names.push_back(denoiser.label);
    names.insert(names.end(), {"noisy input", "best Gaussian blur"});
    return names;
}

// The figures of each subject under one noise.
std::vector<Figures> judge(Options const& o, std::vector<LabelledDenoiser> const& denoisers, AnalysisPictures const& pictures,
                           NoiseSpec const& noise, Progress& progress) {
    std::vector<Figures> means(denoisers.size() + 2);
    for (Index k = 0; k < pictures.size(); ++k) {
        auto const clean = pictures.clean(k), noisy = pictures.noisy(clean, k, noise);
        auto const add = [&](std::size_t subject, Tensor<float, 3> const& image) {
            for (std::size_t m = 0; m < std::size(image_metrics); ++m)
                means[subject][m] += image_metrics[m].of(image, clean, o.border) / static_cast<double>(pictures.size());
        };
        for (std::size_t n = 0; n < denoisers.size(); ++n) {
            add(n, denoisers[n].network.denoise(noisy, denoisers[n].options));
            progress.advance(1, pictures.name(k));
        }
        add(denoisers.size(), noisy);
        add(denoisers.size() + 1, gaussian_blur(noisy, best_gaussian_blur(noisy, clean, o.border).sigma));
    }
    return means;
}

ResultTable empty_table() {
    std::vector<ResultColumn> columns{{"noise", "noise"}, {"level", "level", -1}, {"name", "denoised by"}};
    for (auto const& metric : image_metrics) columns.push_back({metric.key, metric.label(), metric.digits});
    return ResultTable(columns);
}

// The noises by kind, kinds as they were named, each with its levels in order.
std::vector<std::vector<NamedNoise>> by_kind(std::vector<NamedNoise> const& noises) {
    std::vector<std::vector<NamedNoise>> kinds;
    for (auto const& noise : noises) {
        check(noise.spec.low == noise.spec.high, "noise ", noise.name, ": a curve needs single levels, such as KIND:5,10,15");
        auto const same = [&](auto const& kind) { return kind[0].spec.kind == noise.spec.kind; };
        auto const found = std::find_if(kinds.begin(), kinds.end(), same);
        (found == kinds.end() ? kinds.emplace_back() : *found).push_back(noise);
    }
    for (auto& kind : kinds)
        std::sort(kind.begin(), kind.end(), [](auto const& a, auto const& b) { return a.spec.low < b.spec.low; });
    return kinds;
}

// A plot for each metric: a curve for each subject over the levels of one kind of noise.
void add_plots(ResultFolder& results, std::vector<NamedNoise> const& levels, std::vector<std::vector<Figures>> const& figures,
               std::vector<std::string> const& subjects) {
    std::string const kind = levels[0].spec.kind;
    results.heading(kind);
    for (std::size_t m = 0; m < std::size(image_metrics); ++m) {
        auto const& metric = image_metrics[m];
        LinePlot plot{.title = concat_text(metric.title, " over the level of ", kind, " noise"),
                      .x_label = levels[0].unit + " of " + kind + " noise", .y_label = metric.label()};
        for (std::size_t subject = 0; subject < subjects.size(); ++subject) {
            Series series{.name = subjects[subject]};
            for (std::size_t k = 0; k < levels.size(); ++k)
                series.x.push_back(levels[k].spec.low), series.y.push_back(figures[k][subject][m]);
            plot.series.push_back(series);
        }
        results.plot(concat_text(metric.key, "-", kind), plot.svg(),
                     concat_text(metric.title, ", mean over the pictures; higher is better. A network that generalises stays above the "
                                               "best Gaussian blur at levels and noises that it was not trained for."));
    }
}

void analyse(Options const& o, std::string const& name) {
    ResultFolder results(o.output, o.overwrite, "Generalisation over noise levels");
    auto const kinds = by_kind(parse_noises(o.noise));
    AnalysisPictures const pictures(o);
    auto denoisers = read_denoisers(o);
    auto const subjects = subjects_of(denoisers);
    results.paragraph(concat_text(subtitle_of(o, pictures), ", border ", o.border, ". Noisy pictures are rounded to 8 bits."));
    auto table = empty_table();
    Index runs = 0;
    for (auto const& kind : kinds) runs += std::ssize(kind) * pictures.size() * std::ssize(denoisers);
    Progress progress(runs, name, {.unit = "picture"});
    show_notes(denoisers, progress);
    for (auto const& kind : kinds) {
        std::vector<std::vector<Figures>> figures;
        for (auto const& noise : kind) {
            figures.push_back(judge(o, denoisers, pictures, noise.spec, progress));
            for (std::size_t s = 0; s < subjects.size(); ++s) {
                Json::Array row{noise.spec.kind, noise.spec.low, subjects[s]};
                for (double const figure : figures.back()[s]) row.push_back(figure);
                table.add_row(row);
            }
        }
        add_plots(results, kind, figures, subjects);
    }
    results.heading("Figures");
    results.table("generalisation", table, "Means over the pictures.");
    results.write(options_to_json(o));
    progress.finish((o.output / "report.html").string());
    print_results(table, o.json);
}

int main(int argc, char** argv) {
    Program const program{
        .name = "generalisation",
        .description = "Draws PSNR and SSIM over the level of a noise, for several networks beside the noisy input and the best Gaussian "
                       "blur of each picture (its width chosen with the clean picture: what a denoiser must beat). The kinds of noise:\n" +
                       noise_help(noise_menu_with_jpeg()),
        .examples = {{"generalisation mcmaster --weights baseline.pth input_mask_80_90.pth --attention-mask off 75 --noise "
                      "gaussian:5,10,15,25,50 --output curves",
                      "a network that was trained without attention masks, which PyTorch files do not tell, beside one with them"},
                     {"generalisation cbsd68 --weights a/best.safetensors b/best.safetensors --label plain masked --noise "
                      "speckle:0.018,0.024,0.03,0.036,0.04 scaled_poisson:2,2.5,3,3.5 --images 20 --border 1 --output curves",
                      "two kinds, a plot for each"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) { analyse(o, program.name); });
}
