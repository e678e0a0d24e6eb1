// SPDX-License-Identifier: MIT
#include <tacet/denoise/known_networks.hpp>

namespace tacet {

template Variable<float, 4, Cuda> MaskedSwinIR<Cuda>::operator()(Variable<float, 4, Cuda> const&, SwinDraws const&,
                                                                 LayerObserver<Cuda, float> const&) const;
template Variable<float, 4, Cuda> MaskedSwinIR<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<BFloat16>, SwinDraws const&,
                                                                 LayerObserver<Cuda, float> const&) const;
template Variable<float, 4, Cuda> MaskedSwinIR<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<Half>, SwinDraws const&,
                                                                 LayerObserver<Cuda, float> const&) const;

namespace detail {
template std::unique_ptr<Denoiser const> load_network<MaskedSwinIR<Cuda>>(Checkpoint const&);
}  // namespace detail

}  // namespace tacet
