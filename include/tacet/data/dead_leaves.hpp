// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/leaf_texture.hpp>
#include <tacet/tensor/tensor.hpp>
#include <vector>

namespace tacet {

/// What dead-leaves images are made of; radii in pixels. Each image draws its own smallest and largest radius from these ranges.
struct DeadLeavesOptions {
    Index channels = 3;  ///< 1 grey, 3 RGB
    float smallest_low = 1.5f, smallest_high = 40;  ///< the smaller it is, the busier is an image
    float largest_low = 60, largest_high = 600;
};

namespace detail {

/// The outline of a leaf: a disk, an ellipse, a rectangle or a polygon within radius r, perhaps bent, with a soft edge.
class LeafShape {
public:
    LeafShape(float cx, float cy, float r, Rng& rng) : cx_(cx), cy_(cy), r_(r) {
        float const kind = rng.uniform(), turn = 6.2831853f * rng.uniform();
        kind_ = kind < 0.35f ? Kind::disk : kind < 0.6f ? Kind::ellipse : kind < 0.8f ? Kind::box : Kind::polygon;
        cos_ = std::cos(turn), sin_ = std::sin(turn);
        float const aspect = log_uniform(rng, 0.05f, 1);
        a_ = kind_ == Kind::box ? r / std::sqrt(1 + aspect * aspect) : r;
        b_ = a_ * aspect;
        sides_ = 3 + static_cast<int>(rng.below(3));
        for (int i = 0; i < sides_; ++i) {
            float const angle = 6.2831853f * (static_cast<float>(i) + 0.6f * rng.uniform()) / static_cast<float>(sides_);
            side_[static_cast<std::size_t>(i)] = {std::cos(angle), std::sin(angle), r * rng.uniform(0.35f, 0.85f)};
        }
        soft_ = rng.uniform() < 0.8f ? rng.uniform(0.5f, 0.8f) : std::min(10.f, std::max(0.6f, r * log_uniform(rng, 0.01f, 0.25f)));
        bend_ = rng.uniform() < 0.5f ? 0 : r * rng.uniform(0.02f, 0.15f);
        rate_ = rng.uniform(1.5f, 6) / r;
        phase_ = 6.2831853f * rng.uniform();
    }

    /// How much of a pixel the leaf covers, from 0 to 1.
    float coverage(float x, float y) const {
        float const edge = 0.5f - distance(x - cx_, y - cy_) / (2 * soft_);
        float const t = std::clamp(edge, 0.f, 1.f);
        return t * t * (3 - 2 * t);
    }
    /// No pixel further from the centre than this is covered.
    float reach() const { return r_ + soft_ + 2 * bend_ + 1; }

private:
    enum class Kind { disk, ellipse, box, polygon };

    /// The distance from the outline in pixels, about; negative inside.
    float distance(float dx, float dy) const {
        float u = cos_ * dx + sin_ * dy, v = cos_ * dy - sin_ * dx;
        if (bend_ > 0) {
            float const straight = u;
            u += bend_ * std::sin(rate_ * v + phase_);
            v += bend_ * std::sin(rate_ * straight - phase_);
        }
        if (kind_ == Kind::box) return std::max(std::abs(u) - a_, std::abs(v) - b_);
        float const q = std::sqrt(u * u + v * v);
        if (kind_ == Kind::disk) return q - r_;
        if (kind_ == Kind::polygon) {
            float d = q - r_;
            for (int i = 0; i < sides_; ++i) {
                auto const& s = side_[static_cast<std::size_t>(i)];
                d = std::max(d, s[0] * u + s[1] * v - s[2]);
            }
            return d;
        }
        // An ellipse: how far the level e exceeds 1, over the length of e's gradient.
        float const s = u / a_, t = v / b_, e = std::sqrt(s * s + t * t), slope = std::hypot(s / a_, t / b_);
        return slope > 0 ? (e - 1) * e / slope : -b_;
    }

    float cx_, cy_, r_, cos_, sin_, a_, b_, soft_, bend_, rate_, phase_;
    Kind kind_;
    int sides_;
    std::array<std::array<float, 3>, 5> side_;
};

/// An image under construction: leaves are laid behind those that are there, so that a pixel is done once nothing shines through.
class LeafCanvas {
public:
    LeafCanvas(Index height, Index width)
        : image(Shape{height, width, 3}), height_(height), width_(width), through_(static_cast<std::size_t>(height * width), 1.f),
          open_in_row_(static_cast<std::size_t>(height), width), open_(height * width) {
        std::fill_n(image.data(), image.size(), 0.f);
    }
    Index open() const { return open_; }

