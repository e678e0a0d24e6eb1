// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/expr/reduce.hpp>
#include <tacet/nn/module.hpp>
#include <tacet/tensor/factory.hpp>
#include <functional>
#include <vector>

namespace tacet {

/// One parameter of a module as a run of numbers, whatever its rank: what optimizers work on.
template <class T, Device D> struct FlatParameter {
    std::string name;
    Tensor<T, 1, D> value;                     // shares the parameter's memory
    Index place;                               // where its part begins in a tensor for all parameters
    std::function<Tensor<T, 1, D>()> grad;     // shares the gradient's memory; undefined where nothing arrived
    std::function<void()> zero_grad;

    /// Its part of a tensor for all parameters, such as their moments: the same memory.
    Tensor<T, 1, D> part_of(Tensor<T, 1, D> const& all) const { return all.part(place, value.shape()); }
};

/// A parameter in a step of all: its values and its gradient, undefined where nothing arrived.
template <class T, Device D> struct ParameterRun {
    Tensor<T, 1, D> w, g;
    Index place;  // see FlatParameter
};

namespace detail {
/// Parts of tensors for all parameters begin at multiples of so many elements: whole lines of the cache.
inline constexpr Index part_grain = 16;

/// A tensor for all parameters, of zeros.
template <class T, Device D> Tensor<T, 1, D> zeros_for(std::vector<FlatParameter<T, D>> const& list) {
    Index const n = list.empty() ? 0 : round_up(list.back().place + list.back().value.size(), part_grain);
    return Tensor<T, 1, D>(Constant<T, 1, D>{Shape<1>{{n}}, T(0)});
}

template <class T, Device D> std::vector<ParameterRun<T, D>> parameter_runs(std::vector<FlatParameter<T, D>> const& list) {
    std::vector<ParameterRun<T, D>> runs;
    for (auto const& p : list) runs.push_back({p.value, p.grad(), p.place});
    return runs;
}
}  // namespace detail

/// The parameters of a module, flat, in the order of its fields.
template <class T, Device D, Module M> std::vector<FlatParameter<T, D>> flat_parameters(M& module) {
    std::vector<FlatParameter<T, D>> list;
    Index place = 0;
    for_each_parameter(module, [&](std::string const& name, auto& p) {
        static_assert(std::is_same_v<decltype(p.value()), Tensor<T, std::remove_cvref_t<decltype(p)>::rank, D> const&>,
                      "the module's parameters have another element type or device: name it, as in Adam<double> or Adam<float, Cuda>");
        auto const flat = Shape<1>{{p.size()}};
        list.push_back({name, p.value().reshape(flat), place,
                        [slot = p.slot(), flat] { return slot->has_grad() ? slot->grad.reshape(flat) : Tensor<T, 1, D>(); },
                        [slot = p.slot()] { slot->clear(); }});
        place += detail::round_up(p.size(), detail::part_grain);
    });
    return list;
}

/// Device half of gradient_norm: writes the sum of the squares of all gradients.
template <class D> struct GradientSquares {
    static_assert(sizeof(D) == 0, "gradient_norm has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
};

template <> struct GradientSquares<Cpu> {
    template <class T> static void run(std::vector<ParameterRun<T, Cpu>> const& runs, Tensor<double, 0> const& sum) {
        sum() = 0;
        for (auto const& run : runs) {
            if (run.g.size() == 0) continue;
            Tensor<T, 0> squares{Shape<0>{}};
            sum_into(squares, square(run.g));
            sum() += static_cast<double>(squares());
        }
    }
};

/// The Euclidean norm of all gradients of a module together, in double; not finite when any of them is not.
template <class T = float, Device D = Cpu, Module M> double gradient_norm(M& module) {
    Tensor<double, 0, D> const squares{Shape<0>{}};
    GradientSquares<D>::run(detail::parameter_runs(flat_parameters<T, D>(module)), squares);
    return std::sqrt(item(squares));
}

/// Multiplies all gradients of a module by a factor.
template <class T = float, Device D = Cpu, Module M> void scale_gradients(M& module, double factor) {
    for (auto const& p : flat_parameters<T, D>(module))
        if (auto g = p.grad(); g.size() > 0) g *= static_cast<T>(factor);
}

/// What gradients of this norm are multiplied by so that it becomes at most `limit` (PyTorch's clip_grad_norm_); no more than 1.
constexpr double clip_factor(double norm, double limit) {
    double const factor = limit / (norm + 1e-6);
    return factor < 1 ? factor : 1;
}

/// Scales the gradients of a module so that their norm is at most `limit`; returns the norm before.
template <class T = float, Device D = Cpu, Module M> double clip_gradients(M& module, double limit) {
    double const norm = gradient_norm<T, D>(module), factor = clip_factor(norm, limit);
    if (factor < 1) scale_gradients<T, D>(module, factor);
    return norm;
}

template <class M> void zero_gradients(M& module) {
    for_each_parameter(module, [](std::string const&, auto& p) { p.zero_grad(); });
}

}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/optim/parameter_list.cuh>
#endif
