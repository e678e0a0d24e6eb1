// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/pullback.hpp>
#include <cmath>
#include <tuple>

namespace tacet {

/// Tolerances of gradcheck: PyTorch's defaults.
struct GradcheckOptions {
    double eps = 1e-6, atol = 1e-5, rtol = 1e-3;
};

namespace detail {
/// A fixed, uneven weighting of the results, so that no gradient can hide in a symmetric sum.
inline double probe_weight(Index k) { return std::sin(static_cast<double>(k) * 1.7 + 0.3) + 0.2; }

template <int R> double probe(Tensor<double, R> const& y) {
    double s = 0;
    for (Index k = 0; k < y.size(); ++k) s += probe_weight(k) * y.data()[k];
    return s;
}

template <class F, int R, class... X>
void gradcheck_input(int which, F const& f, Variable<double, R> const& x, GradcheckOptions const& o, X const&... all) {
    for (Index k = 0; x.requires_grad() && k < x.size(); ++k) {
        double& element = x.value().data()[k];
        double const before = element;
        auto const at = [&](double v) {
            NoGrad const guard;
            element = v;
            return probe(Variable(f(all...)).value());
        };
        double const numeric = (at(before + o.eps) - at(before - o.eps)) / (2 * o.eps);
        element = before;
        double const analytic = x.has_grad() ? x.grad().data()[k] : 0;
        check(std::abs(analytic - numeric) <= o.atol + o.rtol * std::abs(numeric), "gradcheck: input ", which, " of shape ", x.shape(),
              ", element ", k, ": the gradient is ", analytic, ", finite differences give ", numeric);
    }
}
}  // namespace detail

/// Compares the gradients of f(x...) with central differences, in double, for every element of every input that requires a
/// gradient. Throws Error naming the first element that disagrees; true otherwise.
template <class F, int... R> bool gradcheck(F const& f, GradcheckOptions const& o, Variable<double, R> const&... x) {
    (x.zero_grad(), ...);
    Variable y = f(x...);
    auto gy = Tensor<double, decltype(y)::rank>(y.shape());
    for (Index k = 0; k < gy.size(); ++k) gy.data()[k] = detail::probe_weight(k);
    backward(y, gy);
    int which = 0;
    (detail::gradcheck_input(which++, f, x, o, x...), ...);
    return true;
}
template <class F, int... R> bool gradcheck(F const& f, Variable<double, R> const&... x) { return gradcheck(f, GradcheckOptions{}, x...); }

}  // namespace tacet
