// SPDX-License-Identifier: MIT
// Adds seeded noise to images: test sets that anybody can make again.
#include <tacet/data/jpeg_noise.hpp>
#include <tacet/io/file_jobs.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/program.hpp>

using namespace tacet;

struct Options {
    std::vector<std::filesystem::path> input;
    std::filesystem::path output;
    std::string noise = "gaussian:25";
    std::uint64_t seed = 0;
    int jpeg_quality = 95;
    bool pfm = false, overwrite = false;

    static void fields(auto& self, auto&& field) {
        field("input", self.input, "images, or folders of images", positional, required);
        field("output", self.output, "the noisy image, or a folder for them; a .pfm file keeps the values neither clipped nor rounded",
              required);
        field("noise", self.noise, "what is added: one of the kinds above; KIND:LOW-HIGH draws a level for each image",
              metavar("KIND:LEVEL"));
        field("seed", self.seed, "seed of the noise; image k of a batch has its own stream");
        field("jpeg_quality", self.jpeg_quality, "quality of JPEG outputs", range(1, 100));
        field("pfm", self.pfm, "write the images of a folder as PFM: float values, neither clipped nor rounded");
        field("overwrite", self.overwrite, "replace existing outputs");
    }
};

int main(int argc, char** argv) {
    Program const program{
        .name = "add_noise",
        .description = "Adds noise to images. The same seed gives the same noise on every machine. 8- and 16-bit outputs are clipped to "
                       "their range, then rounded to the nearest level, ties to even. The kinds of noise:\n" +
                       noise_help(noise_menu_with_jpeg()),
        .examples = {{"add_noise --noise gaussian:25 --seed 1 photo.png --output noisy.png", ""},
                     {"add_noise --noise gaussian:0-50 photos --output noisy", "a folder; each image has a level of its own"},
                     {"add_noise --noise scaled_poisson:2 --seed 1 mcmaster --output noisy", "a test set of masked image training"},
                     {"add_noise --noise poisson:30 photo.png --output noisy.pfm", "float, not clipped"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        NoiseSpec const noise = parse_noise(o.noise, noise_menu_with_jpeg());
        auto const jobs = plan_file_jobs(o.input, o.output, o.overwrite, o.pfm ? ".pfm" : "");
        std::uint32_t number = 0;
        return run_file_jobs(jobs, program.name, [&](FileJob const& job) {
            Rng rng = image_noise_rng(o.seed, number++);
            Image image = read_image(job.input);
            check_image_format(job.output, image);
            image.pixels = add_noise(image.pixels, noise, rng);
            make_folder(job.folder);
            write_image(job.output, image, {.jpeg_quality = o.jpeg_quality, .overwrite = o.overwrite});
        });
    });
}
