// SPDX-License-Identifier: MIT
#include <tacet/models/dncnn.hpp>
#include <tacet/models/masked_swinir.hpp>
#include <tacet/models/noise2noise.hpp>

namespace tacet {

template Variable<float, 4> Noise2NoiseUNet<>::operator()(Variable<float, 4> const&) const;
template Variable<float, 4> DnCnn<>::operator()(Variable<float, 4> const&, LayerObserver<Cpu, float> const&) const;
template Variable<float, 4> MaskedSwinIR<>::operator()(Variable<float, 4> const&, SwinDraws const&, LayerObserver<Cpu, float> const&) const;

}  // namespace tacet
