// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/patches.hpp>
#include <tacet/io/image.hpp>
#include <algorithm>
#include <list>
#include <mutex>
#include <unordered_map>

namespace tacet {

/// Decoded images of a list of files, kept within a memory limit (least recently used go first) and decoded again when needed.
/// 8-bit images are kept as bytes. All images have 3 channels: grey ones are repeated. May be used from several threads.
class ImageCache {
public:
    explicit ImageCache(std::vector<std::filesystem::path> files, std::size_t max_bytes = std::size_t(1) << 30)
        : files_(std::move(files)), max_bytes_(max_bytes) {}

    Index size() const { return static_cast<Index>(files_.size()); }
    std::filesystem::path const& path(Index k) const { return files_[static_cast<std::size_t>(k)]; }

    /// Image k, (H, W, 3) with values in [0, 1]. Throws Error naming the file when it cannot be read.
    Tensor<float, 3> image(Index k) const {
        return crop_of(k, [](Shape<3> const& s) { return Window{0, 0, s[0], s[1]}; });
    }
    /// The part of image k that `choose(shape)` asks for.
    template <class Choose> Tensor<float, 3> crop_of(Index k, Choose choose) const {
        auto const stored = get(k);
        Window const w = choose(stored->shape);
        Tensor<float, 3> y(Shape{w.height, w.width, Index(3)});
        for (Index i = 0; i < w.height; ++i)
            for (Index j = 0; j < w.width * 3; ++j) {
                auto const at = static_cast<std::size_t>(((w.top + i) * stored->shape[1] + w.left) * 3 + j);
                y.data()[i * w.width * 3 + j] = stored->floats.empty() ? static_cast<float>(stored->bytes[at]) / 255.f : stored->floats[at];
            }
        return y;
    }
    /// The shape of image k, (H, W, 3).
    Shape<3> shape(Index k) const { return get(k)->shape; }

    /// Keeps only these images, numbered in the order given; what was decoded of them stays. Not while other threads use the cache.
    void keep(std::vector<Index> const& which) {
        std::vector<std::filesystem::path> files;
        std::unordered_map<Index, Index> renumbered;
        for (Index k : which) renumbered[k] = std::ssize(files), files.push_back(path(k));
        std::unordered_map<Index, Entry> entries;
        for (auto at = order_.begin(); at != order_.end();) {
            auto& entry = entries_.at(*at);
            if (auto const kept = renumbered.find(*at); kept != renumbered.end()) {
                *at = kept->second;
                entries[*at++] = std::move(entry);
            } else {
                memory_ -= entry.stored->memory();
                at = order_.erase(at);
            }
        }
        files_ = std::move(files), entries_ = std::move(entries);
    }

private:
    struct Stored {
        Shape<3> shape;
        std::vector<std::uint8_t> bytes;
        std::vector<float> floats;
        /// What is held, not only what is used.
        std::size_t memory() const { return bytes.capacity() + floats.capacity() * sizeof(float); }
    };
    struct Entry {
        std::shared_ptr<Stored const> stored;
        std::list<Index>::iterator order;
    };

    std::shared_ptr<Stored const> get(Index k) const {
        {
            std::lock_guard const lock(mutex_);
            if (auto const it = entries_.find(k); it != entries_.end()) {
                order_.splice(order_.begin(), order_, it->second.order);
                return it->second.stored;
            }
        }
        auto const stored = read(k);
        std::lock_guard const lock(mutex_);
        if (entries_.contains(k)) return stored;  // another thread was quicker
        order_.push_front(k);
        entries_[k] = {stored, order_.begin()};
        memory_ += stored->memory();
        while (memory_ > max_bytes_ && order_.size() > 1) {
            auto const last = entries_.find(order_.back());
            memory_ -= last->second.stored->memory();
            entries_.erase(last);
            order_.pop_back();
        }
        return stored;
    }
    std::shared_ptr<Stored const> read(Index k) const {
        Image const image = read_image(path(k));
        auto const rgb = to_rgb(image.pixels);
        auto stored = std::make_shared<Stored>();
        stored->shape = rgb.shape();
        if (image.bit_depth == 8) {
            stored->bytes.resize(static_cast<std::size_t>(rgb.size()));
            std::transform(rgb.data(), rgb.data() + rgb.size(), stored->bytes.begin(),
                           [](float x) { return static_cast<std::uint8_t>(std::nearbyint(x * 255.f)); });
        } else stored->floats.assign(rgb.data(), rgb.data() + rgb.size());
        return stored;
    }

    std::vector<std::filesystem::path> files_;
    std::size_t max_bytes_;
    mutable std::mutex mutex_;
    mutable std::list<Index> order_;  // most recently used first
    mutable std::unordered_map<Index, Entry> entries_;
    mutable std::size_t memory_ = 0;
};

}  // namespace tacet
