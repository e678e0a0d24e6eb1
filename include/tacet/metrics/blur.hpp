// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/metrics/psnr.hpp>
#include <vector>

namespace tacet {

namespace detail {

/// Position i of a line of n samples that is continued by reflection about its edges: d c b a | a b c d | d c b a.
inline Index reflected(Index i, Index n) {
    i %= 2 * n;
    if (i < 0) i += 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

/// Gaussian taps from -radius to radius = floor(4 sigma + 1/2), of sum 1.
inline std::vector<double> gaussian_taps(double sigma) {
    auto const radius = static_cast<Index>(4 * sigma + 0.5);
    std::vector<double> w;
    double sum = 0;
    for (Index i = -radius; i <= radius; ++i) {
        auto const x = static_cast<double>(i) / sigma;
        w.push_back(radius == 0 ? 1. : std::exp(-x * x / 2));
        sum += w.back();
    }
    for (double& v : w) v /= sum;
    return w;
}

/// Filters x (lines, inner) along the lines into y of the same shape.
inline void filter_lines(float const* x, float* y, Index lines, Index inner, std::vector<double> const& taps) {
    auto const radius = static_cast<Index>(taps.size()) / 2;
    parallel_ranges(lines, 16, [&](Index begin, Index end) {
        std::vector<double> sum(static_cast<std::size_t>(inner));
        for (Index i = begin; i < end; ++i) {
            std::fill(sum.begin(), sum.end(), 0.);
            for (Index t = -radius; t <= radius; ++t) {
                float const* const from = x + reflected(i + t, lines) * inner;
                double const w = taps[static_cast<std::size_t>(t + radius)];
                for (Index k = 0; k < inner; ++k) sum[static_cast<std::size_t>(k)] += w * static_cast<double>(from[k]);
            }
            for (Index k = 0; k < inner; ++k) y[i * inner + k] = static_cast<float>(sum[static_cast<std::size_t>(k)]);
        }
    });
}
/// Filters each line of x (lines, length, channels) into y of the same shape.
inline void filter_within_lines(float const* x, float* y, Index lines, Index length, Index channels, std::vector<double> const& taps) {
    auto const radius = static_cast<Index>(taps.size()) / 2, inner = length * channels;
    parallel_ranges(lines, 16, [&](Index begin, Index end) {
        std::vector<double> sum(static_cast<std::size_t>(inner)), line(static_cast<std::size_t>(inner + 2 * radius * channels));
        for (Index i = begin; i < end; ++i) {
            for (Index j = -radius; j < length + radius; ++j)
                for (Index c = 0; c < channels; ++c)
                    line[static_cast<std::size_t>((j + radius) * channels + c)] =
                        static_cast<double>(x[i * inner + reflected(j, length) * channels + c]);
            std::fill(sum.begin(), sum.end(), 0.);
            for (Index t = 0; t <= 2 * radius; ++t) {
                double const w = taps[static_cast<std::size_t>(t)], *const from = line.data() + t * channels;
                for (Index k = 0; k < inner; ++k) sum[static_cast<std::size_t>(k)] += w * from[k];
            }
            for (Index k = 0; k < inner; ++k) y[i * inner + k] = static_cast<float>(sum[static_cast<std::size_t>(k)]);
        }
    });
}

}  // namespace detail

/// The picture (H, W, C) blurred by a Gaussian of deviation sigma >= 0 in pixels, cut at 4 sigma; borders are continued by reflection.
inline Tensor<float, 3> gaussian_blur(Tensor<float, 3> const& image, double sigma) {
    check(sigma >= 0 && sigma <= 1000, "gaussian_blur: sigma ", sigma, " is not between 0 and 1000");
    auto const taps = detail::gaussian_taps(sigma);
    auto const& s = image.shape();
    Tensor<float, 3> rows(s), out(s);
    detail::filter_lines(image.data(), rows.data(), s[0], s[1] * s[2], taps);
    detail::filter_within_lines(rows.data(), out.data(), s[0], s[1], s[2], taps);
    return out;
}

/// The best that a Gaussian blur can do, and its deviation in pixels.
struct BestBlur {
    double psnr, sigma;
};

/// The blur of the noisy picture with the highest PSNR (8 bits, as psnr), its sigma within [0, 16] chosen with the clean picture:
/// the bar that a learned denoiser must clear; the outermost `border` pixels take part in the blur, but are not judged. Sigma is found to
/// about 1 %, by a grid and a golden-section search around its best point.
inline BestBlur best_gaussian_blur(Tensor<float, 3> const& noisy, Tensor<float, 3> const& clean, Index border = 0) {
    auto const quality = [&](double sigma) { return psnr(gaussian_blur(noisy, sigma), clean, border); };
    BestBlur best{quality(0), 0};
    constexpr double step = 1.25;
    for (double sigma = 0.15; sigma <= 16; sigma *= step) {
        double const q = quality(sigma);
        if (q > best.psnr) best = BestBlur{q, sigma};
        if (q < best.psnr - 3) break;  // far beyond the maximum: wider blurs only get worse
    }
    if (best.sigma == 0) return best;
    constexpr double golden = 0.6180339887498949;
    double low = best.sigma / step, high = best.sigma * step;
    while (high > 1.01 * low) {
        double const a = high - golden * (high - low), b = low + golden * (high - low), qa = quality(a), qb = quality(b);
        if (qa > best.psnr) best = BestBlur{qa, a};
        if (qb > best.psnr) best = BestBlur{qb, b};
        qa > qb ? high = b : low = a;
    }
    return best;
}

}  // namespace tacet
