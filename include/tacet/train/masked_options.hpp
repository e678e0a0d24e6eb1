// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/percent_range.hpp>
#include <tacet/data/jpeg_noise.hpp>
#include <tacet/models/swin_options.hpp>
#include <tacet/train/options.hpp>
#include <tacet/train/sources.hpp>
#include <map>

namespace tacet {

/// What masked image training is told (Chen et al., 2023). The defaults are those of the released configuration, for the 200,000 steps of
/// the paper.
struct MaskedTrainOptions : RunOptions {
    std::filesystem::path opt;
    std::string network = "masked_swinir";
    SwinIROptions net;
    Index width = 64;
    std::optional<std::filesystem::path> init;
    std::string input_mask = "80-90";
    bool augment = true;
    std::vector<std::string> valid_noise{"gaussian:15",       "scaled_poisson:2",        "speckle:0.03",
                                         "salt_pepper:0.02", "correlated_gaussian:50", "mixture:3"};
    Index valid_crop = 128;
    std::optional<std::filesystem::path> export_pytorch;

    MaskedTrainOptions() {
        noise = "gaussian:15", clean_targets = true, batch = 64, crop = 64, seed = 1;
        training = {.steps = 200'000, .loss = "l1", .adam = {.rate = 1e-4, .beta2 = 0.999}, .schedule = {.kind = "multi_step"},
                    .clip = 0, .valid_every = 5000, .save_every = 5000, .valid_raw = true};
    }

    static void fields(auto& self, auto&& field) {
        field("opt", self.opt, "an option file of the authors' code; other options win over it", metavar("FILE"), not_compared);
        data_fields(self, field);
        field("crop", self.crop, "side of a patch in pixels; smaller pictures are skipped", range(8, 1024));
        field("augment", self.augment, "patches are flipped and turned, in one of eight ways");
        field("input_mask", self.input_mask, "share of the input's pixels that are hidden, drawn for each patch: LOW-HIGH, PERCENT or off",
              metavar("PERCENT"));
        field("valid_noise", self.valid_noise, "the kinds of noise to validate with, each with its curve; the mean over all chooses the "
                                               "best weights",
              metavar("SPEC"), values(1, 64));
        field("valid_crop", self.valid_crop, "of pictures for validation the middle, at most this high and wide in pixels",
              range(8, 4096));
        field("network", self.network, "masked_swinir; swinir, the original with the sizes of --net, but first convolution, residuals and "
                                       "connections of its own; dncnn",
              one_of("masked_swinir", "swinir", "dncnn"));
        field("net", self.net, "the sizes and switches of the SwinIR");
        field("width", self.width, "channels of dncnn", range(1, 1024));
        field("init", self.init, "weights to begin with, of the same network: fine-tuning", metavar("FILE"));
        run_fields(self, field);
        field("export_pytorch", self.export_pytorch,
              "when the run is complete, its averaged weights for PyTorch, with all entries of the released files, which do not tell the "
              "attention mask; a file of that name is replaced",
              metavar("FILE"), not_compared);
    }

    /// The network's options: those of `net`, or what makes the original of them.
    SwinIROptions swinir() const { return network == "swinir" ? net.original() : net; }
    /// These options, with those of the network that is trained in `net`.
    MaskedTrainOptions resolved() const {
        auto o = *this;
        o.net = swinir();
        return o;
    }

    /// How patches are cut and corrupted.
    PatchOptions patches() const {
        PatchOptions o{.batch = batch, .crop = crop, .seed = seed, .noise = parse_noise(noise)};
        o.clean_targets = clean_targets && pairs.empty(), o.grey = grey;
        o.augment = augment, o.clip = true, o.input_mask = parse_percent_range(input_mask, "--input-mask");
        return o;
    }

    /// Throws Error for what no network or no training can be, and for options that contradict each other.
    void check_consistent() const {
        patches();
        for (auto const& text : valid_noise) parse_noise(text, noise_menu_with_jpeg());
        if (network == "dncnn") return;
        swinir().check_sizes();
        check(net.in_chans == 3, "--net.in-chans: the pictures of the training have 3 channels, not ", net.in_chans);
        check(net.upscale == 1, "--net.upscale: a network that denoises does not enlarge ", net.upscale, " times");
        bool const placed = crop == net.img_size && valid_crop == net.img_size;
        check(!net.ape || placed, "--net.ape needs --crop and --valid-crop of --net.img-size, ", net.img_size);
    }
    /// Throws Error for options of `net` that the network does not have: where none came from an option file, which is for all networks.
    void check_net_is_used() const {
        auto const texts = [](SwinIROptions o) {
            std::map<std::string, std::string> all;
            for (auto const& field : describe_options(o)) all["--net." + field->flag().substr(2)] = option_text(field->write());
            return all;
        };
        auto const given = texts(net), usual = texts({}), used = network == "dncnn" ? usual : texts(swinir());
        for (auto const& [flag, text] : given)
            check(text == usual.at(flag) || text == used.at(flag), flag, ": the network ", network,
                  network == "dncnn" ? " has no such option" : concat_text(" has ", used.at(flag), " there"));
    }
};

}  // namespace tacet
