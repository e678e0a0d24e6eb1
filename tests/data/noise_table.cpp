// SPDX-License-Identifier: MIT
// The PSNR of noisy pictures of two test sets, against the figures that an independent implementation of the same noises gives.
#include <support/catch.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/image_folder.hpp>
#include <tacet/metrics/psnr.hpp>
#include <cstdio>

namespace noise_table_test {
using namespace tacet;

namespace {

struct Row {
    char const* noise;
    double cbsd68, mcmaster;  // mean PSNR in dB, 8 bits, whole frames
    double margin = 0.03;
};
Row const table[] = {
    {"gaussian:15", 24.83, 25.11},
    {"speckle:0.018", 24.52, 25.19},
    {"speckle:0.024", 23.30, 23.98},
    {"speckle:0.03", 22.36, 23.04},
    {"speckle:0.036", 21.60, 22.29},
    {"speckle:0.04", 21.15, 21.85},
    {"scaled_poisson:2", 22.31, 23.09},
    {"scaled_poisson:2.5", 20.42, 21.23},
    {"scaled_poisson:3", 18.90, 19.73},
    {"scaled_poisson:3.5", 17.64, 18.49},
    {"correlated_gaussian:40", 25.81, 26.07},
    {"correlated_gaussian:45", 24.81, 25.09},
    {"correlated_gaussian:50", 23.91, 24.22},
    {"correlated_gaussian:55", 23.11, 23.42},
    {"correlated_gaussian:60", 22.37, 22.70},
    {"salt_pepper:0.002", 31.97, 31.61, 0.1},
    {"salt_pepper:0.02", 21.97, 21.57, 0.05},
};

std::vector<Tensor<float, 3>> pictures_of(std::string const& set) {
    std::vector<Tensor<float, 3>> pictures;
    for (auto const& file : list_images(test::data_dir() + "/" + set)) pictures.push_back(read_image(file).pixels);
    return pictures;
}

/// The mean over the pictures of the PSNR of their noisy versions: what add_noise writes and evaluate reads.
double noisy_psnr(std::vector<Tensor<float, 3>> const& pictures, std::string const& noise, std::uint64_t seed) {
    double sum = 0;
    std::uint32_t number = 0;
    for (auto const& clean : pictures) sum += psnr(add_noise(clean, parse_noise(noise), Rng(seed, Purpose::noise, number++)), clean);
    return sum / static_cast<double>(pictures.size());
}

}  // namespace

TEST_CASE("noisy versions of McMaster have the PSNR of the specification: one level of each kind, one seed", "[data][noise]") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    auto const pictures = pictures_of("mcmaster");
    REQUIRE(pictures.size() == 18);
    for (auto const& row : table)
        for (char const* chosen : {"gaussian:15", "speckle:0.03", "scaled_poisson:2.5", "correlated_gaussian:50", "salt_pepper:0.02"})
            if (std::string(row.noise) == chosen) {
                CAPTURE(row.noise);
                CHECK(noisy_psnr(pictures, row.noise, 1) == Approx(row.mcmaster).margin(row.margin));
            }
}

// Takes minutes: run it by its name, data "[noise-table]"; it prints the table of docs/noise.md.
TEST_CASE("all noises of the specification on CBSD68 and McMaster, mean over seeds 1 to 5", "[.][noise-table]") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    auto const cbsd68 = pictures_of("cbsd68"), mcmaster = pictures_of("mcmaster");
    auto const mean = [](auto const& pictures, std::string const& noise) {
        double sum = 0;
        for (std::uint64_t seed = 1; seed <= 5; ++seed) sum += noisy_psnr(pictures, noise, seed);
        return sum / 5;
    };
    for (auto const& row : table) {
        CAPTURE(row.noise);
        double const a = mean(cbsd68, row.noise), b = mean(mcmaster, row.noise);
        std::printf("| `%s` | %.3f | %.2f | %.3f | %.2f |\n", row.noise, a, row.cbsd68, b, row.mcmaster);
        std::fflush(stdout);
        CHECK(a == Approx(row.cbsd68).margin(row.margin));
        CHECK(b == Approx(row.mcmaster).margin(row.margin));
    }
    for (int level = 1; level <= 5; ++level) {  // ours: no figure to compare with
        std::string const noise = "mixture:" + std::to_string(level);
        std::printf("| `%s` | %.3f | | %.3f | |\n", noise.c_str(), mean(cbsd68, noise), mean(mcmaster, noise));
    }
}
}  // namespace noise_table_test
