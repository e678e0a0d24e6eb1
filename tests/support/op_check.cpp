// SPDX-License-Identifier: MIT
#include <support/difference.hpp>
#include <support/op_case.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>

// How cases are checked: compiled once for all test programs.
namespace tacet::test {

namespace {
double loss(Run& run, Array const& weights) {
    run.forward();
    Array const y = run.result();
    double s = 0;
    for (std::size_t k = 0; k < y.data.size(); ++k) s += weights.data[k] * y.data[k];
    return s;
}

/// Compares one input's gradient with central differences: eps 1e-6, atol 1e-5, rtol 1e-3.
std::string check_gradient(Run& run, Array x, std::size_t which, Array const& analytic, Array const& weights) {
    double const eps = 1e-6;
    if (analytic.shape != x.shape)
        return concat_text("the gradient of input ", which, " has the shape ", text(analytic.shape), ", the input ", text(x.shape));
    for (std::size_t k = 0; k < x.data.size(); ++k) {
        double const before = x.data[k];
        auto const at = [&](double v) {
            x.data[k] = v;
            run.set_input(which, x);
            return loss(run, weights);
        };
        double const numeric = (at(before + eps) - at(before - eps)) / (2 * eps);
        at(before);
        if (!(std::fabs(analytic.data[k] - numeric) <= 1e-5 + 1e-3 * std::fabs(numeric)))
            return concat_text("the gradient of input ", which, " at ", text(position(static_cast<std::ptrdiff_t>(k), x.shape)), " is ",
                               number(analytic.data[k]), ", finite differences give ", number(numeric));
    }
    return "";
}

/// An operation without variables or inside NoGrad is not recorded; one wanted gradient is computed as among all.
std::string check_tape(OpCase const& op, Arrays const& in, std::vector<bool> const& wants, Arrays const& gradients,
                              Array const& weights) {
    auto const constant = op.f64(in, std::vector<bool>(in.size(), false));
    constant->forward();
    if (constant->recorded()) return "the result is recorded though no input requires a gradient";
    auto const all = op.f64(in, wants);
    {
        NoGrad const guard;
        all->forward();
    }
    if (all->recorded()) return "the result is recorded inside NoGrad";
    for (std::size_t k = 0; k < in.size() && in.size() > 1; ++k) {
        if (!wants[k]) continue;
        std::vector<bool> only(in.size(), false);
        only[k] = true;
        auto const run = op.f64(in, only);
        run->forward();
        run->set_gradient(weights);
        run->backward();
        if (auto const d = difference(run->gradient(k), gradients[k], 1e-12, "among all inputs it is"); !d.empty())
            return concat_text("only input ", k, " requires a gradient: ", d);
    }
    return "";
}

/// The gradients in double against finite differences, then those in float against those in double.
std::string check_gradients(OpCase const& op, Arrays const& in, Array const& y) {
    std::vector<bool> wants;
    for (std::size_t k = 0; k < in.size(); ++k) wants.push_back(op.domain(k).differentiable);
    Array const weights = probe(y.shape);
    auto const gradients_of = [&](MakeRun const& make) {
        auto const run = make(in, wants);
        run->forward();
        run->set_gradient(weights);
        run->backward();
        Arrays g;
        for (std::size_t k = 0; k < in.size(); ++k) g.push_back(run->gradient(k));
        return g;
    };
    Arrays const doubles = gradients_of(op.f64), floats = gradients_of(op.f32);
    auto const plain = op.f64(in, std::vector<bool>(in.size(), false));
    for (std::size_t k = 0; k < in.size(); ++k) {
        if (!wants[k]) continue;
        if (auto const d = check_gradient(*plain, in[k], k, doubles[k], weights); !d.empty()) return d;
        if (auto const d = difference(floats[k], doubles[k], op.float_tolerance, "in double it is", op.gradient_floor); !d.empty())
            return concat_text("the gradient of input ", k, " in float: ", d);
    }
    return check_tape(op, in, wants, doubles, weights);
}

std::string check_run(OpCase const& op, Shapes const& shapes) {
    Arrays const in = inputs_of(op, shapes);
    std::vector<bool> const none(in.size(), false);
    auto const run64 = op.f64(in, none), run32 = op.f32(in, none);
    run64->forward();
    run32->forward();
    Array const y = run64->result();
    if (auto const d = difference(y, op.reference(in), op.tolerance, "the reference gives"); !d.empty()) return d;
    if (auto const d = difference(run32->result(), y, op.float_tolerance, "in double it is"); !d.empty()) return "in float: " + d;
    return op.differentiable ? check_gradients(op, in, y) : "";
}
}  // namespace

bool has_case(std::string const& name) {
    auto const named = [&](OpCase const& op) { return op.name == name; };
    return std::any_of(op_cases().begin(), op_cases().end(), named);
}

std::string failures_of(std::string const& name) {
    std::string report;
    std::size_t runs = 0, single = 0;
    for (OpCase const& op : op_cases()) {
        if (op.name != name) continue;
        if (!op.reference) report += op.title() + ": the case has no reference\n";
        if (op.bench.shapes.empty()) report += op.title() + ": the case has no benchmark\n";
        for (Shapes const& shapes : op.shapes) {
            ++runs;
            single += std::all_of(shapes.begin(), shapes.end(), [](Extents const& s) { return count(s) == 1; });
            std::string where = op.title() + " on";
            for (auto const& s : shapes) where += ' ' + text(s);
            try {
                if (auto const wrong = check_run(op, shapes); !wrong.empty()) report += where + ": " + wrong + '\n';
            } catch (std::exception const& e) {
                report += where + ": threw: " + e.what() + '\n';
            }
        }
    }
    if (runs < 5) report += concat_text(name, ": ", runs, " runs, at least 5 shapes are wanted\n");
    if (single == 0) report += name + ": no run with inputs of size 1\n";
    return report;
}

}  // namespace tacet::test
