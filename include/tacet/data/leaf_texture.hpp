// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

// Colours and textures of dead-leaves images. The constants were chosen so that gradients, local contrast, spectra and colours follow
// those of photographs; docs and tests/data/dead_leaves.cpp say how closely.
namespace tacet::detail {

using Rgb = std::array<float, 3>;

/// A colour as level and two chroma components along the principal axes of photographs: orange against blue, green against magenta.
struct Opponent {
    float level = 0, warm = 0, green = 0;

    /// Chroma fades towards black and white, where photographs have none.
    Rgb rgb() const {
        float const l = std::clamp(level, 0.f, 1.f), room = std::min(1.f, 5 * std::min(l + 0.03f, 1.03f - l));
        float const w = warm * room, g = green * room;
        return {l + 0.68f * w - 0.42f * g, l - 0.01f * w + 0.81f * g, l - 0.73f * w - 0.41f * g};
    }
};

inline float log_uniform(Rng& rng, float low, float high) { return low * std::exp(rng.uniform() * std::log(high / low)); }

/// A random value in [-1, 1) for each point of the integer lattice.
inline float lattice_value(std::int32_t x, std::int32_t y, std::uint32_t seed) {
    std::uint32_t h = static_cast<std::uint32_t>(x) * 0x8da6b343u ^ static_cast<std::uint32_t>(y) * 0xd8163841u ^ seed;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return static_cast<float>(static_cast<std::int32_t>(h ^ h >> 15)) * 0x1p-31f;
}

/// Smooth noise of wavelength about 2: lattice values, interpolated.
inline float value_noise(float x, float y, std::uint32_t seed) {
    float const fx = std::floor(x), fy = std::floor(y);
    auto const ix = static_cast<std::int32_t>(fx), iy = static_cast<std::int32_t>(fy);
    float const u = x - fx, v = y - fy, su = u * u * (3 - 2 * u), sv = v * v * (3 - 2 * v);
    float const a = lattice_value(ix, iy, seed), b = lattice_value(ix + 1, iy, seed);
    float const c = lattice_value(ix, iy + 1, seed), d = lattice_value(ix + 1, iy + 1, seed);
    float const top = a + su * (b - a), bottom = c + su * (d - c);
    return top + sv * (bottom - top);
}

/// The colours of one image: a few of similar tint, as light and surroundings give them. Neighbouring leaves tend to be alike.
struct Palette {
    static constexpr int most = 8;
    std::array<Opponent, most> colour;
    Index count;
    float spread, saturation, texture, region;  ///< texture: contrast inside leaves; region: pixels over which colours are alike
    std::uint32_t seed;

    explicit Palette(Rng& rng) {
        float const middle = rng.uniform(0.22f, 0.62f);
        spread = log_uniform(rng, 0.06f, 0.32f);
        saturation = std::exp(0.55f * rng.normal());
        float const warm = 0.085f * saturation * rng.normal(), green = 0.03f * saturation * rng.normal();
        count = 2 + rng.below(most - 1);
        texture = log_uniform(rng, 0.2f, 2);
        seed = rng.next_u32();
        region = log_uniform(rng, 30, 300);
        for (auto& c : colour) {
            c.level = middle + spread * rng.normal();
            c.warm = warm + 0.065f * saturation * rng.normal();
            c.green = green + 0.03f * saturation * rng.normal();
        }
    }
    /// A leaf's colour: near one of the palette's.
    Opponent draw(float x, float y, Rng& rng) const {
        auto const at = [&](std::uint32_t k) { return value_noise(x / region, y / region, seed + k); };
        float const wander = static_cast<float>(count) * (0.5f + 0.5f * at(0) + 0.25f * rng.normal());
        auto const entry = (static_cast<Index>(std::floor(wander)) % count + count) % count;
        Opponent c = colour[static_cast<std::size_t>(entry)];
        c.level += spread * (0.9f * at(1) + 0.4f * rng.normal());
        while (c.level < 0 || c.level > 1) c.level = c.level < 0 ? -c.level : 2 - c.level;
        c.warm += 0.025f * saturation * rng.normal();
        c.green += 0.015f * saturation * rng.normal();
        return c;
    }
};

/// Cells about jittered lattice points, each with a value in [-1, 1) that falls off towards its edge: pebbles, foliage, scales.
inline float cell_noise(float x, float y, std::uint32_t seed) {
    float const fx = std::floor(x), fy = std::floor(y);
    float nearest = 9, value = 0;
    for (int j = -1; j <= 1; ++j)
        for (int i = -1; i <= 1; ++i) {
            auto const ix = static_cast<std::int32_t>(fx) + i, iy = static_cast<std::int32_t>(fy) + j;
            float const random = lattice_value(ix, iy, seed), dx = fx + static_cast<float>(i) + 0.5f + 0.45f * random - x;
            float const dy = fy + static_cast<float>(j) + 0.5f + 0.45f * lattice_value(ix, iy, seed + 77) - y, d = dx * dx + dy * dy;
            if (d < nearest) nearest = d, value = lattice_value(ix, iy, seed + 154);
        }
    return value + 0.4f - 0.8f * nearest;
}

/// The appearance of one leaf of radius r about a centre: a colour, a pattern between it and another, and shading.
class LeafTexture {
public:
    LeafTexture(Palette const& palette, float cx, float cy, float r, Rng& rng) : cx_(cx), cy_(cy) {
        Opponent const base = palette.draw(cx, cy, rng);
        base_ = base.rgb();
        float const turn = 6.2831853f * rng.uniform();
        cos_ = std::cos(turn), sin_ = std::sin(turn);
        seed_ = rng.next_u32();
        choose_pattern(base, palette, r, rng);
        choose_shading(r, rng);
    }

