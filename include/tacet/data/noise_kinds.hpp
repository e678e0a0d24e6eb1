// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/random.hpp>
#include <tacet/core/thread_pool.hpp>
#include <tacet/metrics/blur.hpp>
#include <tacet/metrics/levels.hpp>
#include <tacet/tensor/tensor.hpp>
#include <array>
#include <bit>
#include <bitset>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

namespace tacet {

/// One kind of noise. `apply` adds noise of strength `level` to one picture x (H, W, C), writing y, with the draws of `stream` at
/// the positions from `at` on: `draws` for each element. What it draws is part of its definition.
struct NoiseKind {
    using Picture = Tensor<float, 3>;
    std::string_view name, level, meaning;  ///< for messages and --help
    double min, max;                        ///< of the level
    int draws;
    void (*apply)(Picture const& x, Picture const& y, double level, Stream const& stream, std::uint64_t at);
};

/// Kinds of noise, in the order in which messages name them.
using NoiseMenu = std::span<NoiseKind const>;

namespace detail {

/// Values per task of the loops below; part of no result.
inline constexpr Index noise_grain = 8192;

/// y[i] = f(x[i], drawn value of position at + i), drawn by fill_normal or fill_uniform.
void apply_drawn(Tensor<float, 3> const& x, Tensor<float, 3> const& y, auto fill, Stream const& stream, std::uint64_t at, auto f) {
    parallel_ranges(x.size(), noise_grain, [&](Index begin, Index end) {
        fill(stream, at + static_cast<std::uint64_t>(begin), std::span(y.data() + begin, static_cast<std::size_t>(end - begin)));
        for (Index i = begin; i < end; ++i) y.data()[i] = f(x.data()[i], y.data()[i]);
    });
}
inline constexpr auto normals = [](Stream const& stream, std::uint64_t at, std::span<float> out) { fill_normal(stream, at, out); };
inline constexpr auto uniforms = [](Stream const& stream, std::uint64_t at, std::span<float> out) { fill_uniform(stream, at, out); };

/// y[i] = f(x[i], Poisson sample of mean rate x[i] at position at + i); what has no such sample, NaN among it, passes as it is.
void apply_counted(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double rate, Stream const& stream, std::uint64_t at, auto f) {
    parallel_ranges(x.size(), noise_grain / 16, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
            auto const v = static_cast<double>(x.data()[i]), mean = fused(v, rate, 0.);
            bool const fits = mean < 1e12;
            double const count = fits ? static_cast<double>(poisson_at(stream, at + static_cast<std::uint64_t>(i), mean)) : 0;
            y.data()[i] = fits ? static_cast<float>(f(v, count)) : x.data()[i];
        }
    });
}

/// y = x + sigma / 255 n.
inline void apply_gaussian(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double sigma, Stream const& stream, std::uint64_t at) {
    float const scale = static_cast<float>(sigma) / 255;
    apply_drawn(x, y, normals, stream, at, [=](float v, float n) { return fused(scale, n, v); });
}

/// y = Poisson(chi x) / chi; negative values count as 0, NaN stays.
inline void apply_poisson(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double chi, Stream const& stream, std::uint64_t at) {
    apply_counted(x, y, chi, stream, at, [=](double, double photons) { return photons / chi; });
}

/// y = x + alpha (Poisson(V x) / V - x) for x rounded to 8 bits, where V is the number of levels that occur in the picture, all channels
/// together, rounded up to a power of two. Source: scikit-image's random_noise, which masked image training scales by alpha.
inline void apply_scaled_poisson(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double alpha, Stream const& stream,
                                 std::uint64_t at) {
    auto const rounded = quantise_8bit(x);
    std::bitset<256> seen;
    for (Index i = 0; i < x.size(); ++i) seen.set(static_cast<std::size_t>(level_of(x.data()[i])));
    double const v = static_cast<double>(std::bit_ceil(seen.count()));
    apply_counted(rounded, y, v, stream, at, [=](double mean, double count) { return fused(alpha, count / v - mean, mean); });
}

