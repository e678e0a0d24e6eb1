// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/folder.hpp>
#include <tacet/io/montage.hpp>
#include <tacet/metrics/psnr.hpp>
#include <tacet/train/loop.hpp>
#include <tacet/train/sources.hpp>

namespace tacet {

namespace detail {
/// Whether the one folder named is the word for generated pictures.
inline bool means_dead_leaves(std::vector<std::filesystem::path> const& folders) {
    bool const named = std::find(folders.begin(), folders.end(), "dead-leaves") != folders.end();
    check(!named || folders.size() == 1, "dead-leaves, the word for generated pictures, stands alone; name a folder ./dead-leaves");
    std::error_code error;
    if (named && std::filesystem::exists("dead-leaves", error))
        std::fprintf(stderr, "dead-leaves means generated pictures; write ./dead-leaves for the folder of that name\n");
    return named;
}

/// All images of several folders.
inline std::vector<std::filesystem::path> list_all(std::vector<std::filesystem::path> const& folders) {
    std::vector<std::filesystem::path> files;
    for (auto const& folder : folders)
        for (auto const& file : list_images(folder)) files.push_back(file);
    return files;
}

/// The middle of a picture, at most `side` pixels high and wide.
inline Tensor<float, 3> middle(Tensor<float, 3> const& x, Index side) {
    Index const h = std::min(side, x.shape()[0]), w = std::min(side, x.shape()[1]);
    return crop(x, Window{(x.shape()[0] - h) / 2, (x.shape()[1] - w) / 2, h, w});
}

/// A source that owns what it reads from.
template <class Source> class OwningSource final : public BatchSource {
public:
    template <class... Files> explicit OwningSource(PatchOptions const& o, std::size_t memory, Files const&... files)
        : caches_(make_caches(memory / sizeof...(files), files...)), source_(make(o, std::index_sequence_for<Files...>{})) {}
    Batch batch(Index step) const override { return source_.batch(step); }

private:
    template <class... Files> static std::vector<std::unique_ptr<ImageCache>> make_caches(std::size_t memory, Files const&... files) {
        std::vector<std::unique_ptr<ImageCache>> caches;
        (caches.push_back(std::make_unique<ImageCache>(files, memory)), ...);
        return caches;
    }
    template <std::size_t... K> Source make(PatchOptions const& o, std::index_sequence<K...>) const { return Source(*caches_[K]..., o); }
    std::vector<std::unique_ptr<ImageCache>> caches_;
    Source source_;
};

/// Drops the files whose picture is smaller than a patch, saying how many. Throws Error when none is left.
template <class Files, class PathOf> void drop_small(Files& files, Index crop, PathOf path_of) {
    std::size_t const before = files.size();
    std::erase_if(files, [&](auto const& f) {
        auto const shape = read_image(path_of(f)).pixels.shape();
        return shape[0] < crop || shape[1] < crop;
    });
    if (files.size() < before)
        std::fprintf(stderr, "%zu of %zu pictures are smaller than %td x %td and are skipped\n", before - files.size(), before, crop, crop);
    check(!files.empty(), "all ", before, " training pictures are smaller than a patch of ", crop, " x ", crop,
          " pixels; use a smaller --crop");
}
}  // namespace detail

/// The training data that a command line names: folders of clean pictures, generated ones, or two folders of noisy pairs.
inline std::unique_ptr<BatchSource> make_source(std::vector<std::filesystem::path> const& train,
                                                std::vector<std::filesystem::path> const& pairs, PatchOptions const& patches,
                                                std::size_t cache_bytes) {
    check(train.empty() != pairs.empty(), "name the training data with either --train or --pairs");
    if (detail::means_dead_leaves(train)) return std::make_unique<DeadLeavesSource>(patches);
    if (!train.empty()) {
        auto files = detail::list_all(train);
        detail::drop_small(files, patches.crop, [](auto const& f) { return f; });
        return std::make_unique<detail::OwningSource<FolderSource>>(patches, cache_bytes, files);
    }
    check(!patches.clean_targets, "--clean-targets needs --train: pairs of noisy pictures have no clean target");
    auto matched = match_folders(pairs[0], pairs[1]);
    detail::drop_small(matched, patches.crop, [](auto const& f) { return f.first; });
    std::vector<std::filesystem::path> first, second;
    for (auto const& pair : matched) {
        check_shape(read_image(pair.first).pixels.shape() == read_image(pair.second).pixels.shape(), pair.first.string(), " and ",
                    pair.second.string(), " differ in size");
        first.push_back(pair.first), second.push_back(pair.second);
    }
    return std::make_unique<detail::OwningSource<PairSource>>(patches, cache_bytes, first, second);
}

/// What a validation over a set found.
struct ValidationResult {
    Json::Object figures;
    double quality = 0;
    Image picture;  // noisy | denoised | reference, for the first pictures
};

/// Pictures that a run is judged by: clean ones with seeded noise (judged against the clean picture, and against another noisy one as
/// a run on real pairs would be), or the user's pairs.
class ValidationSet {
public:
    ValidationSet(std::vector<std::filesystem::path> const& clean, std::vector<std::filesystem::path> const& pairs, NoiseSpec const& noise,
                  std::uint64_t seed, Index count) {
        check(clean.empty() != pairs.empty(), "name pictures for validation with either --valid or --valid-pairs");
        if (detail::means_dead_leaves(clean))
            for (Index k = 0; k < count; ++k)
                add(dead_leaves(side, side,
                                Rng(Stream{.seed = seed ^ 0x5eed, .purpose = Purpose::validation, .image = static_cast<std::uint32_t>(k)})),
                    noise, seed);
        else if (!clean.empty()) {
            auto const files = detail::list_all(clean);
            for (Index k = 0; k < std::min<Index>(count, std::ssize(files)); ++k)
                add(detail::middle(to_rgb(read_image(files[static_cast<std::size_t>(k)]).pixels), side), noise, seed);
        } else
            for (auto const& [a, b] : match_folders(pairs[0], pairs[1]))
                if (std::ssize(noisy_) < count) add_pair(a, b);
    }

