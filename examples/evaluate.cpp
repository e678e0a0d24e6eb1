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
        field("best_blur", self.best_blur,
              "also report the best Gaussian blur of each image, its sigma chosen with the reference: the bar for a denoiser");
        field("json", self.json, "print one JSON line per image, the means last");
    }
};

// Prints what was found for one image, and adds it to the sums: PSNR, SSIM, best blur.
void judge(Options const& o, FilePair const& pair, Table& table, std::array<double, 3>& sums) {
    auto const clean = read_image(pair.first).pixels, image = read_image(pair.second).pixels;
    check_shape(clean.shape() == image.shape(), pair.second.string(), ": its shape ", image.shape(),
                " differs from that of the reference, ", clean.shape());
    double const p = psnr(image, clean, o.border), s = ssim(image, clean, o.border);
    double const blur = o.best_blur ? best_gaussian_blur(image, clean, o.border).psnr : 0;
    sums[0] += p, sums[1] += s, sums[2] += blur;
    Json::Object line{{"image", pair.second.string()}, {"psnr", p}, {"ssim", s}};
    std::vector<std::string> cells{pair.second.stem().string(), fixed_number(p, 3), fixed_number(s, 4)};
    if (o.best_blur) line.push_back({"psnr_blur", blur}), cells.push_back(fixed_number(blur, 3));
    table.add_row(cells);
    if (o.json) std::printf("%s\n", Json(line).dump().c_str());
}

int main(int argc, char** argv) {
    Program const program{.name = "evaluate",
                          .description = "Reports PSNR and SSIM of images against references. A set's figure is the mean over its images.",
                          .examples = {{"evaluate --reference clean --images denoised", ""}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        auto const pairs = match_folders(o.reference, o.images);
        std::vector<std::string> columns{"image", "PSNR (dB)", "SSIM"};
        if (o.best_blur) columns.push_back("best blur (dB)");
        Table table(columns);
        std::array<double, 3> sums{};
        std::size_t failed = 0;
        for (auto const& pair : pairs) {
            try {
                judge(o, pair, table, sums);
            } catch (Error const& error) {
                ++failed;
                std::fprintf(stderr, "%s: %s\n", program.name.c_str(), error.what());
            }
        }
        check(failed < pairs.size(), "no image could be judged");
        auto const count = pairs.size() - failed;
        for (double& sum : sums) sum /= static_cast<double>(count);
        std::string const protocol =
            concat_text("8 bits, all channels, border ", o.border, "; SSIM: Gaussian 11x11, sigma 1.5, valid area, mean of channels");
        if (o.json) {
            Json::Object line{{"images", count}, {"psnr", sums[0]}, {"ssim", sums[1]}, {"protocol", protocol}};
            if (o.best_blur) line.push_back({"psnr_blur", sums[2]});
            std::printf("%s\n", Json(line).dump().c_str());
            return failed > 0 ? 1 : 0;
        }
        std::vector<std::string> cells{concat_text("mean of ", count), fixed_number(sums[0], 3), fixed_number(sums[1], 4)};
        if (o.best_blur) cells.push_back(fixed_number(sums[2], 3));
        table.add_row(cells);
        std::printf("%s%s\n", table.text().c_str(), protocol.c_str());
        return failed > 0 ? 1 : 0;
    });
}
