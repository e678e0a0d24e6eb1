// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/pullback.hpp>
#include <cmath>
#include <cstring>
#include <tuple>
#include <vector>

// For tests against numbers that PyTorch computed: inputs that any language can make, exactly, and comparisons of an operation's
// result and gradients with lists of numbers.
namespace tacet::test {

/// Element k is (7 k mod 17 - 8) / 4.
template <class T, int R> Tensor<T, R> spread(Shape<R> const& shape) {
    Tensor<T, R> t(shape);
    for (Index k = 0; k < t.size(); ++k) t.data()[k] = static_cast<T>(7 * k % 17 - 8) / 4;
    return t;
}
/// Element k is ((5 k^2 + k) mod 17 - 8) / 4: the gradients of the results.
template <class T, int R> Tensor<T, R> spread_gradient(Shape<R> const& shape) {
    Tensor<T, R> t(shape);
    for (Index k = 0; k < t.size(); ++k) t.data()[k] = static_cast<T>((5 * k * k + k) % 17 - 8) / 4;
    return t;
}

using Numbers = std::vector<double>;

template <class T, int R> Numbers numbers_of(Tensor<T, R> const& t) { return Numbers(t.data(), t.data() + t.size()); }

/// Where y differs from `expected` by more than `tolerance`: a sentence, or nothing.
inline std::string difference_of(Numbers const& y, Numbers const& expected, double tolerance) {
    if (y.size() != expected.size()) return concat_text("there are ", y.size(), " elements, expected ", expected.size());
    for (std::size_t k = 0; k < y.size(); ++k)
        if (!(std::fabs(y[k] - expected[k]) <= tolerance)) return concat_text("element ", k, " is ", y[k], ", expected ", expected[k]);
    return "";
}

/// Computes y = f(x...) from spread inputs of these shapes, and the inputs' gradients; says what differs from `expected`, which lists
/// the elements of y and of each gradient. T is float or double.
template <class T, class F, int... R>
std::string difference_from_torch(F const& f, std::vector<Numbers> const& expected, double tolerance, Shape<R> const&... shapes) {
    auto const x = std::tuple{Variable<T, R>(spread<T>(shapes), true)...};
    Variable const y = std::apply(f, x);
    if (auto const d = difference_of(numbers_of(y.value()), expected.at(0), tolerance); !d.empty()) return "y: " + d;
    backward(y, spread_gradient<T>(y.shape()));
    std::string report;
    std::size_t k = 0;
    auto const compare = [&](auto const& v) {
        auto const d = difference_of(numbers_of(v.grad()), expected.at(++k), tolerance);
        if (!d.empty()) report += concat_text("gradient ", k, ": ", d, "; ");
    };
    std::apply([&](auto const&... v) { (compare(v), ...); }, x);
    return report;
}
/// The same in double to 2e-9 (the numbers have nine decimals) and in float to 1e-5.
template <class F, int... R>
std::string difference_from_torch(F const& f, std::vector<Numbers> const& expected, Shape<R> const&... shapes) {
    if (auto const d = difference_from_torch<double>(f, expected, 2e-9, shapes...); !d.empty()) return "double: " + d;
    if (auto const d = difference_from_torch<float>(f, expected, 1e-5, shapes...); !d.empty()) return "float: " + d;
    return "";
}

/// Whether f's result and its gradients have the same bits with 1, 2, 3 and 4 threads, in float.
template <class F, int... R> bool same_bits_for_any_threads(F const& f, Shape<R> const&... shapes) {
    struct Restore {
        int before = num_threads();
        ~Restore() { set_num_threads(before); }
    } const restore;
    std::vector<std::vector<float>> runs;
    for (int threads : {1, 2, 3, 4}) {
        set_num_threads(threads);
        auto const x = std::tuple{Variable<float, R>(spread<float>(shapes), true)...};
        Variable const y = std::apply(f, x);
        backward(y, spread_gradient<float>(y.shape()));
        std::vector<float> all(y.value().data(), y.value().data() + y.size());
        std::apply([&](auto const&... v) { (all.insert(all.end(), v.grad().data(), v.grad().data() + v.size()), ...); }, x);
        runs.push_back(all);
    }
    for (auto const& run : runs)
        if (run.size() != runs[0].size() || std::memcmp(run.data(), runs[0].data(), run.size() * sizeof(float)) != 0) return false;
    return true;
}

}  // namespace tacet::test
