// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/cell.hpp>
#include <tacet/core/limits.hpp>
#include <tacet/core/simd.hpp>
#include <tacet/optim/ema.hpp>
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
/// One step's factors: those of the options, with the bias corrections of step t, and what gradients are multiplied by first.
template <class T> struct AdamFactors {
    T add1, keep2, add2, step, root2, epsilon, gradient, gradient_decay, weight_factor;
    AdamFactors() = default;
    constexpr AdamFactors(AdamOptions const& o, double rate, double t, double gradient_factor = 1)
        : add1(static_cast<T>(1 - o.beta1)), keep2(static_cast<T>(o.beta2)), add2(static_cast<T>(1 - o.beta2)),
          step(static_cast<T>(rate / (1 - std::pow(o.beta1, t)))), root2(static_cast<T>(std::sqrt(1 - std::pow(o.beta2, t)))),
          epsilon(static_cast<T>(o.epsilon)), gradient(static_cast<T>(gradient_factor)),
          gradient_decay(static_cast<T>(o.decoupled ? 0 : o.weight_decay)),
          weight_factor(static_cast<T>(o.decoupled ? 1 - rate * o.weight_decay : 1)) {}
    /// The same in every lane of a vector.
    template <class S> explicit AdamFactors(AdamFactors<S> const& f)
        : add1(T::broadcast(f.add1)), keep2(T::broadcast(f.keep2)), add2(T::broadcast(f.add2)), step(T::broadcast(f.step)),
          root2(T::broadcast(f.root2)), epsilon(T::broadcast(f.epsilon)), gradient(T::broadcast(f.gradient)),
          gradient_decay(T::broadcast(f.gradient_decay)), weight_factor(T::broadcast(f.weight_factor)) {}
};

/// What the kernels of one step go by.
template <class T> struct AdamStep {
    AdamFactors<T> factors;
    T average_share;  // of the parameters in their moving average
    bool moves;
};
}  // namespace detail

/// Whether a step is made, and what its gradients are multiplied by first.
struct StepDecision {
    bool moves = true;
    double gradient_factor = 1;
};

namespace detail {
struct AlwaysMove {
    constexpr StepDecision operator()() const { return {}; }
};

/// Decides about a step, where the parameters are.
template <class T, class Decide> struct AdamPlan {
    AdamStep<T>* step;
    Index* steps;
    double const* rate;
    AdamOptions options;
    double average_decay;
    Decide decide;
    constexpr void operator()(Index) const {
        StepDecision const decision = decide();
        step->moves = decision.moves;
        if (!decision.moves) return;
        auto const t = static_cast<double>(++*steps);
        step->factors = AdamFactors<T>(options, *rate, t, decision.gradient_factor);
        step->average_share = static_cast<T>(1 - young_decay(average_decay, t));
    }
};
}  // namespace detail

/// How a device takes an Adam step: plan(p) runs p(0), and move() does all else.
template <class D> struct AdamKernel {
    static_assert(sizeof(D) == 0, "adam has no kernels for this device here: compile this file as .cu");
    static void plan(auto const&...) {}
    static void move(auto const&...) {}
};

template <> struct AdamKernel<Cpu> {
    static void plan(auto const& p) { p(0); }
    /// Moments, and the average unless it is undefined, are tensors for all parameters.
    template <class T>
    static void move(std::vector<ParameterRun<T, Cpu>> const& runs, Tensor<T, 1> const& mean, Tensor<T, 1> const& square,
                     Tensor<T, 1> const& average, detail::AdamStep<T> const* step) {
        if (!step->moves) return;
        for (auto const& [w, g, place] : runs) {
            if (g.size() > 0) move(w.data(), g.data(), mean.data() + place, square.data() + place, w.size(), step->factors);
            if (average.size() > 0) detail::follow(average.part(place, w.shape()), w, step->average_share);
        }
    }
    /// One parameter w (n) with its gradient g and its moments m and v.
    template <class T> static void move(T* w, T const* g, T* m, T* v, Index n, detail::AdamFactors<T> const& factors) {
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
        V const w0 = load(w), g0 = fma(f.gradient_decay, w0, f.gradient * load(g));
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
    void step() { step(detail::AlwaysMove{}); }
    /// The same as decide() says, a StepDecision: it is called where the parameters are, on a GPU in a kernel that nobody waits for, and
    /// of what lies there it may read and write. The parameters' average, if there is one, follows with a young_decay.
    template <class Decide> void step(Decide const& decide, Ema<T, D> const* average = nullptr) {
        double const decay = average ? average->decay() : 0;
        detail::AdamStep<T>* const step = step_.data();
        AdamKernel<D>::plan(detail::AdamPlan<T, Decide>{step, this->steps_.data(), this->rate_.data(), this->options_, decay, decide});
        AdamKernel<D>::move(detail::parameter_runs(this->parameters_), mean_, square_, average ? average->average() : Tensor<T, 1, D>(),
                            step);
        this->skip();
    }
    /// Calls visit(name, tensor of rank 1) for what a checkpoint must hold besides steps().
    void for_each_state(auto&& visit) {
        this->for_each_moment("exp_avg", mean_, visit);
        this->for_each_moment("exp_avg_sq", square_, visit);
    }

private:
    Tensor<T, 1, D> mean_ = this->moment(), square_ = this->moment();
    Cell<detail::AdamStep<T>, D> step_{{}};
};

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/optim/adam.cuh>
#endif
