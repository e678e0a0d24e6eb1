// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/cast.hpp>
#include <tacet/core/precision.hpp>
#include <tacet/nn/conv.hpp>
#include <tacet/ops/concat.hpp>
#include <tacet/ops/pool.hpp>
#include <tacet/ops/upsample.hpp>

namespace tacet {

/// The U-Net of Noise2Noise (Lehtinen et al., 2018, table 2): five levels, LeakyReLU(0.1), max-pooling, nearest upsampling,
/// linear last layer. x (N, H, W, in) in [-0.5, 0.5] -> (N, H, W, out); H and W are multiples of 32.
/// Names are the variable scopes of the released code. With width 48 it has 991,203 parameters for 3 -> 3 channels; other widths
/// scale the paper's network.
template <class D = Cpu, class T = float> struct Noise2NoiseUNet {
    using device_type = D;
    static constexpr char const* name = "noise2noise_unet";
    static constexpr char const* landmark = "enc_conv0.weight";
    static constexpr Index multiple = 32;    // of H and W: five poolings
    static constexpr Index context = 192;    // 158 pixels to either side can reach an output pixel, 170 the last bits of a tile's
    static constexpr float offset = 0.5f;    // what is subtracted from images in [0, 1]

    using Layer = Conv2d<D, T>;
    Layer enc_conv0, enc_conv1, enc_conv2, enc_conv3, enc_conv4, enc_conv5, enc_conv6;
    Layer dec_conv5, dec_conv5b, dec_conv4, dec_conv4b, dec_conv3, dec_conv3b, dec_conv2, dec_conv2b, dec_conv1a, dec_conv1b, dec_conv1;

    explicit Noise2NoiseUNet(Index in, Index out, Rng& rng, Index width = 48)
        : enc_conv0(same(in, width, rng)), enc_conv1(same(width, width, rng)), enc_conv2(same(width, width, rng)),
          enc_conv3(same(width, width, rng)), enc_conv4(same(width, width, rng)), enc_conv5(same(width, width, rng)),
          enc_conv6(same(width, width, rng)), dec_conv5(same(2 * width, 2 * width, rng)), dec_conv5b(same(2 * width, 2 * width, rng)),
          dec_conv4(same(3 * width, 2 * width, rng)), dec_conv4b(same(2 * width, 2 * width, rng)),
          dec_conv3(same(3 * width, 2 * width, rng)), dec_conv3b(same(2 * width, 2 * width, rng)),
          dec_conv2(same(3 * width, 2 * width, rng)), dec_conv2b(same(2 * width, 2 * width, rng)),
          dec_conv1a(same(2 * width + in, last_width(width, 2), rng)), dec_conv1b(same(last_width(width, 2), last_width(width, 1), rng)),
          dec_conv1(same(last_width(width, 1), out, rng, 1.0)) {}

    /// A network of the size that `shape_of(name of a weight)` tells, with random weights.
    static Noise2NoiseUNet sized_by(auto&& shape_of, Rng& rng) {
        Shape<4> const first = shape_of("enc_conv0.weight"), last = shape_of("dec_conv1.weight");
        check_extents(first[1], last[0], first[0]);
        return Noise2NoiseUNet(first[1], last[0], rng, first[0]);
    }

    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x) const;
    /// The same with images of type X between the layers.
    template <class X> Variable<T, 4, D> operator()(Variable<T, 4, D> const& x, ComputedIn<X>) const;
    static void fields(auto& self, auto&& field) {
        field("enc_conv0", self.enc_conv0), field("enc_conv1", self.enc_conv1), field("enc_conv2", self.enc_conv2);
        field("enc_conv3", self.enc_conv3), field("enc_conv4", self.enc_conv4), field("enc_conv5", self.enc_conv5);
        field("enc_conv6", self.enc_conv6), field("dec_conv5", self.dec_conv5), field("dec_conv5b", self.dec_conv5b);
        field("dec_conv4", self.dec_conv4), field("dec_conv4b", self.dec_conv4b), field("dec_conv3", self.dec_conv3);
        field("dec_conv3b", self.dec_conv3b), field("dec_conv2", self.dec_conv2), field("dec_conv2b", self.dec_conv2b);
        field("dec_conv1a", self.dec_conv1a), field("dec_conv1b", self.dec_conv1b), field("dec_conv1", self.dec_conv1);
    }
    Index in_channels() const { return enc_conv0.weight.shape()[1]; }
    Index out_channels() const { return dec_conv1.weight.shape()[0]; }
    Index width() const { return enc_conv0.weight.shape()[0]; }
    /// Working memory of inference per pixel of the input: the first level's features, and what the last ones are made from.
    Index floats_per_pixel() const { return 3 * width() + 10 * in_channels(); }

private:
    static void check_extents(Index in, Index out, Index width) {
        check(in >= 1 && in <= 64 && out >= 1 && out <= 64 && width >= 1 && width <= 1024, "a network of width ", width, " from ", in,
              " to ", out, " channels");
    }
    static Layer same(Index in, Index out, Rng& rng, double gain = 1.4142135623730951) {
        return Layer(in, out, 3, rng, {.padding = 1}, gain);
    }
    /// The paper's 64 (share 2) and 32 (share 1) at width 48, in multiples of 16 at others.
    static Index last_width(Index width, Index share) { return (std::max<Index>(width * share * 2 / 3, 1) + 15) / 16 * 16; }
};

