// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoise.hpp>
#include <tacet/io/checkpoint.hpp>
#include <tacet/io/module_checkpoint.hpp>
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>
#include <algorithm>
#include <set>
#include <variant>

namespace tacet {

namespace detail {
/// The weights to denoise with: of a training state the averaged ones, or those of the last step; otherwise all there are. What has no
/// average, such as running statistics, is that of the last step.
inline Checkpoint inference_weights(Checkpoint const& checkpoint) {
    auto const of_training = [](NamedTensor const& x) { return x.name.starts_with("optim.") || x.name.starts_with("ema."); };
    // The names of some networks begin with "model." themselves.
    if (std::none_of(checkpoint.tensors.begin(), checkpoint.tensors.end(), of_training)) return checkpoint;
    auto weights = subset(checkpoint, "ema."), last = subset(checkpoint, "model.");
    std::set<std::string> averaged;
    for (auto const& x : weights.tensors) averaged.insert(x.name);
    for (auto& x : last.tensors)
        if (!averaged.contains(x.name)) weights.tensors.push_back(std::move(x));
    return weights;
}

/// The shapes of a checkpoint's tensors, which tell a network's size.
struct WeightShapes {
    Checkpoint const& weights;

    bool has(std::string_view name) const { return weights.find(name) != nullptr; }
    /// The extents of a tensor, or nullptr when there is none of that name.
    std::vector<Index> const* find(std::string_view name) const {
        auto const* const found = weights.find(name);
        return found ? &found->shape : nullptr;
    }
    /// The shape of a convolution's weight. Throws Error when there is none.
    Shape<4> operator()(std::string_view name) const {
        auto const& shape = weights.at(name).shape;
        check(shape.size() == 4, "the tensor ", std::string(name), " has ", shape.size(), " dimensions instead of 4");
        return Shape{shape[0], shape[1], shape[2], shape[3]};
    }
};
}  // namespace detail

/// A denoiser whose network is recognised from its weights: the names and shapes of a checkpoint's tensors, never its file name.
/// To add a network, add its type to the variant; it needs what DenoisingNetwork asks for, `name`, `landmark` (the name of a tensor that
/// only it has) and `sized_by` (which builds one from the shapes of its tensors: see detail::WeightShapes).
class AnyDenoiser {
public:
    using Networks = std::variant<Noise2NoiseUNet<>, Noise2NoiseCompat<>, DnCnn<>, MaskedSwinIR<>>;

    /// Throws Error when no known network has such weights, listing what differs from the nearest one.
    explicit AnyDenoiser(Checkpoint const& checkpoint) : network_(recognise(detail::inference_weights(checkpoint))) {}

    /// Reads safetensors or a PyTorch file. Throws Error naming the path.
    static AnyDenoiser read(std::filesystem::path const& path) {
        auto const checkpoint = load_checkpoint(path);
        try {
            return AnyDenoiser(checkpoint);
        } catch (Error const& error) {
            throw Error(path.string() + ": " + error.what());
        }
    }

    /// See tacet::denoise().
    Tensor<float, 3> denoise(Tensor<float, 3> const& image, DenoiseOptions const& options = {}) const {
        return std::visit([&](auto const& m) { return tacet::denoise(m, image, options); }, network_);
    }
    /// "noise2noise_unet, 991203 parameters".
    std::string description() const {
        return std::visit([](auto const& m) { return concat_text(m.name, ", ", parameter_count(m), " parameters"); }, network_);
    }

private:
    static Networks recognise(Checkpoint const& weights) {
        std::optional<Networks> found;
        [&]<std::size_t... K>(std::index_sequence<K...>) {
            (try_network<std::variant_alternative_t<K, Networks>>(weights, found), ...);
        }(std::make_index_sequence<std::variant_size_v<Networks>>{});
        check(found.has_value(), "these are not the weights of a network known here (noise2noise_unet, noise2noise_compat, dncnn, "
                                 "masked_swinir, swinir)");
        return std::move(*found);
    }
    template <class M> static void try_network(Checkpoint const& weights, std::optional<Networks>& found) {
        if (found || !weights.find(M::landmark)) return;
        Rng rng(0);
        M model = M::sized_by(detail::WeightShapes{weights}, rng);
        if constexpr (requires { model.scale(); })
            check(model.scale() == 1, model.name, ": this network enlarges images ", model.scale(), " times, it does not denoise");
        load(model, weights);
        set_training(model, false);
        found.emplace(std::move(model));
    }

    Networks network_;
};

}  // namespace tacet
