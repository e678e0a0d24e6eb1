// SPDX-License-Identifier: MIT
#include <tacet/denoise/known_networks.hpp>

namespace tacet {

template Variable<float, 4, Cuda> DnCnn<Cuda>::operator()(Variable<float, 4, Cuda> const&, LayerObserver<Cuda, float> const&) const;
template Variable<float, 4, Cuda> DnCnn<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<BFloat16>,
                                                          LayerObserver<Cuda, float> const&) const;
template Variable<float, 4, Cuda> DnCnn<Cuda>::operator()(Variable<float, 4, Cuda> const&, ComputedIn<Half>,
                                                          LayerObserver<Cuda, float> const&) const;

namespace detail {
template std::unique_ptr<Denoiser const> load_network<DnCnn<Cuda>>(Checkpoint const&);
}  // namespace detail

}  // namespace tacet
