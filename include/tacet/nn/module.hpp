// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/nn/parameter.hpp>
#include <concepts>
#include <string>

namespace tacet {

namespace detail {
struct AnyField {
    void operator()(char const*, auto&) const {}
};
}  // namespace detail

/// A struct that lists its parts once: `static void fields(auto& self, auto&& field) { field("weight", self.weight), ... }`.
/// Parts are modules, ranges of modules, Parameters, and Tensors (state that is saved but not trained, such as running means).
template <class M> concept Module = requires(M& m) { std::remove_cvref_t<M>::fields(m, detail::AnyField{}); };

namespace detail {
template <class X> constexpr bool is_parameter = false;
template <class T, int R, class D> constexpr bool is_parameter<Parameter<T, R, D>> = true;
template <class X> constexpr bool is_tensor = false;
template <class T, int R, class D> constexpr bool is_tensor<Tensor<T, R, D>> = true;
}  // namespace detail

/// Calls visit("a.b.weight", part) for every Parameter and every Tensor of a module, depth first, in the order of `fields`.
template <class M, class V> void for_each_part(M& m, V&& visit, std::string const& prefix = "") {
    std::remove_cvref_t<M>::fields(m, [&](char const* name, auto& part) {
        using P = std::remove_cvref_t<decltype(part)>;
        std::string const path = prefix.empty() ? name : *name ? prefix + "." + name : prefix;
        if constexpr (detail::is_parameter<P> || detail::is_tensor<P>) visit(path, part);
        else if constexpr (Module<P>) for_each_part(part, visit, path);
        else {
            static_assert(
                requires { part.begin(); }, "fields lists a part that is neither a Parameter, a Tensor, a module nor a range of modules");
            int i = 0;
            for (auto& element : part) for_each_part(element, visit, (path.empty() ? "" : path + ".") + std::to_string(i++));
        }
    });
}

namespace detail {
template <class M> struct DeviceOf { using type = Cpu; };
template <class M> requires requires { typename M::device_type; } struct DeviceOf<M> { using type = typename M::device_type; };
}  // namespace detail
/// Where a module's parameters are: the device that it names as device_type, else the CPU.
template <class M> using device_of = typename detail::DeviceOf<M>::type;

/// Calls visit("a.b.weight", parameter) for every Parameter of a module.
template <class M, class V> void for_each_parameter(M& m, V&& visit) {
    for_each_part(m, [&](std::string const& name, auto& part) {
        if constexpr (detail::is_parameter<std::remove_cvref_t<decltype(part)>>) visit(name, part);
    });
}

/// Calls visit("a.b.weight", tensor) for everything that a checkpoint of a module holds: the values of parameters, and tensors.
template <class M, class V> void for_each_state(M& m, V&& visit) {
    for_each_part(m, [&](std::string const& name, auto& part) {
        if constexpr (detail::is_parameter<std::remove_cvref_t<decltype(part)>>) visit(name, part.value());
        else visit(name, part);
    });
}

/// Calls visit(module) for a module and for every module within it, the outer one first.
template <class M, class V> void for_each_module(M& m, V&& visit) {
    visit(m);
    std::remove_cvref_t<M>::fields(m, [&](char const*, auto& part) {
        using P = std::remove_cvref_t<decltype(part)>;
        if constexpr (Module<P>) for_each_module(part, visit);
        else if constexpr (!detail::is_parameter<P> && !detail::is_tensor<P>)
            for (auto& element : part) for_each_module(element, visit);
    });
}

/// Sets the switch `bool training` of every module within m that has one (BatchNorm2d): true before training, false before evaluating.
template <class M> void set_training(M& m, bool training) {
    for_each_module(m, [training](auto& module) {
        if constexpr (requires { { (module.training) } -> std::same_as<bool&>; }) module.training = training;
    });
}

/// The number of trainable numbers in a module.
template <class M> Index parameter_count(M const& m) {
    Index n = 0;
    for_each_parameter(m, [&](std::string const&, auto const& p) { n += p.size(); });
    return n;
}

}  // namespace tacet
