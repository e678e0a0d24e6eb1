// SPDX-License-Identifier: MIT
// Compares images with their references: PSNR and SSIM, with the protocol beside the numbers.
#include <tacet/data/folder.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/table.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/metrics/ssim.hpp>

using namespace tacet;

struct Options {
    std::filesystem::path reference, images;
    Index border = 0;
    bool best_blur = false, json = false;

    static void fields(auto& self, auto&& field) {
        field("reference", self.reference, "folder of clean images", metavar("DIR"), required);
        field("images", self.images, "folder of images to judge; files are matched by name without suffix", metavar("DIR"), required);
        field("border", self.border, "pixels left out on each side", range(0, 1000));
        field("best_blur", self.best_blur, "also report the best Gaussian blur of each image, its sigma chosen with the reference: the bar for a denoiser");
        field("json", self.json, "print one JSON line per image, the means last");
    }
};

int main(int argc, char** argv) {
    Program const program{.name = "evaluate",
                          .description = "Reports PSNR and SSIM of images against references. A set's figure is the mean over its images.",
                          .examples = {{"evaluate --reference clean --images denoised", ""}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        auto const pairs = match_folders(o.reference, o.images);
        std::vector<std::string> columns{"image", "PSNR (dB)", "SSIM"};
        if (o.best_blur) columns.push_back("best blur (dB)");
        Table table(columns);
        double psnr_sum = 0, ssim_sum = 0, blur_sum = 0;
        for (auto const& [reference, path] : pairs) {
            auto const clean = read_image(reference).pixels, image = read_image(path).pixels;
            check_shape(clean.shape() == image.shape(), path.string(), ": its shape ", image.shape(), " differs from that of the reference, ", clean.shape());
            double const p = psnr(image, clean, o.border), s = ssim(image, clean, o.border);
            psnr_sum += p, ssim_sum += s;
            Json::Object line{{"image", path.string()}, {"psnr", p}, {"ssim", s}};
            std::vector<std::string> cells{path.stem().string(), fixed_number(p, 3), fixed_number(s, 4)};
            if (o.best_blur) {
                double const blur = best_gaussian_blur(image, clean).psnr;
                blur_sum += blur;
                line.push_back({"psnr_blur", blur}), cells.push_back(fixed_number(blur, 3));
            }
            table.add_row(cells);
            if (o.json) std::printf("%s\n", Json(line).dump().c_str());
        }
        auto const n = static_cast<double>(pairs.size());
        std::string const protocol = concat_text("8 bits, all channels, border ", o.border, "; SSIM: Gaussian 11x11, sigma 1.5, valid area, mean of channels");
        if (o.json) {
            Json::Object line{{"images", pairs.size()}, {"psnr", psnr_sum / n}, {"ssim", ssim_sum / n}, {"protocol", protocol}};
            if (o.best_blur) line.push_back({"psnr_blur", blur_sum / n});
            std::printf("%s\n", Json(line).dump().c_str());
            return;
        }
        std::vector<std::string> cells{concat_text("mean of ", pairs.size()), fixed_number(psnr_sum / n, 3), fixed_number(ssim_sum / n, 4)};
        if (o.best_blur) cells.push_back(fixed_number(blur_sum / n, 3));
        table.add_row(cells);
        std::printf("%s%s\n", table.text().c_str(), protocol.c_str());
    });
}
