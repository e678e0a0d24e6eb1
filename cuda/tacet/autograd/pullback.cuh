// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/pullback.hpp>
#include <tacet/core/launch.cuh>

namespace tacet {
namespace gpu {

/// place[v][k] = g[k] * d(e)/d(variable v) at element k of the shape, where a gradient is wanted; g has one element for all when `single`.
/// `flat`: all of the expression lies in memory as the shape does, and needs no index arithmetic.
template <class T, class G, int R, int K, class E> struct Pull {
    T* place[K];
    Shape<R> shape;
    E e;
    G const* g;
    bool single, flat;
    __device__ void operator()(Index k) const {
        Wide<T> gradient[K];
        auto const slope = static_cast<Wide<G>>(g[single ? 0 : k]);
        if (flat) {
            auto const all = e.flat();
            all.pull(all.template trace<true>(k), slope, gradient);
        } else {
            auto const row = e.row(unravel(k, shape));
            row.pull(row.template trace<false>(0), slope, gradient);
        }
        for (int v = 0; v < K; ++v)
            if (place[v]) place[v][k] = static_cast<T>(gradient[v]);
    }
};

}  // namespace gpu

template <> struct PullbackKernel<Cuda> {
    template <class E, class T, int Q, class... V>
    static auto run(E const& e, Tensor<T, Q, Cuda> const& gy, std::tuple<V...> const& variables) {
        constexpr int R = E::rank ? E::rank : 1;
        auto const shape = detail::walkable(e.shape());
        auto const part = detail::differentiable<0>(e, shape);
        bool const flat = lower(e, shape).contiguous(shape);
        return std::apply([&](auto const&... x) {
            using X = typename std::tuple_element_t<0, std::tuple<V...>>::value_type;
            std::tuple full{wanted<X, R>(x, shape)...};
            std::apply([&](auto const&... t) {
                launch_each("pull", shape, gpu::Pull<X, T, R, static_cast<int>(sizeof...(V)), std::remove_const_t<decltype(part)>>{
                                                      {t.data()...}, shape, part, gy.data(), Q == 0, flat});
            }, full);
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
