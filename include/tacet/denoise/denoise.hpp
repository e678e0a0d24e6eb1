// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/tiling.hpp>
#include <tacet/nn/parameter.hpp>
#include <tacet/ops/pad.hpp>
#include <tacet/ops/winograd.hpp>
#include <functional>

namespace tacet {

/// Thrown by denoise() when its progress callback asked to stop.
struct Cancelled : Error {
    Cancelled() : Error("cancelled") {}
};

/// How denoise() works.
struct DenoiseOptions {
    /// Working memory in bytes beside the image itself: larger images are denoised in tiles. The result does not depend on it.
    std::size_t max_memory = std::size_t(2) << 30;
    /// Called with the finished share in [0, 1] before each tile and at the end; returning false stops with Cancelled.
    std::function<bool(double)> progress = {};
};

/// What denoise() needs of a network: a call on (N, H, W, C), and its geometry (see Noise2NoiseUNet). Extents are padded to multiples of
/// `multiple`. `context` pixels around a tile that starts and ends at multiples of 4 `multiple` can reach its pixels, their last bits
/// included: fast convolutions widen what those depend on (a chain of 3 x 3 convolutions to twice its radius, see docs/internals.md).
template <class M> concept DenoisingNetwork = requires(M const& m) {
    { m.multiple } -> std::convertible_to<Index>;
    { m.context } -> std::convertible_to<Index>;
    { M::offset } -> std::convertible_to<float>;
    { m.in_channels() } -> std::convertible_to<Index>;
    { m.floats_per_pixel() } -> std::convertible_to<Index>;
};

namespace detail {

/// The image x (H, W, C) reflected at the right and the bottom to multiples, minus `offset`; (H', W', C). Any size: reflection
/// bounces to and fro where the image is smaller than the padding.
inline Tensor<float, 3> padded(Tensor<float, 3> const& x, Index multiple, float offset) {
    auto const [h, w, c] = x.shape().extent;
    Tensor<float, 3> y(Shape{round_up(h, multiple), round_up(w, multiple), c});
    parallel_for(y.shape()[0], [&](Index i) {
        float const* const from = x.data() + reflect_index(i, h) * w * c;
        float* const to = y.data() + i * y.shape()[1] * c;
        for (Index j = 0; j < y.shape()[1]; ++j)
            for (Index k = 0; k < c; ++k) to[j * c + k] = from[reflect_index(j, w) * c + k] - offset;
    });
    return y;
}

/// The network's output for one tile; one that draws is told where in the image the tile lies.
template <DenoisingNetwork M> Tensor<float, 4> run_tile(M const& model, Tensor<float, 4> const& x, Window const& place) {
    if constexpr (requires { model(Variable<float, 4>(x), model.draws); }) {
        auto draws = model.draws;
        draws.top += place.top, draws.left += place.left;
        return model(Variable<float, 4>(x), draws).value();
    } else return model(Variable<float, 4>(x)).value();
}

/// Runs the network over an image whose channels and extents fit it.
template <DenoisingNetwork M> Tensor<float, 3> denoise_tiles(M const& model, Tensor<float, 3> const& x, DenoiseOptions const& options) {
    auto const [h, w, c] = x.shape().extent;
    auto const input = padded(x, model.multiple, M::offset);
    auto const limit = static_cast<Index>(options.max_memory / sizeof(float)) / model.floats_per_pixel();
    // Convolutions work on blocks of 4 x 4 pixels, down to the coarsest level, which is why a pixel's last bits depend on a little more
    // than what it sees. Tiles that start where blocks start, with contexts of whole blocks, give the image's bits.
    Index const grid = kernel::winograd_tile * model.multiple;
    auto const tiles = plan_tiles(input.shape()[0], input.shape()[1], grid, round_up(model.context, grid), limit);
    auto const report = [&](double share) { if (options.progress && !options.progress(share)) throw Cancelled(); };
    Tensor<float, 3> out(Shape{h, w, c});
    for (std::size_t k = 0; k < tiles.size(); ++k) {
        report(static_cast<double>(k) / static_cast<double>(tiles.size()));
        auto const& [core, reach] = tiles[k];
        auto const y = run_tile(model, crop(input, reach).reshape(Shape{Index(1), reach.height, reach.width, c}), reach);
        Window const inside{core.top - reach.top, core.left - reach.left, std::min(core.height, h - core.top),
                            std::min(core.width, w - core.left)};
        paste(out, y, inside, core.top, core.left);
    }
    out += M::offset;
    report(1);
    return out;
}

}  // namespace detail

/// The image (H, W, C) with values in [0, 1], denoised by `model`: any size, any memory limit; the result is neither clipped nor
/// rounded. Grey images pass through networks for colour as three equal channels, whose results are averaged; colour images pass
/// through networks for grey channel by channel. Adds no noise. May be called from several threads with the same model.
template <DenoisingNetwork M> Tensor<float, 3> denoise(M const& model, Tensor<float, 3> const& image, DenoiseOptions const& options = {}) {
    auto const [h, w, c] = image.shape().extent;
    Index const wanted = model.in_channels();
    check_shape(h > 0 && w > 0 && c > 0, "denoise: an image of shape ", image.shape(), " has no pixels");
    check_shape(c == wanted || c == 1 || wanted == 1, "denoise: the image of shape ", image.shape(), " has ", c,
                " channels, the network takes ", wanted);
    NoGrad const guard;
    if (c == wanted) return detail::denoise_tiles(model, image, options);
    Tensor<float, 3> result(image.shape());
    if (c == 1) {
        auto const y = detail::denoise_tiles(model, Tensor<float, 3>(image + Constant<float, 3>{Shape{h, w, wanted}, 0.f}), options);
        sum_into(result, y / static_cast<float>(wanted));
        return result;
    }
    for (Index k = 0; k < c; ++k) {
        auto const plane = Tensor<float, 3>::over(image.data() + k, Shape{h, w, Index(1)}, Shape{w * c, c, Index(1)});
        auto const y = detail::denoise_tiles(model, plane, options);
        parallel_for(h, [&](Index i) {
            for (Index j = 0; j < w; ++j) result.data()[(i * w + j) * c + k] = y.data()[i * w + j];
        });
    }
    return result;
}

}  // namespace tacet
