// SPDX-License-Identifier: MIT
#include <tacet/denoise/known_networks.hpp>

namespace tacet {

template Variable<float, 4, Cuda> Noise2NoiseUNet<Cuda>::operator()(Variable<float, 4, Cuda> const&) const;
template Variable<float, 4, Cuda> Noise2NoiseUNet<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<BFloat16>) const;
template Variable<float, 4, Cuda> Noise2NoiseUNet<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<Half>) const;

namespace detail {
template std::unique_ptr<Denoiser const> load_network<Noise2NoiseUNet<Cuda>>(Checkpoint const&);
template std::unique_ptr<Denoiser const> load_network<Noise2NoiseCompat<Cuda>>(Checkpoint const&);
}  // namespace detail

}  // namespace tacet