/// y = x + n x with n uniform, of mean 0 and the given variance, as MATLAB's imnoise draws it.
inline void apply_speckle(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double variance, Stream const& stream, std::uint64_t at) {
    auto const width = static_cast<float>(std::sqrt(12 * variance));
    apply_drawn(x, y, uniforms, stream, at, [=](float v, float u) { return fused((u - 0.5f) * width, v, v); });
}

/// Each element by itself becomes 0 or 1, with probability density / 2 each.
inline void apply_salt_pepper(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double density, Stream const& stream,
                              std::uint64_t at) {
    auto const pepper = static_cast<float>(density / 2), both = static_cast<float>(density);
    apply_drawn(x, y, uniforms, stream, at, [=](float v, float u) { return u < pepper ? 0.f : u < both ? 1.f : v; });
}

/// y = x + the mean over 3 x 3 pixels of sigma / 255 n, channel by channel; at the borders n is reflected, outermost pixels twice.
inline void apply_correlated(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double sigma, Stream const& stream, std::uint64_t at) {
    auto const [height, width, channels] = x.shape().extent;
    std::vector<double> const box(3, 1.);
    Tensor<float, 3> rows(x.shape());
    apply_drawn(x, y, normals, stream, at, [](float, float n) { return n; });
    filter_lines(y.data(), rows.data(), height, width * channels, box);
    filter_within_lines(rows.data(), y.data(), height, width, channels, box);
    auto const scale = static_cast<float>(sigma / (9 * 255));
    parallel_ranges(x.size(), noise_grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) y.data()[i] = fused(scale, y.data()[i], x.data()[i]);
    });
}

/// A recipe of tacet's own, in the order of a camera, growing with the level L: scaled Poisson noise of alpha (4 + L) / 5, speckle of
/// variance (4 + L) / 500, Gaussian noise of sigma 2 (4 + L), then salt and pepper of density (1 + L) / 1000. Another recipe would be
/// another kind. (Words, normals and Poisson samples at the same position are independent; two kinds draw words, hence two draws.)
inline void apply_mixture(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double level, Stream const& stream, std::uint64_t at) {
    Tensor<float, 3> between(x.shape());
    apply_scaled_poisson(x, between, (4 + level) / 5, stream, at);
    apply_speckle(between, y, (4 + level) / 500, stream, at);
    apply_gaussian(y, between, 2 * (4 + level), stream, at);
    apply_salt_pepper(between, y, (1 + level) / 1000, stream, at + static_cast<std::uint64_t>(x.size()));
}

inline constexpr std::array noise_kinds{
    NoiseKind{"gaussian", "SIGMA", "normal noise of standard deviation SIGMA on the scale of 0 to 255", 0, 10000, 1, apply_gaussian},
    NoiseKind{"poisson", "CHI", "Poisson(CHI x) / CHI for x in [0, 1]: CHI is the photon count at white", 1e-6, 1e9, 1, apply_poisson},
    NoiseKind{"scaled_poisson", "ALPHA", "x + ALPHA (Poisson(V x) / V - x) with V = 256 for photographs", 0, 1000, 1, apply_scaled_poisson},
    NoiseKind{"speckle", "VARIANCE", "x + n x with n uniform, of mean 0 and this variance", 0, 1000, 1, apply_speckle},
    NoiseKind{"salt_pepper", "DENSITY", "this share of the values becomes 0 or 1, each colour by itself", 0, 1, 1, apply_salt_pepper},
    NoiseKind{"correlated_gaussian", "SIGMA", "gaussian:SIGMA averaged over 3 x 3 pixels", 0, 10000, 1, apply_correlated},
    NoiseKind{"mixture", "LEVEL", "scaled Poisson, speckle, Gaussian, salt and pepper, LEVEL 1 to 5 (recipe 1)", 1, 5, 2, apply_mixture},
};

}  // namespace detail

/// The kinds that need no file formats. `noise_menu_with_jpeg` of data/jpeg_noise.hpp has one more.
inline NoiseMenu noise_menu() { return detail::noise_kinds; }

}  // namespace tacet
