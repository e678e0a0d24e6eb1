// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/named_tensor.hpp>
#include <tacet/tensor/tensor.hpp>
#include <algorithm>
#include <concepts>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tacet {

// Defined in nn/module.hpp, which every module includes; nn stands to the right of io and cannot be included here.
template <class M, class V> void for_each_state(M& m, V&& visit);

namespace detail {

template <int R> std::vector<Index> extents_of(Shape<R> const& shape) {
    std::vector<Index> extents;
    for (int d = 0; d < R; ++d) extents.push_back(shape[d]);
    return extents;
}

/// Whether to_vector<T> can convert from this type; integers may still be out of range.
template <class T> bool converts_from(DType dtype) {
    if (dtype == DType::C64 || dtype == DType::F8E4M3 || dtype == DType::F8E5M2) return false;
    bool const real = dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F32 || dtype == DType::F64;
    return !std::is_integral_v<T> || !real;
}

}  // namespace detail

/// A tensor's elements under a name, copied to the host.
template <class T, int R, class D> NamedTensor named_tensor(std::string name, Tensor<T, R, D> const& x) {
    using Element = std::remove_const_t<T>;
    NamedTensor named{std::move(name), dtype_of<Element>(), detail::extents_of(x.shape()), {}};
    named.data.resize(static_cast<std::size_t>(x.size()) * sizeof(Element));
    Memory<D>::to_host(named.data.data(), x.data(), named.data.size());
    return named;
}

/// Overwrites the elements of `x`, converted to T, in its own memory. Throws ShapeError when the shapes differ.
template <class T, int R, class D> void assign_tensor(Tensor<T, R, D> const& x, NamedTensor const& named) {
    if (named.shape != detail::extents_of(x.shape()))
        throw ShapeError(concat_text("tensor ", quote_text(named.name), " has shape ", shape_text(named.shape), " instead of ", x.shape()));
    if (named.dtype == dtype_of<T>()) {
        element_count(named);
        return Memory<D>::from_host(x.data(), named.data.data(), named.data.size());
    }
    auto const values = to_vector<T>(named);
    Memory<D>::from_host(x.data(), values.data(), values.size() * sizeof(T));
}

/// A new tensor of rank R with the elements converted to T. Throws ShapeError when the rank differs.
template <class T, int R, Device D = Cpu> Tensor<T, R, D> to_tensor(NamedTensor const& named) {
    if (named.shape.size() != static_cast<std::size_t>(R))
        throw ShapeError(concat_text("tensor ", quote_text(named.name), " has shape ", shape_text(named.shape), ", not rank ", R));
    element_count(named);
    Shape<R> shape;
    for (int d = 0; d < R; ++d) shape[d] = named.shape[static_cast<std::size_t>(d)];
    Tensor<T, R, D> x(shape);
    assign_tensor(x, named);
    return x;
}

namespace detail {
struct AnyTensor {
    void operator()(std::string const&, auto const&) const {}
};
}  // namespace detail

/// How the names of a checkpoint and of a module differ; each list is in the module's or the file's order.
struct LoadReport {
    std::vector<std::string> missing;     ///< in the module only
    std::vector<std::string> unexpected;  ///< in the checkpoint only
    std::vector<std::string> mismatched;  ///< in both with different shapes (or types that do not convert), both of them stated

    bool clean() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

namespace detail {
/// "3 missing: a, b, c"; of a long list only the beginning.
inline std::string summary(char const* what, std::vector<std::string> const& names) {
    constexpr std::size_t shown = 12;
    std::string text = names.empty() ? "" : "; " + std::to_string(names.size()) + what;
    for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) text += (i ? ", " : ": ") + names[i];
    return names.size() > shown ? text + " and " + std::to_string(names.size() - shown) + " more" : text;
}
}  // namespace detail

/// "the weights do not fit the model; 1 missing: a.weight; 1 unexpected: b.weight; 1 of another shape: c.bias (3) instead of (4)".
inline std::string to_string(LoadReport const& report) {
    if (report.clean()) return "the weights fit the model";
    return "the weights do not fit the model" + detail::summary(" missing", report.missing) +
           detail::summary(" unexpected", report.unexpected) + detail::summary(" of another shape", report.mismatched);
}

