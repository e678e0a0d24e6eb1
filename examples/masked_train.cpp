// SPDX-License-Identifier: MIT
// Masked image training: a network that learns on one noise, with parts of its input and of its attention hidden, and denoises others.
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/network_metadata.hpp>
#include <tacet/io/program.hpp>
#include <tacet/io/torch_writer.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/train/noise_validation.hpp>
#include <tacet/train/option_file.hpp>

using namespace tacet;

// The weights that training begins with.
template <class M> void load_weights(M& model, std::filesystem::path const& path) {
    auto const weights = detail::inference_weights(load_checkpoint(path));
    try {
        load(model, weights);
    } catch (LoadError const& error) { throw Error(path.string() + ": " + error.what()); }
}

// What files of weights say about the network and its training beside its tensors.
template <class M> Checkpoint description_of(M const& model, MaskedTrainOptions const& o) {
    Checkpoint description{{}, network_metadata(model)};
    description.metadata["input_mask"] = percent_text(o.patches().input_mask);
    description.metadata["written_by"] = "tacet " TACET_VERSION;
    if (o.pairs.empty()) description.metadata["noise"] = o.noise;  // pairs have one of their own
    return description;
}

// Found before days of training, not after them.
void check_export(MaskedTrainOptions const& o) {
    if (!o.export_pytorch) return;
    auto const folder = std::filesystem::absolute(*o.export_pytorch).parent_path();
    check(std::filesystem::is_directory(folder) && !std::filesystem::is_directory(*o.export_pytorch), "--export-pytorch: cannot write ",
          o.export_pytorch->string());
}

template <class M> void train(M& model, MaskedTrainOptions const& o) {
    if (o.init && !std::filesystem::exists(o.output / "last.safetensors")) load_weights(model, *o.init);
    Trainer trainer(model, o.training);  // refuses options, and so it comes before pictures are decoded
    NoiseValidation const validation({o.valid, o.valid_pairs, o.valid_noise, o.seed, o.valid_images, o.valid_crop});
    auto const source = make_source(o.train, o.pairs, o.patches(), o.cache_memory * 1'000'000);
    // Makes the folder; options that are refused above leave none behind.
    if (!train_in_folder(o, "Masked image training", trainer, *source, validation, description_of(model, o)) || !o.export_pytorch) return;
    auto const weights = trainer.with_average([](M& m) { return save_for_pytorch(m); });
    write_torch_checkpoint(*o.export_pytorch, weights, true);
    std::fprintf(stderr, "%s: %zu entries for PyTorch\n", o.export_pytorch->c_str(), weights.tensors.size());
    if (auto const untold = misread_without_metadata(model, weights); !untold.empty())  // such files hold tensors alone
        std::fprintf(stderr, "%s: no entry tells that %s: denoise and evaluate need best.safetensors\n", o.export_pytorch->c_str(),
                     untold.c_str());
}

// Trains the network that was asked for on the device D.
template <class D> void train_on(MaskedTrainOptions const& o) {
    Rng rng(Stream{.seed = o.seed, .purpose = Purpose::initialise});
    if (o.network == "dncnn") {
        DnCnn<D> model(3, rng, {.width = o.width});
        return train(model, o);
    }
    MaskedSwinIR<D> model(o.swinir(), rng);
    model.draws.seed = o.seed;
    train(model, o);
}

int main(int argc, char** argv) {
    Program const program{
        .name = "masked_train",
        .description =
            "Learns to denoise what it was not trained on (Chen et al., Masked image training for generalizable deep image denoising, CVPR "
            "2023): trained on one noise, with pixels of the input and tokens of the attention hidden at random. The defaults are the "
            "released configuration. The run's folder receives weights (best.safetensors, last.safetensors), the log, curves for each "
            "kind of noise, a montage per validation and report.html. The same command continues a run that was stopped, with the same "
            "result as if it had not been.",
        .examples = {{"masked_train --train photos --valid others --output run", "the released configuration, 200,000 steps"},
                     {"masked_train --opt input_mask_80_90.json --train photos --valid others --output run", "from the authors' file"},
                     {"masked_train --input-mask off --no-net.use-mask --train photos --valid others --output run", "without masks"}}};
    return run_main<MaskedTrainOptions>(argc, argv, program, [&](MaskedTrainOptions const& given) {
        if (given.opt.empty()) given.check_net_is_used();
        auto const asked = with_option_file(given, {argv + 1, argv + argc});
        asked.check_consistent();
        auto const o = asked.resolved();
        check_training_named(o.train, o.pairs), check_export(o);
        if (o.threads > 0) set_num_threads(o.threads);
        on_device(o.device, [&](auto device) { train_on<decltype(device)>(o); });
    });
}
