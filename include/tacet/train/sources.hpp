// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/augment.hpp>
#include <tacet/data/dead_leaves.hpp>
#include <tacet/data/image_cache.hpp>
#include <tacet/data/mask.hpp>
#include <tacet/data/noise.hpp>
#include <tacet/data/patches.hpp>
#include <tacet/train/batch.hpp>
#include <cstring>
#include <optional>

namespace tacet {

/// How patches are cut and corrupted. Every patch is a function of (seed, number of the patch) alone.
struct PatchOptions {
    Index batch = 4, crop = 64;
    std::uint64_t seed = 0;
    NoiseSpec noise{"gaussian", 0, 50};
    bool clean_targets = false;  // the ordinary way, for comparison
    double grey = 0;             // share of patches that are grey: three equal channels, with equal noise
    bool augment = false;        // flipped and turned in one of eight ways, before the noise
    bool clip = false;           // inputs are clipped to [0, 1], as those read from files are
    std::optional<PercentRange> input_mask = {};  // share of hidden pixels of inputs, after the noise (see mask_input)
};

namespace detail {

/// Copies a patch (h, w, C) to position n of a batch.
inline void place(Tensor<float, 4> const& batch, Index n, Tensor<float, 3> const& patch) {
    std::memcpy(batch.data() + n * patch.size(), patch.data(), static_cast<std::size_t>(patch.size()) * sizeof(float));
}

/// A batch whose patch n is the pair that `make(number of the patch)` returns, with a name.
template <class Make> Batch assemble(Index step, Index batch, Index crop, Make make) {
    Shape const shape{batch, crop, crop, Index(3)};
    Batch result{Tensor<float, 4>(shape), Tensor<float, 4>(shape), {}};
    for (Index n = 0; n < batch; ++n) {
        auto [input, target, name] = make(step * batch + n);
        place(result.input, n, input);
        place(result.target, n, target);
        result.names.push_back(std::move(name));
    }
    return result;
}

/// A patch's streams are named by its number: 32 bits as the image, the rest as the epoch.
inline Stream patch_stream(std::uint64_t seed, Purpose purpose, Index number) {
    auto const n = static_cast<std::uint64_t>(number);
    return Stream{.seed = seed, .purpose = purpose, .image = static_cast<std::uint32_t>(n), .epoch = static_cast<std::uint32_t>(n >> 32)};
}

/// How a patch is flipped and turned: one draw of rng where patches are.
inline Symmetry symmetry_of(PatchOptions const& o, Rng& rng) { return o.augment ? Symmetry::random(rng) : Symmetry{}; }
inline Tensor<float, 3> turned(Tensor<float, 3> const& x, Symmetry const& s) { return s == Symmetry{} ? x : transform(x, s); }

/// What the network gets to see of a noisy patch.
inline Tensor<float, 3> seen(Tensor<float, 3> const& noisy, PatchOptions const& o, Index number) {
    Tensor<float, 3> const input = o.clip ? Tensor<float, 3>(clamp(noisy, 0.f, 1.f)) : noisy;
    return o.input_mask ? mask_input(input, *o.input_mask, Rng(patch_stream(o.seed, Purpose::mask, number))) : input;
}

/// Input and target for a clean patch: two independent corruptions, or one and the patch itself.
inline std::pair<Tensor<float, 3>, Tensor<float, 3>> corrupt(Tensor<float, 3> const& patch, PatchOptions o, Index number) {
    Rng augment(patch_stream(o.seed, Purpose::augment, number));
    auto const clean = turned(patch, symmetry_of(o, augment));
    o.augment = false;
    if (o.grey > 0 && Rng(patch_stream(o.seed, Purpose::general, number)).uniform() < o.grey) {
        o.grey = 0;
        auto const [input, target] = corrupt(to_grey(clean), o, number);
        return {to_rgb(input), to_rgb(target)};
    }
    auto input = seen(add_noise(clean, o.noise, Rng(patch_stream(o.seed, Purpose::noise, number))), o, number);
    if (o.clean_targets) return {input, clean};
    return {input, add_noise(clean, o.noise, Rng(patch_stream(o.seed, Purpose::target_noise, number)))};
}

/// Where patch `number` is cut from a picture: uniform over all positions.
inline Window crop_window(Shape<3> const& picture, PatchOptions const& o, Index number) {
    Rng rng(patch_stream(o.seed, Purpose::crop, number));
    return random_window(picture, o.crop, o.crop, rng);
}
}  // namespace detail

/// Patches of dead-leaves images made on the fly: training data without a single file.
class DeadLeavesSource final : public BatchSource {
public:
    explicit DeadLeavesSource(PatchOptions const& options) : options_(options) {}
    Batch batch(Index step) const override {
        return detail::assemble(step, options_.batch, options_.crop, [&](Index number) {
            Rng rng(detail::patch_stream(options_.seed, Purpose::dead_leaves, number));
            auto [input, target] = detail::corrupt(dead_leaves(options_.crop, options_.crop, rng), options_, number);
            return std::tuple{input, target, "dead leaves " + std::to_string(number)};
        });
    }

private:
    PatchOptions options_;
};

/// Patches of clean images, corrupted on the fly. All images must be at least `crop` high and wide.
class FolderSource final : public BatchSource {
public:
    FolderSource(ImageCache const& images, PatchOptions const& options) : images_(images), options_(options) {}
    Batch batch(Index step) const override {
        return detail::assemble(step, options_.batch, options_.crop, [&](Index number) {
            Index const n = images_.size(), k = shuffled(number % n, n, options_.seed, static_cast<std::uint32_t>(number / n));
            auto const clean = images_.crop_of(k, [&](Shape<3> const& s) { return detail::crop_window(s, options_, number); });
            auto [input, target] = detail::corrupt(clean, options_, number);
            return std::tuple{input, target, images_.path(k).string()};
        });
    }

private:
    ImageCache const& images_;
    PatchOptions options_;
};

/// Patches of the user's own pairs of noisy pictures of the same scene: image k of one list with image k of the other. Which of
/// the two is the input changes at random: both are as good.
class PairSource final : public BatchSource {
public:
    PairSource(ImageCache const& a, ImageCache const& b, PatchOptions const& options) : a_(a), b_(b), options_(options) {}
    Batch batch(Index step) const override {
        return detail::assemble(step, options_.batch, options_.crop, [&](Index number) {
            Index const n = a_.size(), k = shuffled(number % n, n, options_.seed, static_cast<std::uint32_t>(number / n));
            auto const at = [&](Shape<3> const& s) { return detail::crop_window(s, options_, number); };
            auto first = a_.crop_of(k, at), second = b_.crop_of(k, at);
            Rng rng(detail::patch_stream(options_.seed, Purpose::augment, number));
            if (rng.below(2) == 1) std::swap(first, second);
            auto const symmetry = detail::symmetry_of(options_, rng);
            return std::tuple{detail::seen(detail::turned(first, symmetry), options_, number), detail::turned(second, symmetry),
                              a_.path(k).string()};
        });
    }

private:
    ImageCache const &a_, &b_;
    PatchOptions options_;
};

}  // namespace tacet