template <class D, class T> Variable<T, 4, D> Noise2NoiseUNet<D, T>::operator()(Variable<T, 4, D> const& x) const {
    return (*this)(x, computed_in<T>);
}

template <class D, class T> template <class X>
Variable<T, 4, D> Noise2NoiseUNet<D, T>::operator()(Variable<T, 4, D> const& image, ComputedIn<X>) const {
    auto const x = cast<X>(image);
    auto const level = [](Layer const& a, auto&& y) { return leaky_relu(a(std::forward<decltype(y)>(y)), 0.1); };
    auto const down = [&](Layer const& a, auto const& y) { return max_pool2d(level(a, y), 2); };
    auto const up = [&](auto const& y, auto const& skip) { return concat(upsample_nearest(y, 2), skip); };
    auto const pool1 = down(enc_conv1, level(enc_conv0, x));
    auto const pool2 = down(enc_conv2, pool1);
    auto const pool3 = down(enc_conv3, pool2);
    auto const pool4 = down(enc_conv4, pool3);
    auto const bottom = level(enc_conv6, down(enc_conv5, pool4));
    Variable<X, 4, D> y = level(dec_conv5b, level(dec_conv5, up(bottom, pool4)));
    y = level(dec_conv4b, level(dec_conv4, up(y, pool3)));
    y = level(dec_conv3b, level(dec_conv3, up(y, pool2)));
    y = level(dec_conv2b, level(dec_conv2, up(y, pool1)));
    return cast<T>(Variable<X, 4, D>(dec_conv1(level(dec_conv1b, level(dec_conv1a, up(y, x))))));
}

#if TACET_WITH_COMPILED  // library tacet::compiled has it
extern template Variable<float, 4> Noise2NoiseUNet<>::operator()(Variable<float, 4> const&) const;
#if TACET_WITH_CUDA
extern template Variable<float, 4, Cuda> Noise2NoiseUNet<Cuda>::operator()(Variable<float, 4, Cuda> const&) const;
extern template Variable<float, 4, Cuda> Noise2NoiseUNet<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<BFloat16>) const;
extern template Variable<float, 4, Cuda> Noise2NoiseUNet<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<Half>) const;
#endif
#endif