    Index size() const { return std::ssize(noisy_); }

    /// Denoises every picture with `denoise(noisy)`.
    template <class Denoise> ValidationResult run(Denoise denoise) const {
        double clean = 0, noisy = 0, input = 0;
        std::vector<std::vector<Tensor<float, 3>>> rows;
        for (std::size_t k = 0; k < noisy_.size(); ++k) {
            auto const y = denoise(noisy_[k]);
            noisy += psnr(y, other_[k]);
            if (!clean_.empty()) clean += psnr(y, clean_[k]), input += psnr(noisy_[k], clean_[k]);
            if (k < 3) rows.push_back({noisy_[k], y, clean_.empty() ? other_[k] : clean_[k]});
        }
        auto const n = static_cast<double>(noisy_.size());
        ValidationResult result{
            .figures = {{"psnr_noisy_target", noisy / n}}, .quality = (clean_.empty() ? noisy : clean) / n, .picture = montage(rows)};
        if (!clean_.empty()) result.figures.insert(result.figures.end(), {{"psnr", clean / n}, {"psnr_input", input / n}});
        return result;
    }

private:
    static constexpr Index side = 256;

    void add(Tensor<float, 3> const& clean, NoiseSpec const& noise, std::uint64_t seed) {
        auto const k = static_cast<std::uint32_t>(clean_.size());
        clean_.push_back(clean);
        noisy_.push_back(add_noise(clean, noise, Rng(Stream{.seed = seed, .purpose = Purpose::validation, .image = k})));
        other_.push_back(add_noise(clean, noise, Rng(Stream{.seed = seed, .purpose = Purpose::validation, .image = k, .epoch = 1})));
    }

    void add_pair(std::filesystem::path const& a, std::filesystem::path const& b) {
        auto const x = to_rgb(read_image(a).pixels), y = to_rgb(read_image(b).pixels);
        check_shape(x.shape() == y.shape(), a.string(), " and ", b.string(), " differ in size: ", x.shape(), " and ", y.shape());
        noisy_.push_back(detail::middle(x, side)), other_.push_back(detail::middle(y, side));
    }

    std::vector<Tensor<float, 3>> noisy_, other_, clean_;
};

/// The run's last montage, with its caption, for the report; empty when there is none yet.
inline std::vector<std::pair<std::string, std::vector<std::uint8_t>>> latest_montage(RunFolder const& run) {
    for (auto record = run.records().rbegin(); record != run.records().rend(); ++record)
        if (record->find("psnr_noisy_target")) {
            std::string const step = std::to_string(static_cast<Index>(record->at("step").number()));
            auto const path = run.file("montage-" + step + ".png");
            if (std::filesystem::exists(path)) return {{"Step " + step + ": noisy, denoised, reference", read_file(path)}};
        }
    return {};
}

}  // namespace tacet
