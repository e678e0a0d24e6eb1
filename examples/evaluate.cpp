// SPDX-License-Identifier: MIT
// Compares images with their references: PSNR and SSIM, of all channels and of luma, with the protocol beside the numbers.
#include <tacet/data/folder.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/table.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/metrics/luma.hpp>

using namespace tacet;

struct Options {
    std::filesystem::path reference, images;
    Index border = 0;
    bool best_blur = false, json = false;

    static void fields(auto& self, auto&& field) {
        field("reference", self.reference, "folder of clean images", metavar("DIR"), required);
        field("images", self.images, "folder of images to judge; files are matched by name without suffix", metavar("DIR"), required);
        field("border", self.border, "pixels left out on each side", range(0, 1000));
        field("best_blur", self.best_blur,
              "also report the best Gaussian blur of each image, its sigma chosen with the reference: the bar for a denoiser");
        field("json", self.json, "print one JSON line per image, the means last");
    }
};

// What is reported: under `key` in JSON, as a column `title` with so many digits in tables.
struct Metric {
    char const *key, *title;
    int digits;
    double (*of)(Tensor<float, 3> const& image, Tensor<float, 3> const& clean, Index border);
};

std::vector<Metric> metrics_of(Options const& o) {
    std::vector<Metric> metrics{{"psnr", "PSNR (dB)", 3, psnr},
                                {"ssim", "SSIM", 4, ssim},
                                {"psnr_y", "PSNR of Y (dB)", 3, psnr_y},
                                {"ssim_y", "SSIM of Y", 4, ssim_y}};
    auto const blur = [](Tensor<float, 3> const& x, Tensor<float, 3> const& clean, Index border) {
        return best_gaussian_blur(x, clean, border).psnr;
    };
    if (o.best_blur) metrics.push_back({"psnr_blur", "best blur (dB)", 3, blur});
    return metrics;
}

// The figures of one image, in the order of the metrics.
std::vector<double> judge(FilePair const& pair, std::vector<Metric> const& metrics, Index border) {
    auto const clean = read_image(pair.first).pixels, image = read_image(pair.second).pixels;
    check_shape(clean.shape() == image.shape(), pair.second.string(), ": its shape ", image.shape(),
                " differs from that of the reference, ", clean.shape());
    std::vector<double> values;
    for (auto const& metric : metrics) values.push_back(metric.of(image, clean, border));
    return values;
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
    if (o.json) std::printf("%s\n", Json(line).dump().c_str());
}

int main(int argc, char** argv) {
    Program const program{.name = "evaluate",
                          .description = "Reports PSNR and SSIM of images against references. A set's figure is the mean over its images.",
                          .examples = {{"evaluate --reference clean --images denoised", ""}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        auto const pairs = match_folders(o.reference, o.images);
        auto const metrics = metrics_of(o);
        std::vector<std::string> columns{"image"};
        for (auto const& metric : metrics) columns.push_back(metric.title);
        Table table(columns);
        std::vector<double> means(metrics.size());
        std::size_t count = 0;
        for (auto const& pair : pairs) {
            try {
                auto const values = judge(pair, metrics, o.border);
                for (std::size_t k = 0; k < values.size(); ++k) means[k] += values[k];
                ++count;
                report(o, metrics, values, {{"image", pair.second.string()}}, pair.second.stem().string(), table);
            } catch (Error const& error) {
                std::fprintf(stderr, "%s: %s\n", program.name.c_str(), error.what());
            }
        }
        check(count > 0, "no image could be judged");
        for (double& mean : means) mean /= static_cast<double>(count);
        std::string const protocol = concat_text("8 bits, all channels, border ", o.border,
                                                 "; SSIM: Gaussian 11x11, sigma 1.5, valid area, mean of channels; Y: BT.601, not rounded");
        report(o, metrics, means, {{"images", count}, {"protocol", protocol}}, concat_text("mean of ", count), table);
        if (!o.json) std::printf("%s%s\n", table.text().c_str(), protocol.c_str());
        return count < pairs.size() ? 1 : 0;
    });
}
