// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/thread_pool.hpp>
#include <tacet/metrics/psnr.hpp>
#include <array>
#include <vector>

namespace tacet {

namespace detail {

/// The window of SSIM: 11 taps of a Gaussian of deviation 1.5, of sum 1.
inline std::array<double, 11> ssim_window() {
    std::array<double, 11> w;
    double sum = 0;
    for (int i = 0; i < 11; ++i) sum += w[static_cast<std::size_t>(i)] = std::exp(-(i - 5) * (i - 5) / (2 * 1.5 * 1.5));
    for (double& v : w) v /= sum;
    return w;
}

/// SSIM of one channel of two pictures of levels 0 to 255: a window of rows filtered across moves down, five moments side by side.
struct SsimChannel {
    static constexpr int taps = 11, moments = 5;  // of a, b, a a, b b, a b
    std::array<double, taps> window = ssim_window();
    Index height, width;                          // of the pictures; the SSIM map is (height - 10, width - 10)
    std::vector<double> ring = std::vector<double>(static_cast<std::size_t>(taps * moments * (width - taps + 1)));
    std::vector<double> values = std::vector<double>(static_cast<std::size_t>(moments * width));

    double* filtered(Index row, int moment) { return ring.data() + ((row % taps) * moments + moment) * (width - taps + 1); }

    void filter_row(auto const& a, auto const& b, Index row) {
        for (Index x = 0; x < width; ++x) {
            double const u = a(row, x), v = b(row, x);
            double const five[moments] = {u, v, u * u, v * v, u * v};
            for (int m = 0; m < moments; ++m) values[static_cast<std::size_t>(m * width + x)] = five[m];
        }
        for (int m = 0; m < moments; ++m) {
            double* const out = filtered(row, m);
            double const* const in = values.data() + m * width;
            for (Index x = 0; x < width - taps + 1; ++x) out[x] = weighted([in, x](int t) { return in[x + t]; });
        }
    }
    /// The sum of v(t) over the window, which is symmetric.
    double weighted(auto const& v) const {
        double sum = window[taps / 2] * v(taps / 2);
        for (int t = 0; t < taps / 2; ++t) sum += window[static_cast<std::size_t>(t)] * (v(t) + v(taps - 1 - t));
        return sum;
    }
    /// The sum of SSIM over one row of the map, whose window ends at row `last`.
    double row_sum(Index last, std::vector<double>& sums) {
        Index const n = width - taps + 1;
        for (int m = 0; m < moments; ++m) {
            std::array<double const*, taps> rows;
            for (int t = 0; t < taps; ++t) rows[static_cast<std::size_t>(t)] = filtered(last - taps + 1 + t, m);
            double* const out = sums.data() + m * n;
            for (Index x = 0; x < n; ++x) out[x] = weighted([&rows, x](int t) { return rows[static_cast<std::size_t>(t)][x]; });
        }
        constexpr double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
        double total = 0;
        for (Index x = 0; x < n; ++x) {
            auto const at = [&](int m) { return sums[static_cast<std::size_t>(m * n + x)]; };
            double const u = at(0), v = at(1), uu = at(2) - u * u, vv = at(3) - v * v, uv = at(4) - u * v;
            total += (2 * u * v + c1) * (2 * uv + c2) / ((u * u + v * v + c1) * (uu + vv + c2));
        }
        return total;
    }
    /// The mean of the map for the levels that a(y, x) and b(y, x) tell.
    double mean(auto const& a, auto const& b) {
        std::vector<double> sums(static_cast<std::size_t>(moments * (width - taps + 1)));
        double total = 0;
        for (Index y = 0; y < height; ++y) {
            filter_row(a, b, y);
            if (y >= taps - 1) total += row_sum(y, sums);
        }
        return total / static_cast<double>((height - taps + 1) * (width - taps + 1));
    }
};

/// The parts within the border of two pictures (H, W, C) that SSIM compares.
struct SsimPair {
    Tensor<float, 3> a, b;

    SsimPair(Tensor<float, 3> const& image, Tensor<float, 3> const& reference, Index border) {
        check_shape(image.shape() == reference.shape(), "cannot compare pictures of shapes ", image.shape(), " and ", reference.shape());
        a = without_border(image, border), b = without_border(reference, border);
        auto const& s = a.shape();
        check_shape(s[0] >= 11 && s[1] >= 11 && s[2] >= 1, "SSIM needs 11 x 11 pixels, not a picture of shape ", s);
    }
    /// SSIM of the planes that sample(pointer to a pixel) reads off the pictures.
    double mean(auto const& sample) const {
        Index const width = a.shape()[1], channels = a.shape()[2];
        auto const plane = [&](float const* x) { return [=](Index i, Index j) { return sample(x + (i * width + j) * channels); }; };
        return SsimChannel{.height = a.shape()[0], .width = width}.mean(plane(a.data()), plane(b.data()));
    }
};

}  // namespace detail

/// Structural similarity of pictures (H, W, C) as 8-bit files hold them: Gaussian window 11 x 11 of deviation 1.5, only where it fits,
/// K1 = 0.01, K2 = 0.03, range 255, biased variances, the mean over the map and then over channels. Throws ShapeError when the
/// shapes differ or when less than 11 x 11 pixels remain within the border.
/// Source: Wang, Bovik, Sheikh and Simoncelli, Image quality assessment, 2004.
inline double ssim(Tensor<float, 3> const& image, Tensor<float, 3> const& reference, Index border = 0) {
    detail::SsimPair const pair(image, reference, border);
    Index const channels = image.shape()[2];
    std::vector<double> means(static_cast<std::size_t>(channels));
    parallel_for(channels, [&](Index c) {
        means[static_cast<std::size_t>(c)] = pair.mean([c](float const* x) { return static_cast<double>(judged_level(x[c])); });
    });
    double sum = 0;
    for (double m : means) sum += m;
    return sum / static_cast<double>(channels);
}

}  // namespace tacet