    /// Whether any pixel of a square about (cx, cy) is still open.
    bool visible(float cx, float cy, float reach) const {
        auto const [top, bottom, left, right] = bounds(cx, cy, reach);
        for (Index y = top; y < bottom; ++y) {
            if (open_in_row_[static_cast<std::size_t>(y)] == 0) continue;
            float const* const row = through_.data() + y * width_;
            for (Index x = left; x < right; ++x)
                if (row[x] > 0) return true;
        }
        return false;
    }
    void paint(LeafShape const& shape, LeafTexture const& texture, float cx, float cy) {
        float const reach = shape.reach();
        auto const [top, bottom, left, right] = bounds(cx, cy, reach);
        for (Index y = top; y < bottom; ++y) {
            if (open_in_row_[static_cast<std::size_t>(y)] == 0) continue;
            float const dy = static_cast<float>(y) - cy, half = std::sqrt(std::max(0.f, reach * reach - dy * dy)) + 1;
            auto const begin = std::max(left, static_cast<Index>(cx - half)), end = std::min(right, static_cast<Index>(cx + half) + 1);
            for (Index x = begin; x < end; ++x)
                if (through_[static_cast<std::size_t>(y * width_ + x)] > 0)
                    blend(y, x, shape.coverage(static_cast<float>(x), static_cast<float>(y)), texture);
        }
    }
    /// Fills what is still open.
    void paint_backdrop(LeafTexture const& texture) {
        for (Index y = 0; y < height_; ++y)
            for (Index x = 0; x < width_; ++x)
                if (through_[static_cast<std::size_t>(y * width_ + x)] > 0) blend(y, x, 1, texture);
    }

    Tensor<float, 3> image;  ///< (H, W, 3), sums of visible colours

private:
    std::array<Index, 4> bounds(float cx, float cy, float reach) const {
        auto const clip = [](float v, Index n) { return static_cast<Index>(std::clamp(v, 0.f, static_cast<float>(n))); };
        return {clip(cy - reach, height_), clip(cy + reach + 1, height_), clip(cx - reach, width_), clip(cx + reach + 1, width_)};
    }
    void blend(Index y, Index x, float coverage, LeafTexture const& texture) {
        if (coverage <= 0) return;
        float& through = through_[static_cast<std::size_t>(y * width_ + x)];
        float left = through * (1 - coverage);
        if (left < 1.f / 256) left = 0;
        Rgb const colour = texture.at(static_cast<float>(x), static_cast<float>(y));
        float* const pixel = image.data() + (y * width_ + x) * 3;
        for (std::size_t c = 0; c < 3; ++c) pixel[c] += (through - left) * colour[c];
        through = left;
        if (left == 0) --open_in_row_[static_cast<std::size_t>(y)], --open_;
    }

    Index height_, width_;
    std::vector<float> through_;      // how much of what lies behind is seen
    std::vector<Index> open_in_row_;  // pixels through which anything is seen
    Index open_;
};

/// Radius and centre of the next leaf that touches an image of h x w pixels, when leaves with a density of radii ~ r^-3 lie on the
/// whole plane: the centres fill (h + 2r)(w + 2r), so the density is h w r^-3 + 2 (h + w) r^-2 + 4 r^-1.
struct LeafPlacement {
    float height, width, low, high;