/// The weights are those of another model; `report` holds all names, the text the first dozen of each kind.
struct LoadError : Error {
    explicit LoadError(LoadReport r) : Error(to_string(r)), report(std::move(r)) {}
    LoadReport report;
};

/// What load accepts.
struct LoadOptions {
    bool strict = true;  ///< every name in both; otherwise only what occurs in both is loaded
};

namespace detail {
/// Whether a file may hold this tensor although the module has none of that name: PyTorch's batch counters, which no computation reads,
/// and what the module says follows from its sizes, by `static bool redundant(std::string_view name)`.
template <class M> bool is_redundant(std::string_view name) {
    if constexpr (requires { { M::redundant(name) } -> std::same_as<bool>; })
        if (M::redundant(name)) return true;
    return name.ends_with("num_batches_tracked");
}
}  // namespace detail

/// What a checkpoint lacks, has too much, or has in another shape than the module; nothing is changed. What is redundant is never
/// unexpected (see detail::is_redundant).
template <class M> LoadReport compare(M& module, Checkpoint const& checkpoint) {
    LoadReport report;
    std::map<std::string_view, NamedTensor const*> left;
    for (NamedTensor const& x : checkpoint.tensors) left.emplace(x.name, &x);
    for_each_state(module, [&](std::string const& name, auto const& part) {
        auto const it = left.find(name);
        if (it == left.end()) {
            report.missing.push_back(name);
            return;
        }
        using T = typename std::remove_cvref_t<decltype(part)>::value_type;
        NamedTensor const& x = *it->second;
        if (x.shape != detail::extents_of(part.shape()))
            report.mismatched.push_back(concat_text(name, ' ', shape_text(x.shape), " instead of ", part.shape()));
        else if (!detail::converts_from<T>(x.dtype))
            report.mismatched.push_back(concat_text(name, ' ', to_string(x.dtype), " instead of ", to_string(dtype_of<T>())));
        left.erase(it);
    });
    for (NamedTensor const& x : checkpoint.tensors)
        if (left.count(x.name) && !detail::is_redundant<std::remove_const_t<M>>(x.name)) report.unexpected.push_back(x.name);
    return report;
}

/// Overwrites a module's state with the tensors of the same names, converted to its element types. Throws LoadError before anything is
/// changed when a shape differs or, if `strict`, when a name is missing or unexpected. Returns what was tolerated.
template <class M> LoadReport load(M& module, Checkpoint const& checkpoint, LoadOptions options = {}) {
    LoadReport report = compare(module, checkpoint);
    if (!report.mismatched.empty() || (options.strict && !report.clean())) throw LoadError(std::move(report));
    std::map<std::string_view, NamedTensor const*> tensors;
    for (NamedTensor const& x : checkpoint.tensors) tensors.emplace(x.name, &x);
    for_each_state(module, [&](std::string const& name, auto const& part) {
        if (auto const it = tensors.find(name); it != tensors.end()) assign_tensor(part, *it->second);
    });
    return report;
}

/// A module's state under the names of its fields, in their order.
template <class M> Checkpoint save(M& module) {
    Checkpoint checkpoint;
    for_each_state(module, [&](std::string const& name, auto const& part) { checkpoint.tensors.push_back(named_tensor(name, part)); });
    return checkpoint;
}

/// A module's state as the PyTorch code that it follows has it: with what that stores although it follows from the sizes, so that
/// `load_state_dict` takes it strictly. Modules that have such tensors list everything by `for_each_pytorch_entry(visit)`.
template <class M> Checkpoint save_for_pytorch(M& m) {
    if constexpr (requires { m.for_each_pytorch_entry(detail::AnyTensor{}); }) {
        Checkpoint checkpoint;
        m.for_each_pytorch_entry([&](std::string const& name, auto const& x) { checkpoint.tensors.push_back(named_tensor(name, x)); });
        return checkpoint;
    } else return save(m);
}

}  // namespace tacet
