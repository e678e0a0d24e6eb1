// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>
#include <tacet/nn/module.hpp>
#include <tacet/tensor/factory.hpp>

namespace tacet {

/// A rectifier that learns the slope of its negative side (He et al., 2015): one slope for all of x (..., C), or one per channel.
template <class D = Cpu, class T = float> struct PRelu {
    Parameter<T, 1, D> weight;  // (1) or (C)

    explicit PRelu(Index channels = 1, double slope = 0.25) : weight(full<D>(Shape{channels}, static_cast<T>(slope))) {}
    template <int R> Variable<T, R, D> operator()(Variable<T, R, D> const& x) const {
        static_assert(R > 0, "PRelu needs a dimension of channels");
        Index const n = weight.size();
        check_shape(n == 1 || n == x.shape()[R - 1], "PRelu: ", n, " slopes do not fit the channels of x ", x.shape());
        return prelu(x, weight.var());
    }
    static void fields(auto& self, auto&& field) { field("weight", self.weight); }
};

}  // namespace tacet