    struct Place {
        float y, x, r;
    };
    Place draw(Rng& rng) const {
        float const cubic = height * width * (1 / (low * low) - 1 / (high * high)) / 2;
        float const square = 2 * (height + width) * (1 / low - 1 / high), line = 4 * std::log(high / low);
        float const pick = rng.uniform() * (cubic + square + line), u = rng.uniform();
        float r = log_uniform_at(u);
        if (pick < cubic) r = low / std::sqrt(1 - u * (1 - low * low / (high * high)));
        else if (pick < cubic + square) r = low / (1 - u * (1 - low / high));
        return Place{rng.uniform(-r, height + r), rng.uniform(-r, width + r), r};
    }

private:
    float log_uniform_at(float u) const { return low * std::exp(u * std::log(high / low)); }
};

/// The image as a lens gives it: along each axis a pixel keeps 1 - 2 leak of itself and its neighbours get `leak`; then clamped to [0, 1].
inline Tensor<float, 3> develop(Tensor<float, 3> const& x, float leak) {
    auto const& s = x.shape();
    Tensor<float, 3> across(s), y(s);
    auto const mix = [&](float const* before, float const* at, float const* after, float* to, Index n) {
        for (Index i = 0; i < n; ++i) to[i] = at[i] + leak * (before[i] - 2 * at[i] + after[i]);
    };
    Index const c = s[2], row = s[1] * c;
    for (Index i = 0; i < s[0]; ++i) {
        float const* const from = x.data() + i * row;
        float* const to = across.data() + i * row;
        std::copy_n(from, row, to);
        if (s[1] > 2) mix(from, from + c, from + 2 * c, to + c, row - 2 * c);
    }
    for (Index i = 0; i < s[0]; ++i) {
        auto const line = [&](Index k) { return across.data() + std::clamp<Index>(k, 0, s[0] - 1) * row; };
        mix(line(i - 1), line(i), line(i + 1), y.data() + i * row, row);
    }
    for (Index i = 0; i < y.size(); ++i) y.data()[i] = std::clamp(y.data()[i], 0.f, 1.f);
    return y;
}

/// (H, W, 3) -> (H, W, 1), weighted as the eye does (ITU-R BT.601).
inline Tensor<float, 3> grey_of(Tensor<float, 3> const& x) {
    Tensor<float, 3> y(Shape{x.shape()[0], x.shape()[1], 1});
    for (Index i = 0; i < y.size(); ++i) {
        float const* const p = x.data() + 3 * i;
        y.data()[i] = std::min(1.f, 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2]);
    }
    return y;
}

}  // namespace detail

/// A picture (H, W, C) in [0, 1] of leaves that hide each other: disks, ellipses, rectangles and polygons, each with a colour, a texture
/// and shading of its own, radii with a density ~ r^-3, seen through a slightly soft lens. Made for training denoisers without photographs:
/// gradients, spectrum and colours follow theirs, and a small picture is like a part of a large one. The same for the same generator and
/// program; another compiler or instruction set may change last bits. Throws Error for options out of range.
/// Source of the idea: Lee, Mumford and Huang, Occlusion models for natural images, 2001.
inline Tensor<float, 3> dead_leaves(Index height, Index width, Rng& rng, DeadLeavesOptions const& options = {}) {
    using namespace detail;
    check(height >= 1 && width >= 1, "dead_leaves: an image of ", height, " x ", width, " pixels");
    check(options.channels == 1 || options.channels == 3, "dead_leaves: ", options.channels, " channels, where 1 or 3 can be made");
    auto const ordered = [](float low, float high) { return low >= 0.5f && low <= high && high <= 1e5f; };
    bool const sensible = ordered(options.smallest_low, options.smallest_high) && ordered(options.largest_low, options.largest_high);
    check(sensible && options.smallest_high < options.largest_low, "dead_leaves: radii must be in order, between 0.5 and 1e5 pixels");

    Palette const palette(rng);
    float const low = log_uniform(rng, options.smallest_low, options.smallest_high);
    float const high = log_uniform(rng, options.largest_low, options.largest_high);
    LeafPlacement const place{static_cast<float>(height), static_cast<float>(width), low, high};
    LeafCanvas canvas(height, width);
    Index const nearly_none = height * width / 500;
    for (Index tries = 0; canvas.open() > nearly_none && tries < 1000 + 20 * height * width; ++tries) {
        auto const [y, x, r] = place.draw(rng);
        if (!canvas.visible(x, y, r + 1)) continue;
        LeafShape const shape(x, y, r, rng);
        canvas.paint(shape, LeafTexture(palette, x, y, r, rng), x, y);
    }
    canvas.paint_backdrop(LeafTexture(palette, static_cast<float>(width) / 2, static_cast<float>(height) / 2, high, rng));
    auto const colour = develop(canvas.image, rng.uniform(0, 0.05f));
    return options.channels == 3 ? colour : grey_of(colour);
}
/// For a generator made on the spot: dead_leaves(128, 128, Rng(seed, Purpose::dead_leaves, image_number)).
inline Tensor<float, 3> dead_leaves(Index height, Index width, Rng&& rng, DeadLeavesOptions const& options = {}) {
    return dead_leaves(height, width, rng, options);
}

}  // namespace tacet
