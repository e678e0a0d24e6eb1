// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoise_options.hpp>
#include <tacet/denoise/feather.hpp>
#include <tacet/denoise/self_ensemble.hpp>
#include <tacet/denoise/tile_runner.hpp>
#include <tacet/ops/pad.hpp>
#include <tacet/ops/winograd.hpp>
#include <tacet/tensor/factory.hpp>
#include <string>
#include <utility>

namespace tacet {

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

/// The state of a call of denoise(): what was asked for, but that `max_memory` falls to what there is, and how many of its passes over the
/// image are done.
template <DenoisingNetwork M> struct DenoiseRun {
    M const& model;
    DenoiseOptions options;
    TileRunner<M> runner;
    Index passes, done = 0;
    bool noted = false;

    DenoiseRun(M const& m, DenoiseOptions const& o, Index planes)
        : model(m), options(o), runner(m, o), passes(planes * o.masks.draws * (o.self_ensemble ? Symmetry::count : 1)) {}
    /// `share` of the next pass is done.
    void report(double share) const {
        if (options.progress && !options.progress((static_cast<double>(done) + share) / static_cast<double>(passes))) throw Cancelled();
    }
    void note_blending() {
        if (options.note && !std::exchange(noted, true))
            options.note("tiles are blended where they meet: with all that the network can see around them they would take longer, or "
                         "more memory. A larger limit of memory makes the result exact");
    }
};

/// The tiles of a padded image. Convolutions work on blocks of 4 x 4 pixels, down to the coarsest level, which is why a pixel's last bits
/// depend on a little more than what it sees. Tiles that start where blocks start, with contexts of whole blocks, give the image's bits;
/// on a GPU, where sums of small images are made in parts, they may give other last bits.
template <DenoisingNetwork M> Tiling tiling_of(M const& model, Shape<3> const& s, DenoiseOptions const& options) {
    Index const grid = kernel::winograd_tile * model.multiple;
    TilingNeeds needs{grid, round_up(model.context, grid), model.multiple, 0};
    if constexpr (requires { model.margin; }) needs.margin = model.margin;
    auto const limit = static_cast<Index>(options.max_memory / sizeof(float)) / model.floats_per_pixel();
    return choose_tiling(s[0], s[1], needs, limit, options.exact_up_to);
}

/// After `tiling` of a padded image did not fit the memory that there is: halves the limit until tiles are smaller, and says so. Throws
/// OutOfMemory where none are.
template <DenoisingNetwork M>
Tiling smaller_tiling(DenoiseRun<M>& run, Shape<3> const& s, Tiling const& tiling, OutOfMemory const& error) {
    auto const size = [](Tiling const& t) { return concat_text(t.largest().reach.height, " x ", t.largest().reach.width, " pixels"); };
    Index const pixels = tiling.largest().pixels();
    auto& limit = run.options.max_memory;
    limit = std::min(limit, static_cast<std::size_t>(pixels * run.model.floats_per_pixel()) * sizeof(float));
    for (limit /= 2; limit > 0; limit /= 2) {
        auto const next = tiling_of(run.model, s, run.options);
        if (next.largest().pixels() >= pixels) continue;
        if (run.options.note) run.options.note(concat_text(error.what(), "; tiles of ", size(next), " instead of ", size(tiling)));
        return next;
    }
    throw OutOfMemory(concat_text("denoise: the smallest tiles, ", size(tiling), ", need more memory than there is: ", error.what()));
}

/// Runs the network over the tiles of a padded image; (H, W, C), without what is padded.
template <DenoisingNetwork M>
Tensor<float, 3> run_tiles(DenoiseRun<M>& run, Tensor<float, 3> const& input, Tiling const& tiling, Shape<3> const& shape, int draw) {
    auto const [h, w, c] = shape.extent;
    auto const& [tiles, margin] = tiling;
    if (margin > 0) run.note_blending();
    Tensor<float, 3> out = margin > 0 ? zeros(Shape{h, w, c}) : Tensor<float, 3>(Shape{h, w, c});
    HeldMemory<device_of<M>> const sparing(run.options.max_memory);  // tiles differ in size: what one leaves, the next may not fit
    for (std::size_t k = 0; k < tiles.size(); ++k) {
        run.report(static_cast<double>(k) / static_cast<double>(tiles.size()));
        auto const& [core, reach] = tiles[k];
        auto const part = crop(input, reach).reshape(Shape{Index(1), reach.height, reach.width, c});
        auto const y = run.runner(part, reach, draw);
        Window const inside{core.top - reach.top, core.left - reach.left, std::min(core.height, h - core.top),
                            std::min(core.width, w - core.left)};
        if (margin > 0) add_blended(out, y, tiles[k], margin, input.shape()[0], input.shape()[1]);
        else paste(out, y, inside, core.top, core.left);
    }
    out += M::offset;
    return out;
}

/// Runs the network over an image whose channels fit it, in tiles for which there is memory: one pass.
template <DenoisingNetwork M> Tensor<float, 3> denoise_tiles(DenoiseRun<M>& run, Tensor<float, 3> const& x, int draw) {
    auto const input = padded(x, run.model.multiple, M::offset);
    auto tiling = tiling_of(run.model, input.shape(), run.options);
    for (;;) {
        try {
            run.runner.arrange(tiling.tiles);
            auto const out = run_tiles(run, input, tiling, x.shape(), draw);
            ++run.done;
            return out;
        } catch (OutOfMemory const& error) {
            run.runner.forget();
            tiling = smaller_tiling(run, input.shape(), tiling, error);
        }
    }
}

template <DenoisingNetwork M> void note_masks_off(M const& model, DrawOptions const& masks, NoteFunction const& note) {
    if constexpr (MaskingNetwork<M>)
        if (note && model.own_mask().high > 0 && masks.attention_mask == PercentRange{})
            note("attention masks are off: a network that was trained with them gives wrong results without, often far too bright");
}

/// All passes over an image whose channels fit the network, averaged. Every draw of every view has a number of its own.
template <DenoisingNetwork M> Tensor<float, 3> denoise_passes(DenoiseRun<M>& run, Tensor<float, 3> const& x) {
    bool const ensemble = run.options.self_ensemble;
    auto const average = [&](Tensor<float, 3> const& view, int k) {
        return mean_of(run.options.masks.draws, [&](int draw) {
            return denoise_tiles(run, view, ensemble ? draw * Symmetry::count + k : draw);
        });
    };
    return ensemble ? self_ensemble(x, average) : average(x, 0);
}

/// The image (H, W, C) through `pass`, which takes `wanted` channels: grey as that many equal ones, whose results are averaged; colours
/// one by one where it takes one.
inline Tensor<float, 3> by_channels(Tensor<float, 3> const& image, Index wanted, auto&& pass) {
    auto const [h, w, c] = image.shape().extent;
    if (c == wanted) return pass(image);
    Tensor<float, 3> result(image.shape());
    if (c == 1) {
        auto const y = pass(Tensor<float, 3>(image + Constant<float, 3>{Shape{h, w, wanted}, 0.f}));
        sum_into(result, y / static_cast<float>(wanted));
        return result;
    }
    for (Index k = 0; k < c; ++k) {
        auto const y = pass(Tensor<float, 3>::over(image.data() + k, Shape{h, w, Index(1)}, Shape{w * c, c, Index(1)}));
        parallel_for(h, [&](Index i) {
            for (Index j = 0; j < w; ++j) result.data()[(i * w + j) * c + k] = y.data()[i * w + j];
        });
    }
    return result;
}

template <class M> std::string network_name(M const& model) {
    if constexpr (requires { std::string(model.name); }) return model.name;
    else return "this network";
}

}  // namespace detail

