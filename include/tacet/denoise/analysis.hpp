// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/jpeg_noise.hpp>
#include <tacet/data/patches.hpp>
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/denoise_flags.hpp>
#include <tacet/io/file_jobs.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/result_folder.hpp>
#include <algorithm>
#include <concepts>
#include <string>
#include <utility>
#include <vector>

// What the programs that analyse denoisers share: which networks, which pictures, which noises, and where results go.
namespace tacet {

/// The options of programs that analyse denoisers.
struct AnalysisOptions {
    std::vector<std::filesystem::path> input, weights;
    std::vector<std::string> label, noise, attention_mask;  ///< one mask for all networks, or one for each; "own" is the network's
    Index images = 0, crop = 0;
    DenoiseFlags denoising;  ///< without its mask. Programs that denoise list its result_fields, too
    std::filesystem::path output;
    bool overwrite = false, json = false;

    static void fields(auto& self, auto&& field) {
        field("input", self.input, "clean pictures, or folders of them", positional, required);
        field("weights", self.weights, "safetensors or PyTorch files of the networks to compare", metavar("FILE"), required);
        field("label", self.label, "what tables and plots call them, a name for each of the weights (default: the files' names)",
              metavar("NAME"));
        field("noise", self.noise, "what is added, as add_noise knows it; KIND:LEVEL,LEVEL,... stands for several levels",
              metavar("KIND:LEVEL"), required);
        field("images", self.images, "pictures to use, the first ones of those named (0: all)", range(0, 1'000'000));
        field("crop", self.crop, "pixels on a side: of larger pictures the middle is used (0: all of it)", range(0, 1'000'000));
        field("seed", self.denoising.seed, "seed of the noise, the masks and the pixels: the same seed gives the same figures");
        field("attention_mask", self.attention_mask,
              "share of the tokens that attention does not see, PERCENT, LOW-HIGH, off, or own for that in the file (or 75): one for all "
              "networks, or one for each of the weights; networks without attention masks pass over it",
              metavar("PERCENT"));
        list_device(self.denoising.device, field);
        field("output", self.output, "folder for the tables, the plots and report.html, which shows them all", metavar("DIR"), required);
        field("overwrite", self.overwrite, "replace results in a folder that is not empty");
        field("json", self.json, "print the table as JSON, one line for each row");
    }
};

/// A noise as the user wrote it.
struct NamedNoise {
    std::string name;  ///< "speckle:0.02"
    NoiseSpec spec;
    std::string unit;  ///< what its level is: "VARIANCE"
};

/// Reads noises such as "gaussian:15" and "speckle:0.02,0.04", which is two. Throws Error for unknown ones and for one named twice.
inline std::vector<NamedNoise> parse_noises(std::vector<std::string> const& texts) {
    std::vector<NamedNoise> noises;
    for (auto const& text : texts) {
        std::string const kind = text.substr(0, text.find(':'));
        for (std::size_t begin = 0, end = 0; end != text.npos; begin = end + 1) {
            end = text.find(',', begin);
            std::string const name = concat_text(begin == 0 ? "" : kind + ":", text.substr(begin, end == text.npos ? end : end - begin));
            for (auto const& other : noises) check(other.name != name, "noise ", quote_text(name), " is named twice");
            auto const spec = parse_noise(name, noise_menu_with_jpeg());
            noises.push_back({name, spec, std::string(detail::checked_kind(spec).level)});
        }
    }
    return noises;
}

/// One of several networks that are compared.
struct LabelledDenoiser {
    std::string label;
    AnyDenoiser network;
    DenoiseOptions options;  ///< those asked for, as far as the network can follow them
};

namespace detail {

/// The stems of the files, with the name of the folder where stems are equal.
inline std::vector<std::string> default_labels(std::vector<std::filesystem::path> const& files) {
    std::vector<std::string> labels;
    for (auto const& file : files) {
        auto const same = std::count_if(files.begin(), files.end(), [&](auto const& other) { return other.stem() == file.stem(); });
        auto const folder = std::filesystem::absolute(file).parent_path().filename().string();
        labels.push_back((same > 1 ? folder + "/" : "") + file.stem().string());
    }
    return labels;
}

/// How network k of the weights is to denoise.
inline DenoiseOptions options_for(AnalysisOptions const& o, std::size_t k) {
    auto flags = o.denoising;
    if (!o.attention_mask.empty()) flags.attention_mask = o.attention_mask[o.attention_mask.size() == 1 ? 0 : k];
    if (flags.attention_mask == "own") flags.attention_mask.reset();
    return flags.options();
}

/// The options, without draws and mask for a network that has no attention masks. Throws Error for what it cannot follow.
inline DenoiseOptions followed(LabelledDenoiser const& denoiser) {
    auto options = denoiser.options;
    if (!denoiser.network.takes_masks()) options.masks = {.seed = options.masks.seed};
    try {
        denoiser.network.check_options(options);
    } catch (Error const& error) {
        throw Error(denoiser.label + ": " + error.what());
    }
    return options;
}

}  // namespace detail

/// The networks that the options name. Draws and masks hold for those that have attention masks; others are used without. Throws Error
/// for files that hold no known network, for options that a network cannot follow, for labels that are equal or, like the masks, of
/// another number than the weights, and for a device that is not there.
std::vector<LabelledDenoiser> read_denoisers(std::derived_from<AnalysisOptions> auto const& o) {
    std::size_t const count = o.weights.size(), masks = o.attention_mask.size();
    check(o.label.empty() || o.label.size() == count, "--label: ", o.label.size(), " names for ", count, " weights");
    check(masks <= 1 || masks == count, "--attention-mask: ", masks, " masks for ", count, " weights; name one for all or one for each");
    auto const labels = o.label.empty() ? detail::default_labels(o.weights) : o.label;
    std::vector<LabelledDenoiser> all;
    for (std::size_t k = 0; k < labels.size(); ++k) {
        for (auto const& other : all)
            check(file_name_part(other.label) != file_name_part(labels[k]), "two of the weights are called ", quote_text(labels[k]),
                  "; name them with --label");
        auto network = on_device(o.denoising.device, [&](auto device) { return AnyDenoiser::read(o.weights[k], device); });
        all.push_back({labels[k], std::move(network), detail::options_for(o, k)});
        all.back().options = detail::followed(all.back());
    }
    return all;
}

/// Makes the progress show what the networks note, each line once, after the network's name. They must not be used when it is gone.
inline void show_notes(std::vector<LabelledDenoiser>& denoisers, Progress& progress) {
    for (auto& denoiser : denoisers)
        denoiser.options.note = [&progress, name = denoiser.label](std::string const& line) { progress.note_once(name + ": " + line); };
}

/// The clean pictures that the options name, read when they are asked for, and the same with noise.
class AnalysisPictures {
public:
    /// Throws Error when there are none.
    explicit AnalysisPictures(AnalysisOptions const& o) : files_(expand_inputs(o.input)), crop_(o.crop), seed_(o.denoising.seed) {
        if (o.images > 0 && o.images < std::ssize(files_)) files_.resize(static_cast<std::size_t>(o.images));
    }

