// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/data/noise.hpp>
#include <tacet/io/jpeg.hpp>
#include <algorithm>

// A header of its own, as it needs a JPEG library: programs that add no such artefacts do without.
namespace tacet {

namespace detail {

/// What becomes of x (H, W, 1 or 3) in a baseline JPEG file of this quality, rounded to a whole number, with colours at half the
/// resolution. Draws nothing. Bits depend on the JPEG library; stb keeps all colours above quality 90.
inline void apply_jpeg(Tensor<float, 3> const& x, Tensor<float, 3> const& y, double quality, Stream const&, std::uint64_t) {
    auto const [height, width, channels] = x.shape().extent;
    check_shape(channels == 1 || channels == 3, "jpeg noise: a picture of shape ", x.shape(), " has neither 1 nor 3 channels");
    if (x.size() == 0) return;
    Raster raster;
    raster.height = height, raster.width = width, raster.channels = static_cast<int>(channels);
    raster.samples.resize(static_cast<std::size_t>(x.size()));
    std::transform(x.data(), x.data() + x.size(), raster.samples.begin(), [](float v) { return static_cast<std::uint8_t>(level_of(v)); });
    auto const file = encode_jpeg(raster, static_cast<int>(std::lround(quality)), ChromaSampling::halved);
    auto const stored = decode_jpeg(file, {});
    Index const step = stored.channels;  // stb stores grey as three equal channels
    for (Index i = 0; i < height * width; ++i)
        for (Index c = 0; c < channels; ++c)
            y.data()[i * channels + c] = static_cast<float>(stored.samples[static_cast<std::size_t>(i * step + c)]) / 255;
}

inline constexpr NoiseKind jpeg_noise{
    "jpeg", "QUALITY", "what a baseline JPEG file of QUALITY 1 to 100 leaves, colours halved (4:2:0)", 1, 100, 0, apply_jpeg};

inline constexpr auto noise_kinds_with_jpeg = [] {
    auto const append = []<std::size_t... K>(std::index_sequence<K...>) { return std::array{noise_kinds[K]..., jpeg_noise}; };
    return append(std::make_index_sequence<noise_kinds.size()>{});
}();

}  // namespace detail

/// All kinds: those of noise_menu(), and jpeg:QUALITY, for parse_noise and noise_help.
inline NoiseMenu noise_menu_with_jpeg() { return detail::noise_kinds_with_jpeg; }

}  // namespace tacet
