// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/expr/reduce.hpp>
#include <tacet/nn/module.hpp>
#include <functional>
#include <vector>

namespace tacet {

/// One parameter of a module as a run of numbers, whatever its rank: what optimizers work on.
template <class T, Device D> struct FlatParameter {
    std::string name;
    Tensor<T, 1, D> value;                     // shares the parameter's memory
    std::function<Tensor<T, 1, D>()> grad;     // shares the gradient's memory; undefined where nothing arrived
    std::function<void()> zero_grad;
};

/// The parameters of a module, flat, in the order of its fields.
template <class T, Device D, Module M> std::vector<FlatParameter<T, D>> flat_parameters(M& module) {
    std::vector<FlatParameter<T, D>> list;
    for_each_parameter(module, [&](std::string const& name, auto& p) {
        static_assert(std::is_same_v<decltype(p.value()), Tensor<T, std::remove_cvref_t<decltype(p)>::rank, D> const&>,
                      "the module's parameters have another element type or device: name it, as in Adam<double> or Adam<float, Cuda>");
        auto const flat = Shape<1>{{p.size()}};
        list.push_back({name, p.value().reshape(flat),
                        [slot = p.slot(), flat] { return slot->has_grad() ? slot->grad.reshape(flat) : Tensor<T, 1, D>(); },
                        [slot = p.slot()] { slot->clear(); }});
    });
    return list;
}

/// The Euclidean norm of all gradients of a module together, in double; not finite when any of them is not.
template <class T = float, Device D = Cpu, Module M> double gradient_norm(M& module) {
    double sum = 0;
    for (auto const& p : flat_parameters<T, D>(module)) {
        auto const g = p.grad();
        if (g.size() == 0) continue;
        Tensor<T, 0, D> s{Shape<0>{}};
        sum_into(s, square(g));
        T host;
        Memory<D>::to_host(&host, s.data(), sizeof host);
        sum += static_cast<double>(host);
    }
    return std::sqrt(sum);
}

/// Multiplies all gradients of a module by a factor.
template <class T = float, Device D = Cpu, Module M> void scale_gradients(M& module, double factor) {
    for (auto const& p : flat_parameters<T, D>(module))
        if (auto g = p.grad(); g.size() > 0) g *= static_cast<T>(factor);
}

/// Scales the gradients of a module so that their norm is at most `limit`; returns the norm before (PyTorch's clip_grad_norm_).
template <class T = float, Device D = Cpu, Module M> double clip_gradients(M& module, double limit) {
    double const norm = gradient_norm<T, D>(module), scale = limit / (norm + 1e-6);
    if (scale < 1) scale_gradients<T, D>(module, scale);
    return norm;
}

template <class M> void zero_gradients(M& module) {
    for_each_parameter(module, [](std::string const&, auto& p) { p.zero_grad(); });
}

}  // namespace tacet