/// The network of the checkpoints published with joeylitalien/noise2noise-pytorch: encoder levels 2 to 5 share one kernel, decoder
/// levels 4 to 2 share one block, ReLU, transposed convolutions. x (N, H, W, in) in [0, 1] -> (N, H, W, out); H and W are
/// multiples of 32. 700,611 parameters for 3 -> 3 channels; names are those of the files.
template <class D = Cpu, class T = float> struct Noise2NoiseCompat {
    using device_type = D;
    static constexpr char const* name = "noise2noise_compat";
    static constexpr char const* landmark = "_block1.0.weight";
    static constexpr Index multiple = 32;
    static constexpr Index context = 192;  // 158 pixels to the left and above, 189 to the right and below
    static constexpr float offset = 0;

    using Layer = Conv2d<D, T>;
    using Up = ConvTranspose2d<D, T>;
    Layer block1_0, block1_2, block2_0, block3_0;
    Up block3_2;
    Layer block4_0, block4_2;
    Up block4_4;
    Layer block5_0, block5_2;
    Up block5_4;
    Layer block6_0, block6_2, block6_4;

    explicit Noise2NoiseCompat(Index in, Index out, Rng& rng)
        : block1_0(same(in, 48, rng)), block1_2(same(48, 48, rng)), block2_0(same(48, 48, rng)), block3_0(same(48, 48, rng)),
          block3_2(doubled(48, 48, rng)), block4_0(same(96, 96, rng)), block4_2(same(96, 96, rng)), block4_4(doubled(96, 96, rng)),
          block5_0(same(144, 96, rng)), block5_2(same(96, 96, rng)), block5_4(doubled(96, 96, rng)), block6_0(same(96 + in, 64, rng)),
          block6_2(same(64, 32, rng)), block6_4(same(32, out, rng)) {}

    /// A network with the channels that `shape_of(name of a weight)` tells, with random weights.
    static Noise2NoiseCompat sized_by(auto&& shape_of, Rng& rng) {
        Shape<4> const first = shape_of("_block1.0.weight"), last = shape_of("_block6.4.weight");
        check(first[1] >= 1 && first[1] <= 64 && last[0] >= 1 && last[0] <= 64, "a network from ", first[1], " to ", last[0], " channels");
        return Noise2NoiseCompat(first[1], last[0], rng);
    }

    Variable<T, 4, D> operator()(Variable<T, 4, D> const& x) const { return (*this)(x, computed_in<T>); }
    /// The same with images of type X between the layers.
    template <class X> Variable<T, 4, D> operator()(Variable<T, 4, D> const& image, ComputedIn<X>) const {
        auto const x = cast<X>(image);
        auto const level = [](Layer const& a, auto&& y) { return relu(a(std::forward<decltype(y)>(y))); };
        auto const down = [&](auto const& y) { return max_pool2d(level(block2_0, y), 2); };
        auto const block5 = [&](auto const& y, auto const& skip) { return block5_4(level(block5_2, level(block5_0, concat(y, skip)))); };
        auto const pool1 = max_pool2d(level(block1_2, level(block1_0, x)), 2);
        auto const pool2 = down(pool1), pool3 = down(pool2), pool4 = down(pool3), pool5 = down(pool4);
        auto const up5 = block3_2(level(block3_0, pool5));
        auto const up4 = block4_4(level(block4_2, level(block4_0, concat(up5, pool4))));
        auto const up1 = block5(block5(block5(up4, pool3), pool2), pool1);
        return cast<T>(Variable<X, 4, D>(leaky_relu(block6_4(level(block6_2, level(block6_0, concat(up1, x)))), 0.1)));
    }
    static void fields(auto& self, auto&& field) {
        field("_block1.0", self.block1_0), field("_block1.2", self.block1_2), field("_block2.0", self.block2_0),
            field("_block3.0", self.block3_0);
        field("_block3.2", self.block3_2), field("_block4.0", self.block4_0), field("_block4.2", self.block4_2),
            field("_block4.4", self.block4_4);
        field("_block5.0", self.block5_0), field("_block5.2", self.block5_2), field("_block5.4", self.block5_4),
            field("_block6.0", self.block6_0);
        field("_block6.2", self.block6_2), field("_block6.4", self.block6_4);
    }
    Index in_channels() const { return block1_0.weight.shape()[1]; }
    Index out_channels() const { return block6_4.weight.shape()[0]; }
    Index floats_per_pixel() const { return 5 * 48 + 4 * in_channels(); }

private:
    static Layer same(Index in, Index out, Rng& rng) { return Layer(in, out, 3, rng, {.padding = 1}); }
    static Up doubled(Index in, Index out, Rng& rng) { return Up(in, out, 3, rng, {.stride = 2, .padding = 1, .output_padding = 1}); }
};

}  // namespace tacet