    /// The colour at a pixel.
    Rgb at(float x, float y) const {
        float const dx = x - cx_, dy = y - cy_;
        float const p = pattern_ == Pattern::none ? 0.f : pattern(dx, dy);
        float const shade = 1 + shade_x_ * dx + shade_y_ * dy + bulge_ * (dx * dx + dy * dy);
        float const light = std::clamp(shade, 0.3f, 1.7f);
        return {(base_[0] + p * other_[0]) * light, (base_[1] + p * other_[1]) * light, (base_[2] + p * other_[2]) * light};
    }

private:
    enum class Pattern { none, waves, noise, cells };

    void choose_pattern(Opponent base, Palette const& palette, float r, Rng& rng) {
        float const kind = rng.uniform();
        pattern_ = kind < 0.12f ? Pattern::none : kind < 0.22f ? Pattern::waves : kind < 0.75f ? Pattern::noise : Pattern::cells;
        float const contrast = palette.texture * log_uniform(rng, 0.045f, 0.4f) * (0.3f + 1.4f * std::min(base.level, 1 - base.level));
        Rgb const from = base.rgb();
        base.level += rng.below(2) == 0 ? contrast : -contrast;
        base.warm += 0.25f * contrast * palette.saturation * rng.normal();
        base.green += 0.12f * contrast * palette.saturation * rng.normal();
        Rgb const to = base.rgb();
        for (std::size_t c = 0; c < 3; ++c) other_[c] = to[c] - from[c];
        float const wavelength = log_uniform(rng, 2.5f, std::clamp(2 * r, 6.f, 80.f));
        frequency_ = (pattern_ == Pattern::waves ? 6.2831853f : 2.f) / wavelength;
        stretch_ = rng.uniform() < 0.6f ? 1 : log_uniform(rng, 1, 8);
        persistence_ = rng.uniform(0.55f, 1.1f);
        sharpness_ = rng.uniform() < 0.7f ? 1 : log_uniform(rng, 1, 5);
        octaves_ = std::clamp(1 + static_cast<int>(std::log2(wavelength / 2)), 1, 6);
        phase_ = 6.2831853f * rng.uniform();
        warp_ = rng.uniform() < 0.5f ? 0 : log_uniform(rng, 0.3f, 4);
    }
    void choose_shading(float r, Rng& rng) {
        float const reach = std::clamp(r, 20.f, 300.f);
        shade_x_ = 0.25f * rng.normal() / reach;
        shade_y_ = 0.25f * rng.normal() / reach;
        bulge_ = rng.uniform() < 0.6f ? 0 : -rng.uniform(0, 0.5f) / (reach * reach);
    }
    /// The pattern at an offset from the centre, roughly within [-1, 1].
    float pattern(float dx, float dy) const {
        float const u = (cos_ * dx + sin_ * dy) * frequency_, v = (cos_ * dy - sin_ * dx) * frequency_ / stretch_;
        float p = 0;
        if (pattern_ == Pattern::waves) p = std::sin(u + phase_ + (warp_ > 0 ? warp_ * value_noise(0.15f * u, 0.15f * v, seed_) : 0.f));
        else if (pattern_ == Pattern::cells) p = 1.2f * cell_noise(u, v, seed_) + 0.6f * fractal(2 * u, 2 * v);
        else p = 1.6f * fractal(u, v);
        float const s = p * sharpness_;
        return s / std::sqrt(1 + s * s) * 1.2f;
    }
    float fractal(float u, float v) const {
        float sum = 0, weight = 0, amplitude = 1, scale = 1;
        for (int o = 0; o < octaves_; ++o) {
            sum += amplitude * value_noise(u * scale, v * scale, seed_ + static_cast<std::uint32_t>(o));
            weight += amplitude * amplitude;
            amplitude *= persistence_;
            scale *= 2;
        }
        return sum / std::sqrt(weight);
    }

    float cx_, cy_, cos_, sin_;
    Rgb base_, other_;
    Pattern pattern_;
    float frequency_, stretch_, persistence_, sharpness_, phase_, warp_;
    int octaves_;
    std::uint32_t seed_;
    float shade_x_, shade_y_, bulge_;
};

}  // namespace tacet::detail
