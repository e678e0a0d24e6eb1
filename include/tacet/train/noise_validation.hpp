// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/jpeg_noise.hpp>
#include <tacet/train/validation.hpp>

namespace tacet {

/// What a run is judged by: clean pictures, each with several kinds of noise, and noisy pictures of the user with their references.
struct NoiseValidationOptions {
    std::vector<std::filesystem::path> clean = {};  ///< folders, or the word dead-leaves
    std::vector<std::filesystem::path> pairs = {};  ///< none, or two folders: noisy pictures and their references, matched by name
    std::vector<std::string> noises = {};           ///< for the clean pictures, of noise_menu_with_jpeg()
    std::uint64_t seed = 0;
    Index count = 8;                                ///< pictures of either, at most
    Index side = 128;                               ///< pixels: of larger pictures the middle
};

/// Validates with several kinds of noise. Noisy pictures are as files hold them, in 8 bits; they depend on the seed, the kind and the
/// picture's number alone.
class NoiseValidation {
public:
    /// Throws Error when neither clean pictures with noises nor pairs are named, and for what cannot be read.
    explicit NoiseValidation(NoiseValidationOptions const& o) {
        check(!o.clean.empty() || !o.pairs.empty(), "name pictures for validation with --valid or --valid-pairs");
        auto const clean = detail::validation_pictures(o.clean, o.count, o.side, o.seed);
        for (auto const& text : o.noises) {
            if (clean.empty()) break;
            for (auto const& other : groups_) check(other.name != text, "validation with ", text, " twice");
            Group group{text, {}, clean};
            auto const spec = parse_noise(text, noise_menu_with_jpeg());
            for (std::size_t k = 0; k < clean.size(); ++k) {
                Stream const stream{.seed = o.seed, .purpose = Purpose::validation, .image = static_cast<std::uint32_t>(k)};
                group.noisy.push_back(add_noise_8bit(clean[k], spec, Rng(stream)));
            }
            groups_.push_back(std::move(group));
        }
        if (!o.pairs.empty()) groups_.push_back(read_pairs(o));
        check(!groups_.empty(), "name kinds of noise for the pictures of --valid with --valid-noise");
    }

    /// Denoises every picture with `denoise(noisy)`. The figures are "psnr" and "psnr_input", means over all kinds of noise, and
    /// "psnr/NOISE" and "psnr_input/NOISE" for each, where the user's pairs are called "pairs"; the quality is "psnr". The picture shows
    /// noisy | denoised | reference of each kind's first picture.
    template <class Denoise> ValidationResult run(Denoise denoise) const {
        double quality = 0, input = 0;
        Json::Object figures;
        std::vector<std::vector<Tensor<float, 3>>> rows;
        for (auto const& group : groups_) {
            double denoised = 0, noisy = 0;
            for (std::size_t k = 0; k < group.noisy.size(); ++k) {
                auto const y = denoise(group.noisy[k]);
                denoised += psnr(y, group.reference[k]), noisy += psnr(group.noisy[k], group.reference[k]);
                if (k == 0) rows.push_back({group.noisy[k], y, group.reference[k]});
            }
            auto const n = static_cast<double>(group.noisy.size());
            figures.push_back({"psnr/" + group.name, denoised / n}), figures.push_back({"psnr_input/" + group.name, noisy / n});
            quality += denoised / n, input += noisy / n;
        }
        auto const kinds = static_cast<double>(groups_.size());
        figures.insert(figures.begin(), {{"psnr", quality / kinds}, {"psnr_input", input / kinds}});
        return {.figures = std::move(figures), .quality = quality / kinds, .picture = montage(rows)};
    }

private:
    struct Group {
        std::string name;
        std::vector<Tensor<float, 3>> noisy, reference;
    };

    static Group read_pairs(NoiseValidationOptions const& o) {
        Group group{"pairs", {}, {}};
        for (auto const& [a, b] : match_folders(o.pairs[0], o.pairs[1])) {
            if (std::ssize(group.noisy) == o.count) break;
            auto const [noisy, reference] = detail::read_pair(a, b, o.side);
            group.noisy.push_back(noisy), group.reference.push_back(reference);
        }
        check(!group.noisy.empty(), o.pairs[0].string(), ": no pictures to validate with");
        return group;
    }

    std::vector<Group> groups_;
};

}  // namespace tacet
