// SPDX-License-Identifier: MIT
// Denoises images with any weights that tacet knows; adds no noise.
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/default_weights.hpp>
#include <tacet/denoise/denoise_flags.hpp>
#include <tacet/io/file_jobs.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/resources.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/metrics/ssim.hpp>

using namespace tacet;

struct Options {
    std::vector<std::filesystem::path> input;
    std::filesystem::path output;
    std::optional<std::filesystem::path> weights, reference;
    DenoiseFlags denoising;
    int jpeg_quality = 95;
    bool overwrite = false, json = false;

    static void fields(auto& self, auto&& field) {
        field("input", self.input, "noisy images, or folders of images", positional, required);
        field("output", self.output, "the denoised image, or a folder for several", required);
        field("weights", self.weights,
              "safetensors or PyTorch file; the network is recognised from its contents (default: the checkpoint that comes with "
              "tacet, blind to Gaussian noise up to 50)",
              metavar("FILE"));
        field("reference", self.reference, "the clean image, or a folder with images of the same names: quality is reported",
              metavar("CLEAN"));
        DenoiseFlags::fields(self.denoising, field);
        field("jpeg_quality", self.jpeg_quality, "quality of JPEG outputs", range(1, 100));
        field("overwrite", self.overwrite, "replace existing outputs");
        field("json", self.json, "print one JSON line per image");
    }
};

// What PFM files may hold and no network can digest: such values become 0.
Index replace_non_finite(Tensor<float, 3> const& x) {
    Index count = 0;
    for (Index k = 0; k < x.size(); ++k)
        if (!std::isfinite(x.data()[k])) x.data()[k] = 0, ++count;
    return count;
}

// The clean picture for an input: the file that --reference names, or the one of the same stem in that folder.
std::filesystem::path reference_file(std::filesystem::path const& input, std::filesystem::path const& reference) {
    if (!std::filesystem::is_directory(reference)) return reference;
    for (auto const& file : list_images(reference))
        if (file.stem() == input.stem()) return file;
    throw Error(reference.string() + ": no image named " + input.stem().string());
}

// Reads the clean picture, if there is one, before any work is done: it must fit the image, and the output must not replace it.
std::optional<Tensor<float, 3>> read_reference(Options const& o, FileJob const& job, Tensor<float, 3> const& image) {
    if (!o.reference) return std::nullopt;
    auto const file = reference_file(job.input, *o.reference);
    check_output(job.output, o.overwrite, std::array{file});
    auto const clean = read_image(file).pixels;
    check_shape(clean.shape() == image.shape(), job.input.string(), ": its shape ", image.shape(), " differs from that of the reference, ",
                clean.shape());
    return clean;
}

void print_result(Options const& o, FileJob const& job, Tensor<float, 3> const& result, std::optional<Tensor<float, 3>> const& clean,
                  double seconds) {
    Json::Object line{
        {"input", job.input.string()}, {"output", job.output.string()}, {"seconds", seconds}, {"peak_memory_mb", peak_memory_mb()}};
    std::string text = concat_text(job.output.string(), "  ", fixed_number(seconds, 2), " s");
    if (clean) {
        double const quality = psnr(result, *clean), similarity = ssim(result, *clean);
        line.insert(line.end(), {{"psnr", quality}, {"psnr_float", psnr_float(result, *clean)}, {"ssim", similarity}});
        text += concat_text("  PSNR ", fixed_number(quality, 2), " dB  SSIM ", fixed_number(similarity, 4));
    }
    std::printf("%s\n", o.json ? Json(line).dump().c_str() : text.c_str());
    std::fflush(stdout);
}

int main(int argc, char** argv) {
    Program const program{
        .name = "denoise",
        .description = "Denoises images of any size: PNG, JPEG, BMP, PNM, PFM, TIFF; grey or colour, 8 or 16 bits or float. Alpha and "
                       "colour profiles are carried over. No noise is ever added.",
        .examples = {{"denoise photo.jpg --output clean.png", ""},
                     {"denoise --weights run/best.safetensors photos --output clean", "a folder, with weights of your own"},
                     {"denoise --weights n2n-gaussian.pt noisy.png --output clean.png --reference photo.png --json", "published weights"},
                     {"denoise --weights input_mask_80_90.pth photo.png --output clean.png --draws 4 --seed 1",
                      "a masked SwinIR: the mean of four results with different masks"},
                     {"denoise --weights input_mask_80_90.pth photo.png --output clean.png --self-ensemble --attention-mask 65-85",
                      "the mean over eight flips and turns, with masks of 65 to 85 %"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        auto options = o.denoising.options();
        auto const network = on_device(
            o.denoising.device, [&](auto device) { return AnyDenoiser::read(o.weights ? *o.weights : default_weights(), device); });
        network.check_options(options);
        auto const jobs = plan_file_jobs(o.input, o.output, o.overwrite);
        BatchProgress progress(jobs.size(), program.name);
        int const status = run_file_jobs(jobs, program.name, [&](FileJob const& job) {
            auto const began = steady_seconds();
            Image image = read_image(job.input);
            check_image_format(job.output, image);
            auto const clean = read_reference(o, job, image.pixels);
            if (image.icc_profile.empty()) progress.note("no colour profile: sRGB is assumed");
            if (auto const bad = replace_non_finite(image.pixels))
                progress.note(concat_text(job.input.string(), ": ", bad, " values are not finite; taken as 0"));
            progress.begin(job.input, options);
            image.pixels = network.denoise(image.pixels, options);
            make_folder(job.folder);
            write_image(job.output, image, {.jpeg_quality = o.jpeg_quality, .overwrite = o.overwrite});
            progress.end_image();
            print_result(o, job, image.pixels, clean, steady_seconds() - began);
        });
        progress.finish();
        return status;
    });
}
