// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoiser.hpp>
#include <tacet/io/checkpoint.hpp>
#include <algorithm>
#include <memory>
#include <set>

namespace tacet::detail {

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

}  // namespace tacet::detail

// The networks are most of what a program that denoises has to compile. Where TACET_WITH_COMPILED is set, library tacet::compiled has them.
#if TACET_WITH_COMPILED
namespace tacet::detail {
/// known_network, on the CPU or on a GPU, compiled for the instruction set of the first tag.
std::unique_ptr<Denoiser const> compiled_network(Checkpoint const& weights, Cpu, Cpu);
std::unique_ptr<Denoiser const> compiled_network(Checkpoint const& weights, Cpu, Cuda);
}  // namespace tacet::detail
#else
#include <tacet/denoise/known_networks.hpp>
#endif

namespace tacet {

/// A denoiser whose network is recognised from its weights: the names and shapes of a checkpoint's tensors, never its file name.
/// To add a network, see denoise/known_networks.hpp. A copy shares the network. The network is on the CPU, or on the device of the tag:
/// `AnyDenoiser::read(path, Cuda{})`, in a file compiled as CUDA or a program that links tacet::compiled. Images are on the CPU.
class AnyDenoiser {
public:
    /// Throws Error when no known network has such weights, listing what differs from the nearest one.
    template <Device D = Cpu> explicit AnyDenoiser(Checkpoint const& checkpoint, D device = {})
        : network_(recognise(detail::inference_weights(checkpoint), device)) {}

    /// Reads safetensors or a PyTorch file. Throws Error naming the path.
    template <Device D = Cpu> static AnyDenoiser read(std::filesystem::path const& path, D device = {}) {
        auto const checkpoint = load_checkpoint(path);
        try {
            return AnyDenoiser(checkpoint, device);
        } catch (Error const& error) {
            throw Error(path.string() + ": " + error.what());
        }
    }

    /// See tacet::denoise().
    Tensor<float, 3> denoise(Tensor<float, 3> const& image, DenoiseOptions const& options = {}) const {
        return network_->denoise(image, options);
    }
    /// Throws Error for options that the network cannot follow, as denoise() would. See tacet::check_denoise_options().
    void check_options(DenoiseOptions const& options) const { network_->check_options(options); }
    /// Whether the network is of the kind that is trained with attention masks: only such a one follows draws and masks.
    bool takes_masks() const { return network_->takes_masks(); }
    /// Passes the image (H, W, C) through the network in one piece, with the first draw of the masks, and shows the observer what each
    /// layer puts out, (1, H, W, features). `note` is told what denoise() would tell of masks. Throws Error when no layers are known for
    /// the network, ShapeError for other channels.
    void observe(Tensor<float, 3> const& image, LayerObserver<> const& observer, DrawOptions const& masks = {},
                 NoteFunction const& note = {}) const {
        network_->observe(image, observer, masks, note);
    }
    /// "noise2noise_unet, 991203 parameters".
    std::string description() const { return network_->description(); }

private:
    template <Device D> static std::unique_ptr<detail::Denoiser const> recognise(Checkpoint const& weights, [[maybe_unused]] D device) {
#if TACET_WITH_COMPILED
        return detail::compiled_network(weights, Cpu{}, device);
#else
        return detail::known_network<D>(weights);
#endif
    }
    std::shared_ptr<detail::Denoiser const> network_;
};

}  // namespace tacet
