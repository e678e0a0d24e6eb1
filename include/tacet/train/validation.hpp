// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/folder.hpp>
#include <tacet/denoise/denoise.hpp>
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

/// The first pictures of the folders, at most `count`, of each the middle; or as many that are generated.
inline std::vector<Tensor<float, 3>> validation_pictures(std::vector<std::filesystem::path> const& folders, Index count, Index side,
                                                         std::uint64_t seed) {
    std::vector<Tensor<float, 3>> pictures;
    if (means_dead_leaves(folders)) {
        for (Index k = 0; k < count; ++k) {
            Stream const stream{.seed = seed ^ 0x5eed, .purpose = Purpose::validation, .image = static_cast<std::uint32_t>(k)};
            pictures.push_back(dead_leaves(side, side, Rng(stream)));
        }
        return pictures;
    }
    for (auto const& file : list_all(folders)) {
        if (std::ssize(pictures) == count) break;
        pictures.push_back(middle_crop(to_rgb(read_image(file).pixels), side));
    }
    return pictures;
}

/// The middles of two pictures of the same scene. Throws ShapeError when they differ in size.
inline std::pair<Tensor<float, 3>, Tensor<float, 3>> read_pair(std::filesystem::path const& a, std::filesystem::path const& b, Index side) {
    auto const x = to_rgb(read_image(a).pixels), y = to_rgb(read_image(b).pixels);
    check_shape(x.shape() == y.shape(), a.string(), " and ", b.string(), " differ in size: ", x.shape(), " and ", y.shape());
    return {middle_crop(x, side), middle_crop(y, side)};
}

using Caches = std::vector<std::unique_ptr<ImageCache>>;

/// A source that owns the caches it reads from, numbered K.
template <class Source, std::size_t... K> class OwningSource final : public BatchSource {
public:
    OwningSource(PatchOptions const& o, Caches caches) : caches_(std::move(caches)), source_(*caches_[K]..., o) {}
    Batch batch(Index step) const override { return source_.batch(step); }

private:
    Caches caches_;
    Source source_;
};

/// Drops the pictures that are smaller than a patch, saying how many, from all caches, whose pictures of a number belong together. Throws
/// Error when none is left, ShapeError for pictures that belong together and differ in size. Decodes each picture once, into the caches.
inline void drop_small(Caches const& caches, Index crop) {
    Index const before = caches[0]->size();
    std::vector<Index> large;
    for (Index k = 0; k < before; ++k) {
        auto const shape = caches[0]->shape(k);
        for (auto const& other : caches)
            check_shape(other->shape(k) == shape, caches[0]->path(k).string(), " and ", other->path(k).string(),
                        " differ in size: ", shape, " and ", other->shape(k));
        if (shape[0] >= crop && shape[1] >= crop) large.push_back(k);
    }
    if (Index const dropped = before - std::ssize(large); dropped > 0)
        std::fprintf(stderr, "%td of %td pictures are smaller than %td x %td and are skipped\n", dropped, before, crop, crop);
    check(!large.empty(), "all ", before, " training pictures are smaller than a patch of ", crop, " x ", crop,
          " pixels; use a smaller --crop");
    for (auto const& cache : caches) cache->keep(large);
}
}  // namespace detail

/// Throws Error unless either clean pictures or pairs of noisy ones were named to train on.
inline void check_training_named(std::vector<std::filesystem::path> const& train, std::vector<std::filesystem::path> const& pairs) {
    check(train.empty() != pairs.empty(), "name the training data with either --train or --pairs");
}
/// The same for validation.
inline void check_validation_named(std::vector<std::filesystem::path> const& clean, std::vector<std::filesystem::path> const& pairs) {
    check(clean.empty() != pairs.empty(), "name pictures for validation with either --valid or --valid-pairs");
}

/// The training data that a command line names: folders of clean pictures, generated ones, or two folders of noisy pairs.
inline std::unique_ptr<BatchSource> make_source(std::vector<std::filesystem::path> const& train,
                                                std::vector<std::filesystem::path> const& pairs, PatchOptions const& patches,
                                                std::size_t cache_bytes) {
    check_training_named(train, pairs);
    if (detail::means_dead_leaves(train)) return std::make_unique<DeadLeavesSource>(patches);
    detail::Caches caches;
    if (!train.empty()) {
        caches.push_back(std::make_unique<ImageCache>(detail::list_all(train), cache_bytes));
        detail::drop_small(caches, patches.crop);
        return std::make_unique<detail::OwningSource<FolderSource, 0>>(patches, std::move(caches));
    }
    check(!patches.clean_targets, "--clean-targets needs --train: pairs of noisy pictures have no clean target");
    std::vector<std::filesystem::path> first, second;
    for (auto const& pair : match_folders(pairs[0], pairs[1])) first.push_back(pair.first), second.push_back(pair.second);
    for (auto const& files : {first, second}) caches.push_back(std::make_unique<ImageCache>(files, cache_bytes / 2));
    detail::drop_small(caches, patches.crop);
    return std::make_unique<detail::OwningSource<PairSource, 0, 1>>(patches, std::move(caches));
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
        check_validation_named(clean, pairs);
        for (auto const& picture : detail::validation_pictures(clean, count, side, seed)) add(picture, noise, seed);
        if (!pairs.empty())
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
        auto const [noisy, other] = detail::read_pair(a, b, side);
        noisy_.push_back(noisy), other_.push_back(other);
    }

    std::vector<Tensor<float, 3>> noisy_, other_, clean_;
};

/// The run's last montage, with its caption, for the report; empty when there is none yet.
inline std::vector<std::pair<std::string, std::vector<std::uint8_t>>> latest_montage(RunFolder const& run) {
    for (auto record = run.records().rbegin(); record != run.records().rend(); ++record)
        if (record->find("psnr_noisy_target") || record->find("psnr")) {
            std::string const step = std::to_string(static_cast<Index>(record->at("step").number()));
            auto const path = run.file("montage-" + step + ".png");
            if (std::filesystem::exists(path)) return {{"Step " + step + ": noisy, denoised, reference", read_file(path)}};
        }
    return {};
}

/// Trains in the folder that the options name, from where an earlier process stopped: `validation` judges by denoising, and its pictures
/// and the report stay in the folder. `description` goes into the files of weights. Returns whether the run is complete. Throws Error as
/// RunFolder and run_training do.
template <class Options, class M, class Pictures>
bool train_in_folder(Options const& o, std::string const& title, Trainer<M>& trainer, BatchSource const& source, Pictures const& validation,
                     Checkpoint const& description) {
    RunFolder run(o.output, o);
    auto const validate = [&](M& model) {
        auto const result = validation.run([&](Tensor<float, 3> const& noisy) { return denoise(model, noisy); });
        write_image(run.file("montage-" + std::to_string(trainer.step()) + ".png"), result.picture, {.overwrite = true});
        return Validation{result.figures, result.quality};
    };
    bool const complete = run_training(trainer, source, o.training, run, description, validate);
    write_run_report(run, title, latest_montage(run));
    std::fprintf(stderr, "%s: %s\n", run.path().c_str(), complete ? "complete; see report.html" : "stopped");
    return complete;
}

}  // namespace tacet
