// SPDX-License-Identifier: MIT
// Trains the U-Net of Noise2Noise: on noisy pairs made from pictures, on the user's own noisy pairs, or on generated dead leaves.
#include <tacet/denoise/denoise.hpp>
#include <tacet/io/montage.hpp>
#include <tacet/io/program.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/train/loop.hpp>
#include <tacet/train/sources.hpp>
#include <tacet/train/validation.hpp>

using namespace tacet;

struct Options {
    std::vector<std::filesystem::path> train, valid, pairs, valid_pairs;
    std::string noise = "gaussian:0-50";
    bool clean_targets = false;
    Index batch = 4, crop = 128, width = 48, valid_images = 8;
    double grey = 0;
    std::uint64_t seed = 0;
    TrainOptions training;
    std::filesystem::path output = "run";
    int threads = 0;
    std::size_t cache_memory = 1024;

    static void fields(auto& self, auto&& field) {
        field("train", self.train, "folders of clean pictures, corrupted on the fly; the word dead-leaves trains on generated pictures",
              metavar("DIR"));
        field("valid", self.valid, "folders of clean pictures for validation; dead-leaves generates them", metavar("DIR"));
        field("pairs", self.pairs, "two folders with noisy pictures of the same scenes, matched by name", metavar("DIR"), values(2));
        field("valid_pairs", self.valid_pairs, "two such folders for validation", metavar("DIR"), values(2));
        field("noise", self.noise, "gaussian:SIGMA, gaussian:LOW-HIGH, poisson:PHOTONS", metavar("SPEC"));
        field("clean_targets", self.clean_targets, "train against the clean pictures, the ordinary way");
        field("batch", self.batch, "patches in a step", range(1, 1024));
        field("crop", self.crop, "side of a patch in pixels, a multiple of 32; smaller pictures are skipped", range(32, 1024));
        field("grey", self.grey, "share of the patches made grey, so that the network learns grey pictures too", range(0, 1));
        field("width", self.width, "channels of the first layers; 48 is the paper's network", range(1, 256));
        field("valid_images", self.valid_images, "pictures used for validation", range(1, 10000));
        field("seed", self.seed, "seed of weights, patches and noise");
        training_fields(self.training, field);
        field("output", self.output, "folder of the run; an existing run is continued", metavar("RUN"), not_compared);
        field("threads", self.threads, "threads (0: as many as the machine has); does not change the result", range(0, 1024), not_compared);
        field("cache_memory", self.cache_memory, "memory for decoded pictures", metavar("MB"), range(16, 1 << 20), not_compared);
    }
    /// The options of the loop, without a prefix: --steps rather than --training.steps.
    static void training_fields(TrainOptions& training, auto&& field) { TrainOptions::fields(training, field); }
};

int main(int argc, char** argv) {
    Program const program{
        .name = "noise2noise_train",
        .description = "Learns to denoise without clean data (Lehtinen et al., Noise2Noise, ICML 2018). The run's folder receives weights "
                       "(best.safetensors, last.safetensors), the log, curves, a montage per validation and report.html. The same command "
                       "continues a run that was stopped, with the same result as if it had not been.",
        .examples = {{"noise2noise_train --train photos --valid others --output run", "pictures, with noise added on the fly"},
                     {"noise2noise_train --pairs first second --valid-pairs a b --output run", "your own noisy pairs"},
                     {"noise2noise_train --train dead-leaves --valid dead-leaves --output run", "no pictures at all"}}};
    return run_main<Options>(argc, argv, program, [&](Options const& o) {
        check(o.crop % Noise2NoiseUNet<>::multiple == 0, "--crop: ", o.crop, " is not a multiple of ", Noise2NoiseUNet<>::multiple);
        if (o.threads > 0) set_num_threads(o.threads);
        PatchOptions patches{.batch = o.batch, .crop = o.crop, .seed = o.seed, .noise = parse_noise(o.noise)};
        patches.clean_targets = o.clean_targets, patches.grey = o.grey;
        check_training_named(o.train, o.pairs), check_validation_named(o.valid, o.valid_pairs);
        Rng rng(Stream{.seed = o.seed, .purpose = Purpose::initialise});
        Noise2NoiseUNet<> model(3, 3, rng, o.width);
        Trainer trainer(model, o.training);  // refuses options, and so it comes before pictures are decoded
        ValidationSet const validation(o.valid, o.valid_pairs, patches.noise, o.seed, o.valid_images);  // few: a mistake shows at once
        auto const source = make_source(o.train, o.pairs, patches, o.cache_memory * 1'000'000);
        RunFolder run(o.output, o);  // last: options that are refused above leave no folder behind
        Checkpoint description;
        description.metadata = {{"network", model.name}, {"written_by", "tacet " TACET_VERSION}};
        if (o.pairs.empty()) description.metadata["noise"] = o.noise;  // pairs have one of their own
        auto const validate = [&](Noise2NoiseUNet<>& m) {
            auto const result = validation.run([&](Tensor<float, 3> const& noisy) { return denoise(m, noisy); });
            write_image(run.file("montage-" + std::to_string(trainer.step()) + ".png"), result.picture, {.overwrite = true});
            return Validation{result.figures, result.quality};
        };
        bool const complete = run_training(trainer, *source, o.training, run, description, validate);
        write_run_report(run, "Noise2Noise training", latest_montage(run));
        std::fprintf(stderr, "%s: %s\n", run.path().c_str(), complete ? "complete; see report.html" : "stopped");
    });
}
