// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/denoise/denoise.hpp>
#include <tacet/nn/layer_observer.hpp>
#include <string>

namespace tacet::detail {

/// A network with its weights, of which only what it does is known.
struct Denoiser {
    virtual Tensor<float, 3> denoise(Tensor<float, 3> const& image, DenoiseOptions const& options) const = 0;
    virtual void check_options(DenoiseOptions const& options) const = 0;
    virtual bool takes_masks() const = 0;
    virtual void observe(Tensor<float, 3> const& image, LayerObserver<> const& observer, DrawOptions const& masks,
                         NoteFunction const& note) const = 0;
    virtual std::string description() const = 0;
    Denoiser() = default;
    Denoiser(Denoiser const&) = delete;
    Denoiser& operator=(Denoiser const&) = delete;
    virtual ~Denoiser() = default;
};

}  // namespace tacet::detail
