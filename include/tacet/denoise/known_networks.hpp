// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoiser.hpp>
#include <tacet/denoise/network_metadata.hpp>
#include <tacet/denoise/weight_shapes.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <tacet/tensor/move.hpp>
#include <memory>
#include <tuple>

// The networks that AnyDenoiser knows. To add one, add its type to the list; it needs what DenoisingNetwork asks for, `name`, `landmark`
// (the name of a tensor that only it has) and `sized_by` (which builds one from the shapes of its tensors: see WeightShapes).
namespace tacet::detail {

template <Device D> using KnownNetworks = std::tuple<Noise2NoiseUNet<D>, Noise2NoiseCompat<D>, DnCnn<D>, MaskedSwinIR<D>>;

/// A network of type M with these weights, ready to denoise.
template <class M> struct LoadedNetwork final : Denoiser {
    using D = device_of<M>;
    M model;

    explicit LoadedNetwork(Checkpoint const& weights) : model(sized(weights)) {
        if constexpr (requires { model.scale(); })
            check(model.scale() == 1, model.name, ": this network enlarges images ", model.scale(), " times, it does not denoise");
        load(model, weights);
        set_training(model, false);
        apply_metadata(model, weights.metadata);
        if constexpr (MaskingNetwork<M>) mask_assumed_ = model.takes_masks() && !weights.metadata.contains("attention_mask");
    }
    Tensor<float, 3> denoise(Tensor<float, 3> const& image, DenoiseOptions const& options) const override {
        note_assumed_mask(options.masks, options.note);
        return tacet::denoise(model, image, options);
    }
    void check_options(DenoiseOptions const& options) const override { check_denoise_options(model, options); }
    bool takes_masks() const override {
        if constexpr (MaskingNetwork<M>) return model.takes_masks();
        else return false;
    }
    void observe(Tensor<float, 3> const& image, LayerObserver<> const& observer, DrawOptions const& masks,
                 NoteFunction const& note) const override {
        Index const wanted = model.in_channels(), h = image.shape()[0], w = image.shape()[1], c = image.shape()[2];
        check_shape(image.size() > 0 && (c == wanted || c == 1), model.name, ": the image of shape ", image.shape(),
                    " does not fit, the network takes ", wanted, " channels");
        note_assumed_mask(masks, note);
        note_masks_off(model, masks, note);
        NoGrad const guard;
        auto const full = padded(Tensor<float, 3>(image + Constant<float, 3>{Shape{h, w, wanted}, 0.f}), model.multiple, M::offset);
        Variable<float, 4, D> const x(to<D>(full.reshape(Shape{Index(1), full.shape()[0], full.shape()[1], wanted})));
        LayerObserver<D> const show = [&](std::string const& layer, Tensor<float, 4, D> const& y) {
            bool const same = y.shape()[1] == x.shape()[1] && y.shape()[2] == x.shape()[2];
            observer(layer, to<Cpu>(same ? crop(Variable<float, 4, D>(y), 0, 0, h, w).value() : y));
        };
        if constexpr (MaskingNetwork<M>) {
            auto draws = model.draws;
            draws.seed = masks.seed;
            if (masks.attention_mask) draws.percent = masks.attention_mask;
            model(x, draws, show);
        } else if constexpr (requires { model(x, show); }) model(x, show);
        else throw Error(concat_text(model.name, ": no layers are known for this network"));
    }
    std::string description() const override { return concat_text(model.name, ", ", parameter_count(model), " parameters"); }

private:
    void note_assumed_mask(DrawOptions const& masks, NoteFunction const& note) const {
        if constexpr (MaskingNetwork<M>)
            if (note && mask_assumed_ && !masks.attention_mask)
                note(concat_text("the file does not say how many tokens its attention masks hide: ", percent_text(model.own_mask()),
                                 " % is assumed, as released. For a network that was trained without masks, turn them off"));
    }
    static M sized(Checkpoint const& weights) {
        Rng rng(0);
        return M::sized_by(WeightShapes{weights}, rng);
    }

    bool mask_assumed_ = false;  // neither the tensors nor the file's metadata tell
};

template <class M> std::unique_ptr<Denoiser const> load_network(Checkpoint const& weights) {
    return std::make_unique<LoadedNetwork<M>>(weights);
}

/// The network whose landmark is among the weights, with them, on the device. Throws Error when there is none, or when they do not fit.
template <Device D> std::unique_ptr<Denoiser const> known_network(Checkpoint const& weights) {
    std::unique_ptr<Denoiser const> found;
    auto const attempt = [&]<class M>(M const*) {
        if (!found && weights.find(M::landmark)) found = load_network<M>(weights);
    };
    [&]<class... M>(std::tuple<M...> const*) { (attempt(static_cast<M const*>(nullptr)), ...); }
    (static_cast<KnownNetworks<D> const*>(nullptr));
    check(found != nullptr, "these are not the weights of a network known here (noise2noise_unet, noise2noise_compat, dncnn, "
                            "masked_swinir, swinir)");
    return found;
}

#if TACET_WITH_COMPILED && TACET_WITH_CUDA  // library tacet::compiled has them
extern template std::unique_ptr<Denoiser const> load_network<Noise2NoiseUNet<Cuda>>(Checkpoint const&);
extern template std::unique_ptr<Denoiser const> load_network<Noise2NoiseCompat<Cuda>>(Checkpoint const&);
extern template std::unique_ptr<Denoiser const> load_network<DnCnn<Cuda>>(Checkpoint const&);
extern template std::unique_ptr<Denoiser const> load_network<MaskedSwinIR<Cuda>>(Checkpoint const&);
#endif

}  // namespace tacet::detail
