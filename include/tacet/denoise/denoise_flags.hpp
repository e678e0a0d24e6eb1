// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/device_choice.hpp>
#include <tacet/denoise/denoise_options.hpp>
#include <tacet/io/option_field.hpp>
#include <tacet/io/progress.hpp>
#include <filesystem>

namespace tacet {

/// The options by which programs say how networks denoise, without a prefix in a listing:
/// `DenoiseFlags::fields(self.denoising, field)`.
struct DenoiseFlags {
    int draws = 1;
    std::uint64_t seed = 0;
    bool self_ensemble = false;
    std::optional<std::string> attention_mask = {};
    std::size_t max_memory = 2048;
    DeviceChoice device = DeviceChoice::cpu;
    Precision precision = Precision::float32;

    static void fields(auto& self, auto&& field) {
        field("seed", self.seed, "seed of the masks: the same seed gives the same result");
        field("attention_mask", self.attention_mask,
              "share of the tokens that attention does not see, PERCENT or LOW-HIGH, instead of the network's own (default: that in the "
              "file, or 75); off spoils the results of networks trained with masks",
              metavar("PERCENT"));
        list_device(self.device, field);
        result_fields(self, field);
    }
    /// Those of them that only count where results are made, not where layers are looked at: draws, self_ensemble, max_memory, precision.
    static void result_fields(auto& self, auto&& field) {
        field("draws", self.draws, "average so many results of a network with attention masks, each with masks of its own",
              range(1, 65536));
        field("self_ensemble", self.self_ensemble, "average over the eight flips and turns of the image, in eight times the time");
        field("max_memory", self.max_memory,
              "working memory; larger images are denoised in tiles, with the same result; those of SwinIR are blended where exact ones "
              "would take long",
              metavar("MB"), range(16, 1 << 20));
        list_precision(self.precision, field);
    }
    bool operator==(DenoiseFlags const&) const = default;

    /// What they say, for denoise(). Throws Error for a mask that is none.
    DenoiseOptions options() const {
        DenoiseOptions o{.max_memory = max_memory * 1'000'000, .masks = {.draws = draws, .seed = seed}, .self_ensemble = self_ensemble};
        o.precision = precision;
        if (attention_mask) o.masks.attention_mask = parse_percent_range(*attention_mask, "--attention-mask").value_or(PercentRange{});
        return o;
    }
    /// What differs from the defaults: ", 4 draws, seed 1, attention mask 60-90, self-ensemble, device cuda, bfloat16, max memory 500 MB".
    std::string text() const {
        std::string text;
        if (draws > 1) text += concat_text(", ", draws, " draws");
        if (seed > 0) text += concat_text(", seed ", seed);
        if (attention_mask) text += ", attention mask " + *attention_mask;
        if (self_ensemble) text += ", self-ensemble";
        if (device != DeviceChoice::cpu) text += ", device " + to_string(device);
        if (precision != Precision::float32) text += ", " + to_string(precision);
        return max_memory == DenoiseFlags{}.max_memory ? text : concat_text(text, ", max memory ", max_memory, " MB");
    }
};

/// The progress of a batch of images that are denoised one by one, with what the library notes, each line once.
class BatchProgress {
public:
    BatchProgress(std::size_t images, std::string const& label) : bar_(static_cast<Index>(images), label, {.unit = "image"}) {}

    /// A line above the bar, unless it was shown before.
    void note(std::string const& line) { bar_.note_once(line); }
    /// Makes denoise() with these options show how far the image is: "photo.png 37 %, 0:42 left". The options must not outlive this.
    void begin(std::filesystem::path const& file, DenoiseOptions& options) {
        options.note = [this](std::string const& line) { note(line); };
        options.progress = [this, name = file.filename().string(), began = steady_seconds()](double share) {
            bar_.update(done_, [&] {
                double const left = (steady_seconds() - began) * (1 - share) / share;
                std::string const text = concat_text(name, ' ', static_cast<int>(100 * share), " %");
                return share > 0 ? text + ", " + duration_text(left) + " left" : text;
            });
            return true;
        };
    }
    void end_image() {
        bar_.clear_message();
        bar_.update(++done_);
    }
    /// The summary, if there was anything to do.
    void finish() {
        if (done_ > 0) bar_.finish();
    }

private:
    Progress bar_;
    Index done_ = 0;
};

}  // namespace tacet
