// SPDX-License-Identifier: MIT
// Compares images with their references: PSNR and SSIM, with the protocol beside the numbers.
#include <tacet/data/folder.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/table.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/metrics/ssim.hpp>

using namespace tacet;

struct Options {
    std::filesystem::path reference, images;
    Index border = 0;
    bool json = false;

    static void fields(auto& self, auto&& field) {
        field("reference", self.reference, "folder of clean images", metavar("DIR"), required);
        field("images", self.images, "folder of images to judge; files are matched by name without suffix", metavar("DIR"), required);
        field("border", self.border, "pixels left out on each side", range(0, 1000));
        field("json", self.json, "print one JSON line per image, the means last");
    }
};

int main(int argc, char** argv) {
    Program const program{.name = "evaluate",
                          .description = "Reports PSNR and SSIM of images against references. A set's figure is the mean over its images.",
                          .examples = {{"evaluate --reference clean --images denoised", ""}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        auto const pairs = match_folders(o.reference, o.images);
        Table table({"image", "PSNR (dB)", "SSIM"});
        double psnr_sum = 0, ssim_sum = 0;
        for (auto const& [reference, path] : pairs) {
            auto const clean = read_image(reference).pixels, image = read_image(path).pixels;
            check_shape(clean.shape() == image.shape(), path.string(), ": its shape ", image.shape(), " differs from that of the reference, ", clean.shape());
            double const p = psnr(image, clean, o.border), s = ssim(image, clean, o.border);
            psnr_sum += p, ssim_sum += s;
            table.add_row({path.stem().string(), fixed_number(p, 3), fixed_number(s, 4)});
            if (o.json) std::printf("%s\n", Json::object({{"image", path.string()}, {"psnr", p}, {"ssim", s}}).dump().c_str());
        }
        auto const n = static_cast<double>(pairs.size());
        std::string const protocol = concat_text("8 bits, all channels, border ", o.border, "; SSIM: Gaussian 11x11, sigma 1.5, valid area, mean of channels");
        if (o.json) {
            std::printf("%s\n", Json::object({{"images", pairs.size()}, {"psnr", psnr_sum / n}, {"ssim", ssim_sum / n}, {"protocol", protocol}}).dump().c_str());
            return;
        }
        table.add_row({concat_text("mean of ", pairs.size()), fixed_number(psnr_sum / n, 3), fixed_number(ssim_sum / n, 4)});
        std::printf("%s%s\n", table.text().c_str(), protocol.c_str());
    });
}
