// SPDX-License-Identifier: MIT
// Compares images with their references, denoised first where that is wanted: PSNR and SSIM, with the protocol beside the numbers.
#include <tacet/data/folder.hpp>
#include <tacet/data/jpeg_noise.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/denoise_flags.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/table.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/metrics/image_metrics.hpp>

using namespace tacet;

struct Options {
    std::filesystem::path reference, images;
    std::string noise;
    std::optional<std::filesystem::path> weights;
    Index border = 0;
    DenoiseFlags denoising;
    bool best_blur = false, json = false;

    static void fields(auto& self, auto&& field) {
        field("reference", self.reference, "folder of clean images", metavar("DIR"));
        field("images", self.images,
              "folder of images to judge, or, with --weights, to denoise and then judge; files are matched by name without suffix",
              metavar("DIR"));
        field("noise", self.noise,
              "instead of --images: the clean images with this noise, as add_noise makes them of the folder with the same --seed",
              metavar("SPEC"));
        field("weights", self.weights, "denoise with these weights before judging; the noisy images are judged, too", metavar("FILE"));
        field("border", self.border, "pixels left out on each side; 1 is the protocol of masked image training", range(0, 1000));
        DenoiseFlags::fields(self.denoising, field);
        field("best_blur", self.best_blur,
              "also report the best Gaussian blur of each image, its sigma chosen with the reference: the bar for a denoiser");
        field("json", self.json, "print one JSON line per image, the means last");
    }
};

// What is reported: under `key` in JSON, as a column `title` with so many digits in tables; of the image as it is given, or of the result.
struct Metric {
    std::string key, title;
    int digits;
    double (*of)(Tensor<float, 3> const& image, Tensor<float, 3> const& clean, Index border);
    bool given = true;
};

std::vector<Metric> metrics_of(Options const& o) {
    std::vector<Metric> metrics;
    for (auto const& m : image_metrics) metrics.push_back({m.key, m.label(), m.digits, m.of, !o.weights});
    if (o.weights)
        for (auto const& m : image_metrics) metrics.push_back({concat_text(m.key, "_noisy"), "noisy: " + m.label(), m.digits, m.of});
    auto const blur = [](Tensor<float, 3> const& x, Tensor<float, 3> const& clean, Index border) {
        return best_gaussian_blur(x, clean, border).psnr;
    };
    if (o.best_blur) metrics.push_back({"psnr_blur", "best blur (dB)", 3, blur});
    return metrics;
}

// Throws UsageError for options that contradict each other or leave nothing to judge.
void check_usage(Options const& o) {
    auto const demand = [](bool ok, char const* what) { if (!ok) throw UsageError(what); };
    demand(!o.reference.empty(), "--reference is required: without clean images there is nothing to judge (denoise needs none)");
    demand(!o.images.empty() || !o.noise.empty(), "--images is required, or --noise, which makes them of the clean ones");
    demand(o.images.empty() || o.noise.empty(), "--images and --noise exclude each other: the images are noisy as they are");
    DenoiseFlags const plain{.seed = o.denoising.seed};
    demand(o.weights || o.denoising == plain,
           "--draws, --self-ensemble, --attention-mask, --max-memory, --device and --precision need --weights");
}

// Clean files, each with the one to judge; the latter is empty where noise is added.
std::vector<FilePair> pairs_of(Options const& o) {
    if (o.noise.empty()) return match_folders(o.reference, o.images);
    std::vector<FilePair> pairs;
    for (auto const& file : list_images(o.reference)) pairs.push_back({file, {}});
    return pairs;
}

// What is done with images before they are judged.
struct Preparation {
    std::optional<NoiseSpec> noise;
    std::optional<AnyDenoiser> network;
    DenoiseOptions options;

    explicit Preparation(Options const& o) : options(o.denoising.options()) {
        if (!o.noise.empty()) noise = parse_noise(o.noise, noise_menu_with_jpeg());
        if (!o.weights) return;
        network = on_device(o.denoising.device, [&](auto device) { return AnyDenoiser::read(*o.weights, device); });
        network->check_options(options);
    }
};