    Index size() const { return std::ssize(files_); }
    std::string name(Index k) const { return file(k).filename().string(); }
    /// Picture k (H, W, C) in [0, 1], its middle where it is larger than was asked for. Throws Error naming the file.
    Tensor<float, 3> clean(Index k) const {
        auto const pixels = read_image(file(k)).pixels;
        return crop_ > 0 ? middle_crop(pixels, crop_) : pixels;
    }
    /// Picture k, `clean`, with noise, as a file of 8 bits holds it: that of add_noise with the same seed where pictures are not cut.
    Tensor<float, 3> noisy(Tensor<float, 3> const& clean, Index k, NoiseSpec const& noise) const {
        return add_noise_8bit(clean, noise, image_noise_rng(seed_, static_cast<std::uint32_t>(k)));
    }
    /// The numbers of `count` pixels of picture k, `clean` (H, W, C), drawn by the seed, some perhaps twice; all where there are no more.
    std::vector<Index> some_pixels(Tensor<float, 3> const& clean, Index k, Index count) const {
        Index const pixels = clean.shape()[0] * clean.shape()[1];
        Rng rng(Stream{.seed = seed_, .purpose = Purpose::crop, .image = static_cast<std::uint32_t>(k)});
        std::vector<Index> all;
        for (Index i = 0; i < std::min(count, pixels); ++i) all.push_back(pixels <= count ? i : rng.below(pixels));
        return all;
    }

private:
    std::filesystem::path const& file(Index k) const { return files_[static_cast<std::size_t>(k)]; }

    std::vector<std::filesystem::path> files_;
    Index crop_;
    std::uint64_t seed_;
};

/// What is said of the pictures under titles: "18 pictures, middle 128 x 128, seed 1".
inline std::string subtitle_of(AnalysisOptions const& o, AnalysisPictures const& pictures) {
    std::string text = concat_text(pictures.size(), pictures.size() == 1 ? " picture" : " pictures");
    if (o.crop > 0) text += concat_text(", the middle ", o.crop, " x ", o.crop, " pixels");
    return text + concat_text(", seed ", o.denoising.seed);
}

}  // namespace tacet
