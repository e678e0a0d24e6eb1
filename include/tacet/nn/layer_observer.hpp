// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/tensor/tensor.hpp>
#include <functional>
#include <string>

namespace tacet {

/// Is shown the output y (N, H, W, C) of one layer of a network after the other, with the layer's name, to analyse what the network
/// makes of its input. An empty one is shown nothing and costs nothing.
template <class D = Cpu, class T = float> using LayerObserver = std::function<void(std::string const& layer, Tensor<T, 4, D> const& y)>;

}  // namespace tacet
