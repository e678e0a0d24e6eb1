// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/limits.hpp>
#include <tacet/core/simd.hpp>
#include <tacet/optim/optimizer.hpp>

namespace tacet {

/// Adam (Kingma & Ba, 2015). `weight_decay` is added to the gradient, or, `decoupled`, shrinks the weights directly (AdamW,
/// Loshchilov & Hutter, 2019).
struct AdamOptions {
    double rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
    bool decoupled = false;
    static void fields(auto& self, auto&& field) {
        constexpr detail::Limits decay{.low = 0, .high = 1, .high_open = true};
        field("rate", self.rate, "learning rate", detail::AboveLimit{0});
        field("beta1", self.beta1, "decay of the mean of gradients", decay);
        field("beta2", self.beta2, "decay of the mean of squared gradients", decay);
        field("epsilon", self.epsilon, "added to the root of the latter", detail::AboveLimit{0});
        field("weight_decay", self.weight_decay, "pull of the weights towards zero", detail::LowLimit{0});
        field("decoupled", self.decoupled, "decay the weights themselves, as AdamW does");
    }
};

namespace detail {
/// One step's factors: those of the options, with the bias corrections of step t.
template <class T> struct AdamFactors {
    T add1, keep2, add2, step, root2, epsilon, gradient_decay, weight_factor;
    AdamFactors(AdamOptions const& o, double t)
        : add1(static_cast<T>(1 - o.beta1)), keep2(static_cast<T>(o.beta2)), add2(static_cast<T>(1 - o.beta2)),
          step(static_cast<T>(o.rate / (1 - std::pow(o.beta1, t)))),
          root2(static_cast<T>(std::sqrt(1 - std::pow(o.beta2, t)))), epsilon(static_cast<T>(o.epsilon)),
          gradient_decay(static_cast<T>(o.decoupled ? 0 : o.weight_decay)),
          weight_factor(static_cast<T>(o.decoupled ? 1 - o.rate * o.weight_decay : 1)) {}
    /// The same in every lane of a vector.
    template <class S> explicit AdamFactors(AdamFactors<S> const& f)
        : add1(T::broadcast(f.add1)), keep2(T::broadcast(f.keep2)), add2(T::broadcast(f.add2)), step(T::broadcast(f.step)),
          root2(T::broadcast(f.root2)), epsilon(T::broadcast(f.epsilon)), gradient_decay(T::broadcast(f.gradient_decay)),
          weight_factor(T::broadcast(f.weight_factor)) {}
};
}  // namespace detail

/// How a device takes an Adam step: everything in one pass over memory.
template <class D> struct AdamKernel {
    static_assert(sizeof(D) == 0, "adam has no kernels for this device here: compile this file as .cu");
    static void step(auto const&...) {}
};

template <> struct AdamKernel<Cpu> {
    template <class T> static void step(T* w, T const* g, T* m, T* v, Index n, detail::AdamFactors<T> const& factors) {
        using V = Simd<T>;
        parallel_ranges(n, 16384, [&](Index begin, Index end) {
            detail::AdamFactors<V> const f(factors);  // a copy: what is written could overlap the factors themselves
            Index k = begin;
            for (; k + V::lanes <= end; k += V::lanes)
                update(w + k, g + k, m + k, v + k, f, [](T const* p) { return V::load(p); }, [](V x, T* p) { x.store(p); });
            int const rest = static_cast<int>(end - k);
            update(w + k, g + k, m + k, v + k, f, [&](T const* p) { return V::load_partial(p, rest); },
                   [&](V x, T* p) { x.store_partial(p, rest); });
        });
    }

private:
    /// One vector of parameters, which load(p) reads and store(x, p) writes.
    template <class T, class V>
    static void update(T* w, T const* g, T* m, T* v, detail::AdamFactors<V> const& f, auto&& load, auto&& store) {
        V const w0 = load(w), g0 = fma(f.gradient_decay, w0, load(g));
        V const m0 = load(m), m1 = fma(f.add1, g0 - m0, m0), v1 = fma(f.add2 * g0, g0, f.keep2 * load(v));
        store(m1, m);
        store(v1, v);
        store(f.weight_factor * w0 - f.step * m1 / (sqrt(v1) / f.root2 + f.epsilon), w);
    }
};

/// Adam over the parameters of a module. T and D are those of the parameters.
template <class T = float, Device D = Cpu> class Adam : public Optimizer<T, D, AdamOptions> {
public:
    template <Module M> explicit Adam(M& module, AdamOptions const& options = {}) : Optimizer<T, D, AdamOptions>(module, options) {}

    /// Moves every parameter that has a gradient, and clears the gradients.
    void step() {
        detail::AdamFactors<T> const factors(this->options_, static_cast<double>(++this->steps_));
        this->for_each_gradient([&](std::size_t i, Tensor<T, 1, D> const& w, Tensor<T, 1, D> const& g) {
            AdamKernel<D>::step(w.data(), g.data(), mean_[i].data(), square_[i].data(), g.size(), factors);
        });
    }
    /// Calls visit(name, tensor of rank 1) for what a checkpoint must hold besides steps().
    void for_each_state(auto&& visit) {
        this->for_each_moment("exp_avg", mean_, visit);
        this->for_each_moment("exp_avg_sq", square_, visit);
    }

private:
    std::vector<Tensor<T, 1, D>> mean_ = this->zeros_like_parameters(), square_ = this->zeros_like_parameters();
};

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/optim/adam.cuh>
#endif
