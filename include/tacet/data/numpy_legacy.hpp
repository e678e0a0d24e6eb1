// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace tacet {

/// The generator behind numpy.random.seed (MT19937, Gaussians by the polar method): for reproducing published noise, not for new work.
/// Equal to NumPy wherever the C library's log is, which on common platforms is everywhere.
class NumpyLegacyRng {
public:
    explicit NumpyLegacyRng(std::uint32_t seed) {
        state_[0] = seed;
        for (std::uint32_t i = 1; i < words; ++i) state_[i] = 1812433253u * (state_[i - 1] ^ state_[i - 1] >> 30) + i;
    }

    /// 32 random bits.
    std::uint32_t next_u32() {
        if (next_ == words) advance();
        std::uint32_t y = state_[next_++];
        y ^= y >> 11;
        y ^= y << 7 & 0x9d2c5680u;
        y ^= y << 15 & 0xefc60000u;
        return y ^ y >> 18;
    }
    /// A double in [0, 1) from 53 bits.
    double uniform() {
        auto const high = next_u32() >> 5, low = next_u32() >> 6;
        return (static_cast<double>(high) * 67108864. + static_cast<double>(low)) / 9007199254740992.;
    }
    /// A sample of N(0, 1).
    double normal() {
        if (has_spare_) {
            has_spare_ = false;
            return spare_;
        }
        double x1 = 0, x2 = 0, square = 0;
        do {
            x1 = std::fma(2., uniform(), -1.);
            x2 = std::fma(2., uniform(), -1.);
            square = product(x1, x1) + product(x2, x2);
        } while (square >= 1 || square == 0);
        double const f = std::sqrt(-2 * std::log(square) / square);
        spare_ = f * x1;
        has_spare_ = true;
        return f * x2;
    }
    /// Draws n samples of N(0, 1) and forgets them.
    void discard_normals(Index n) {
        for (Index i = 0; i < n; ++i) normal();
    }

private:
    /// a b, rounded as NumPy does: no compiler fuses this product with an addition.
    static double product(double a, double b) { return std::fma(a, b, 0.); }

    /// The next 624 words. Source: Matsumoto and Nishimura, Mersenne twister, 1998.
    void advance() {
        for (std::uint32_t i = 0; i < words; ++i) {
            std::uint32_t const y = (state_[i] & 0x80000000u) | (state_[(i + 1) % words] & 0x7fffffffu);
            state_[i] = state_[(i + 397) % words] ^ y >> 1 ^ (y & 1u ? 0x9908b0dfu : 0u);
        }
        next_ = 0;
    }

    static constexpr std::uint32_t words = 624;
    std::array<std::uint32_t, words> state_;
    std::uint32_t next_ = words;
    double spare_ = 0;
    bool has_spare_ = false;
};

/// The noise of the PyTorch re-implementation of Noise2Noise whose weights and figures are published: N(0, sigma^2) on grey levels,
/// clipped and *truncated* to 8 bits, so biased by about half a level. The image holds levels / 255; sigma is on the scale of 0 to 255.
/// That program corrupts each image once in vain before it keeps the second result: discard as many normals first.
template <int R> Tensor<float, R> add_published_noise(Tensor<float, R> const& image, double sigma, NumpyLegacyRng& rng) {
    Tensor<float, R> noisy(image.shape());
    for (Index i = 0; i < image.size(); ++i) {
        double const level = std::nearbyint(static_cast<double>(image.data()[i]) * 255), noise = std::fma(sigma, rng.normal(), 0.);
        noisy.data()[i] = static_cast<float>(std::floor(std::clamp(level + noise, 0., 255.))) / 255;
    }
    return noisy;
}

}  // namespace tacet
