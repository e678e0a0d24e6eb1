// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/shape.hpp>
#include <tacet/io/checkpoint.hpp>

namespace tacet::detail {

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

}  // namespace tacet::detail