// The figures of image `number` of the folder, in the order of the metrics.
std::vector<double> judge(Options const& o, std::vector<Metric> const& metrics, Preparation const& with, FilePair const& pair,
                          std::uint32_t number) {
    auto const clean = read_image(pair.first).pixels;
    auto const image =
        with.noise ? add_noise_8bit(clean, *with.noise, image_noise_rng(o.denoising.seed, number)) : read_image(pair.second).pixels;
    check_shape(clean.shape() == image.shape(), pair.second.string(), ": its shape ", image.shape(),
                " differs from that of the reference, ", clean.shape());
    auto const result = with.network ? with.network->denoise(image, with.options) : image;
    std::vector<double> values;
    for (auto const& metric : metrics) values.push_back(metric.of(metric.given ? image : result, clean, o.border));
    return values;
}

std::string protocol(Options const& o, Preparation const& with) {
    std::string text = concat_text("8 bits, all channels, border ", o.border,
                                   "; SSIM: Gaussian 11x11, sigma 1.5, valid area, mean of channels; Y: BT.601, not rounded");
    if (with.noise) text += concat_text("; noise ", to_string(*with.noise), ", seed ", o.denoising.seed);
    if (!with.network) return text;
    return concat_text(text, "; denoised by ", with.network->description(), ", weights ", o.weights->string(), o.denoising.text());
}

// A line of JSON, which begins with `line`, or a row of the table, which begins with `title`.
void report(Options const& o, std::vector<Metric> const& metrics, std::vector<double> const& values, Json::Object line, std::string title,
            Table& table) {
    std::vector<std::string> cells{std::move(title)};
    for (std::size_t k = 0; k < metrics.size(); ++k) {
        line.push_back({metrics[k].key, values[k]});
        cells.push_back(fixed_number(values[k], metrics[k].digits));
    }
    table.add_row(cells);
    if (o.json) std::printf("%s\n", Json(line).dump().c_str()), std::fflush(stdout);
}

// Judges all images and prints the table; returns the exit status.
int evaluate(Options const& o, std::string const& program) {
    check_usage(o);
    Preparation with(o);
    auto const pairs = pairs_of(o);
    auto const metrics = metrics_of(o);
    std::vector<std::string> columns{"image"};
    for (auto const& metric : metrics) columns.push_back(metric.title);
    Table table(columns);
    std::vector<double> means(metrics.size());
    std::size_t count = 0;
    BatchProgress progress(pairs.size(), program);
    for (std::size_t number = 0; number < pairs.size(); ++number) {
        auto const& file = o.noise.empty() ? pairs[number].second : pairs[number].first;
        progress.begin(file, with.options);
        try {
            auto const values = judge(o, metrics, with, pairs[number], static_cast<std::uint32_t>(number));
            for (std::size_t k = 0; k < values.size(); ++k) means[k] += values[k];
            ++count;
            report(o, metrics, values, {{"image", file.string()}}, file.stem().string(), table);
        } catch (std::exception const& error) {  // std::bad_alloc, too: the next image may be smaller
            std::fprintf(stderr, "%s: %s\n", program.c_str(), error.what());
        }
        progress.end_image();
    }
    check(count > 0, "no image could be judged");
    if (o.weights) progress.finish();
    for (double& mean : means) mean /= static_cast<double>(count);
    report(o, metrics, means, {{"images", count}, {"protocol", protocol(o, with)}}, concat_text("mean of ", count), table);
    if (!o.json) std::printf("%s%s\n", table.text().c_str(), protocol(o, with).c_str());
    return count < pairs.size() ? 1 : 0;
}

int main(int argc, char** argv) {
    Program const program{
        .name = "evaluate",
        .description = "Reports PSNR and SSIM of images against references: of images as they are, denoised first, or made by "
                       "adding noise. A set's figure is the mean over its images.",
        .examples = {{"evaluate --reference clean --images denoised", ""},
                     {"evaluate --reference mcmaster --images noisy --weights input_mask_80_90.pth --border 1", "as its authors do"},
                     {"evaluate --reference cbsd68 --noise speckle:0.03 --seed 1 --weights run/best.safetensors --draws 4", ""}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) { return evaluate(o, program.name); });
}
