// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>
#include <tacet/core/launch.cuh>

namespace tacet {
namespace kernel {

/// Where the gradients of K variables go, each over the whole shape of the expression.
template <class T, int K> struct Gradients {
    T* place[K];
};

/// place[v][k] = g[k] * d(e)/d(variable v) at element k; g has one element for all when `single`.
template <class T, int R, int K, class E>
__global__ void pull(Index n, Gradients<T, K> out, Shape<R> shape, E e, T const* g, bool single) {
    Index const k = thread_index();
    if (k >= n) return;
    auto const row = e.row(unravel(k, shape));
    T gradient[K];
    row.pull(row.template trace<false>(0), g[single ? 0 : k], gradient);
    for (int v = 0; v < K; ++v)
        if (out.place[v]) out.place[v][k] = gradient[v];
}

}  // namespace kernel

template <> struct PullbackKernel<Cuda> {
    template <class E, class T, int Q, class... V>
    static auto run(E const& e, Tensor<T, Q, Cuda> const& gy, std::tuple<V...> const& variables) {
        constexpr int R = E::rank ? E::rank : 1;
        auto const shape = detail::walkable(e.shape());
        auto const part = detail::differentiable<0>(e, shape);
        return std::apply([&](auto const&... x) {
            std::tuple full{wanted<T, R>(x, shape)...};
            kernel::Gradients<T, sizeof...(V)> const out = std::apply([](auto const&... t) {
                return kernel::Gradients<T, sizeof...(V)>{{t.data()...}};
            }, full);
            launch("pull", &kernel::pull<T, R, sizeof...(V), std::remove_const_t<decltype(part)>>, shape.size(), out, shape, part,
                   gy.data(), Q == 0);
            return std::apply([&](auto const&... t) { return std::tuple{summed(t, x)...}; }, full);
        }, variables);
    }

private:
    /// Memory for a gradient over the whole shape, where one is wanted.
    template <class T, int R, class X> static Tensor<T, R, Cuda> wanted(X const& x, Shape<R> const& shape) {
        return x.requires_grad() ? Tensor<T, R, Cuda>(shape) : Tensor<T, R, Cuda>();
    }
    /// The gradient in the variable's shape: summed where it was broadcast.
    template <class T, int R, int Q> static Tensor<T, Q, Cuda> summed(Tensor<T, R, Cuda> const& g, Variable<T, Q, Cuda> const& x) {
        if (!x.requires_grad()) return {};
        if (g.shape().size() == x.shape().size()) return g.reshape(x.shape());
        Tensor<T, Q, Cuda> sum(x.shape());
        sum_into(sum, g);
        return sum;
    }
};

}  // namespace tacet