/// Throws Error for options that the network cannot follow: several draws or another mask for one without attention masks, several draws
/// with masks off, images in 16 bits on the CPU. denoise() checks this first.
template <DenoisingNetwork M> void check_denoise_options(M const& model, DenoiseOptions const& options) {
    check_precision<M>(options.precision);
    auto const& [draws, seed, mask] = options.masks;
    check(draws >= 1 && draws <= 65536, "denoise: the number of draws lies between 1 and 65536, not ", draws);
    if (mask) check_percent(*mask, "attention mask");
    bool takes = false, masked = false;
    if constexpr (MaskingNetwork<M>) takes = model.takes_masks(), masked = mask.value_or(model.own_mask()).high > 0;
    auto const name = detail::network_name(model);
    check(takes || !mask, name, ": this network has no attention masks; only masked_swinir has");
    check(masked || draws == 1, name, ": without attention masks all draws are the same: ask for one");
}

/// The image (H, W, C) with values in [0, 1], denoised by `model`: any size, any memory limit; the result is neither clipped nor
/// rounded. Grey images pass through networks for colour as three equal channels, whose results are averaged; colour images pass
/// through networks for grey channel by channel. Adds no noise. The network computes on its device. May be called from several threads with
/// the same model. Throws OutOfMemory where not even the smallest tiles fit.
template <DenoisingNetwork M> Tensor<float, 3> denoise(M const& model, Tensor<float, 3> const& image, DenoiseOptions const& options = {}) {
    auto const [h, w, c] = image.shape().extent;
    Index const wanted = model.in_channels();
    check_shape(h > 0 && w > 0 && c > 0, "denoise: an image of shape ", image.shape(), " has no pixels");
    check_shape(c == wanted || c == 1 || wanted == 1, "denoise: the image of shape ", image.shape(), " has ", c,
                " channels, the network takes ", wanted);
    check_denoise_options(model, options);
    detail::note_masks_off(model, options.masks, options.note);
    NoGrad const guard;
    detail::DenoiseRun run(model, options, wanted == 1 ? c : 1);
    auto result = detail::by_channels(image, wanted, [&](Tensor<float, 3> const& x) { return detail::denoise_passes(run, x); });
    if (options.progress && !options.progress(1)) throw Cancelled();
    return result;
}

}  // namespace tacet
