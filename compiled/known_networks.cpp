// SPDX-License-Identifier: MIT
#include <tacet/denoise/any_denoiser.hpp>
#include <tacet/denoise/known_networks.hpp>

namespace tacet::detail {
std::unique_ptr<Denoiser const> compiled_network(Checkpoint const& weights, Cpu, Cpu) { return known_network<Cpu>(weights); }
#if TACET_WITH_CUDA
std::unique_ptr<Denoiser const> compiled_network(Checkpoint const& weights, Cpu, Cuda) { return known_network<Cuda>(weights); }
#endif
}  // namespace tacet::detail
