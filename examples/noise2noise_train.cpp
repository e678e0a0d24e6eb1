// SPDX-License-Identifier: MIT
// Trains the U-Net of Noise2Noise: on noisy pairs made from pictures, on the user's own noisy pairs, or on generated dead leaves.
#include <tacet/denoise/network_metadata.hpp>
#include <tacet/io/program.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/train/options.hpp>
#include <tacet/train/validation.hpp>

using namespace tacet;

struct Options : RunOptions {
    Index width = 48;

    static void fields(auto& self, auto&& field) {
        data_fields(self, field);
        field("crop", self.crop, "side of a patch in pixels, a multiple of 32; smaller pictures are skipped", range(32, 1024));
        field("width", self.width, "channels of the first layers; 48 is the paper's network", range(1, 256));
        run_fields(self, field);
    }
};

// Trains on the device D.
template <class D> void train(Options const& o) {
    check(o.crop % Noise2NoiseUNet<D>::multiple == 0, "--crop: ", o.crop, " is not a multiple of ", Noise2NoiseUNet<D>::multiple);
    if (o.threads > 0) set_num_threads(o.threads);
    PatchOptions patches{.batch = o.batch, .crop = o.crop, .seed = o.seed, .noise = parse_noise(o.noise)};
    patches.clean_targets = o.clean_targets, patches.grey = o.grey;
    check_training_named(o.train, o.pairs), check_validation_named(o.valid, o.valid_pairs);
    Rng rng(Stream{.seed = o.seed, .purpose = Purpose::initialise});
    Noise2NoiseUNet<D> model(3, 3, rng, o.width);
    Trainer trainer(model, o.training);  // refuses options, and so it comes before pictures are decoded
    ValidationSet const validation(o.valid, o.valid_pairs, patches.noise, o.seed, o.valid_images);  // few: a mistake shows at once
    auto const source = make_source(o.train, o.pairs, patches, o.cache_memory * 1'000'000);
    Checkpoint description{{}, network_metadata(model)};
    description.metadata["written_by"] = "tacet " TACET_VERSION;
    if (o.pairs.empty()) description.metadata["noise"] = o.noise;  // pairs have one of their own
    train_in_folder(o, "Noise2Noise training", trainer, *source, validation, description);  // makes the folder: nothing was refused
}

int main(int argc, char** argv) {
    Program const program{
        .name = "noise2noise_train",
        .description = "Learns to denoise without clean data (Lehtinen et al., Noise2Noise, ICML 2018). The run's folder receives weights "
                       "(best.safetensors, last.safetensors), the log, curves, a montage per validation and report.html. The same command "
                       "continues a run that was stopped, with the same result as if it had not been.",
        .examples = {{"noise2noise_train --train photos --valid others --output run", "pictures, with noise added on the fly"},
                     {"noise2noise_train --pairs first second --valid-pairs a b --output run", "your own noisy pairs"},
                     {"noise2noise_train --train dead-leaves --valid dead-leaves --output run", "no pictures at all"}}};
    return run_main<Options>(argc, argv, program, [](Options const& o) {
        on_device(o.device, [&](auto device) { train<decltype(device)>(o); });
    });
}
