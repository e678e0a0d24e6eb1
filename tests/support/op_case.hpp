// SPDX-License-Identifier: MIT
#pragma once
#include <support/array.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/pullback.hpp>
#include <functional>
#include <memory>
#include <optional>

// The table of operations: one entry drives the comparison with a naive reference, the check of the gradients, float against
// double, and a benchmark. Every public function of ops/*.hpp and of expr/functions.hpp has at least one (tests/ops/coverage.cpp).
// Entries register themselves, in the test file of the operation:
//
//     #include <support/catch.hpp>
//     #include <support/op_case.hpp>
//     #include <tacet/ops/pool.hpp>
//     using namespace tacet;
//     using namespace tacet::test;
//
//     namespace {
//     Array reference(Arrays const& in) {                       // plain loops over doubles, nothing of the library
//         Array const& x = in[0];                               // (N, H, W, C)
//         Array y({x.extent(0), x.extent(3)});
//         double const pixels = double(x.extent(1) * x.extent(2));
//         for_each_index(x.shape, [&](Extents const& i) { y[{i[0], i[3]}] += x[i] / pixels; });
//         return y;
//     }
//     Case<4> const global_average({                            // <the ranks of the inputs>
//         .name = "global_average_pool",                        // the public function
//         .reference = reference,
//         .shapes = {{{1, 1, 1, 1}}, {{2, 3, 5, 1}}, ...},      // runs: a shape per input. At least five, one of size 1
//         .bench = {.shapes = {{8, 64, 64, 32}}, .flops = [](Shapes const& s) { return double(count(s[0])); }},
//     }, [](auto const& x) { return global_average_pool(x); }); // called with Variables of double and of float
//     }  // namespace
//
//     TEST_CASE("global_average_pool: values, gradients, float") { CHECK(failures_of("global_average_pool") == ""); }
//
// * Several parameters of one operation: write `Case<4, 4> conv_case(std::string variant, ConvOptions o, ...)`, a function with one
//   lambda that captures the options, and call it for each: the operation is then compiled once. Case copies, several may share a name.
// * Inputs are spread over [-2, 2]; `.inputs` changes that per input, and names those without a derivative (masks, indices).
// * To try a single file: `g++ ... tests/ops/pool.cpp tests/support/op_check.cpp tests/support/main.cpp`, then run it with the name
//   of a test.
// * Keep runs small: every element of every input costs two evaluations for the finite differences.
// * Nothing here uses Catch2. benchmarks/ops links the same objects.
namespace tacet::test {

/// Values of an input: uniform in [low, high], or 0 and 1 alike. Without `differentiable`, its gradient is not looked at.
struct Domain {
    double low = -2, high = 2;
    bool differentiable = true;
    bool binary = false;
};

using Shapes = std::vector<Extents>;

/// What benchmarks run, in float: inputs of these shapes (the default; the command line may name others). `bytes` read and written
/// and `flops` are those of the forward pass; the backward pass counts `backward` times as many.
struct Bench {
    Shapes shapes = {};
    std::function<double(Shapes const&)> flops = [](Shapes const&) { return 0.0; };
    std::function<double(Shapes const&)> bytes = {};  // unset: inputs and output once
    double backward = 2;
};

/// An operation with its inputs, in one element type.
struct Run {
    virtual ~Run() = default;
    /// Computes y.
    virtual void forward() = 0;
    /// Propagates the gradient set before: the input's gradients are cleared, then computed.
    virtual void backward() = 0;
    virtual void set_input(std::size_t k, Array const& x) = 0;
    virtual void set_gradient(Array const& gy) = 0;
    virtual Array result() const = 0;
    /// d(loss)/d(input k); an empty shape and no data when there is none.
    virtual Array gradient(std::size_t k) const = 0;
    virtual bool recorded() const = 0;
};
/// Makes a run; `wants[k]`: whether input k requires a gradient.
using MakeRun = std::function<std::unique_ptr<Run>(Arrays const& inputs, std::vector<bool> const& wants)>;

struct OpCase {
    std::string name = {};          // the public function
    std::string variant = {};  // tells the cases of one function apart in messages
    std::function<Array(Arrays const&)> reference = {};
    std::vector<Shapes> shapes = {};
    std::vector<Domain> inputs = {};  // one per input; the others have the default
    double tolerance = 1e-11;         // double against the reference, relative to |element| + the root mean square of all
    double float_tolerance = 1e-5;    // float against double, likewise
    double gradient_floor = 0;        // absolute error of a float gradient that may pass: where terms cancel to nearly 0
    bool differentiable = true;
    Bench bench = {};
    MakeRun f32 = {}, f64 = {};       // set by Case

    Domain domain(std::size_t k) const { return k < inputs.size() ? inputs[k] : Domain{}; }
    std::string title() const { return variant.empty() ? name : name + " [" + variant + "]"; }
};

/// All cases of this program.
inline std::vector<OpCase>& op_cases() {
    static std::vector<OpCase> cases;
    return cases;
}

namespace detail {
template <int R> Shape<R> shape_of(Extents const& extents) {
    check(static_cast<int>(extents.size()) == R, "a case of rank ", R, " has a run with the shape ", text(extents));
    Shape<R> s;
    for (int d = 0; d < R; ++d) s[d] = extents[static_cast<std::size_t>(d)];
    return s;
}
template <class T, int R> void copy_into(Tensor<T, R> const& t, Array const& a) {
    check(t.size() == a.size(), "an array of shape ", text(a.shape), " was given for a tensor of shape ", t.shape());
    for (Index k = 0; k < t.size(); ++k) t.data()[k] = static_cast<T>(a.data[static_cast<std::size_t>(k)]);
}
template <class T, int R> Array array_of(Tensor<T, R> const& t) {
    Extents shape;
    for (int d = 0; d < R; ++d) shape.push_back(t.shape()[d]);
    Array a(shape);
    for (Index k = 0; k < t.size(); ++k) a.data[static_cast<std::size_t>(k)] = static_cast<double>(t.data()[k]);
    return a;
}
template <class T, int R> Variable<T, R> variable_of(Array const& a, bool wanted) {
    Tensor<T, R> t(shape_of<R>(a.shape));
    copy_into(t, a);
    return Variable<T, R>(t, wanted);
}

template <class T, class F, class... X> class TypedRun final : public Run {
public:
    TypedRun(F f, X... x) : f_(std::move(f)), x_(std::move(x)...) {}

    void forward() override { y_.emplace(std::apply(f_, x_)).value(); }  // a convolution is deferred until its value is asked for
    void backward() override {
        std::apply([](auto const&... x) { (x.zero_grad(), ...); }, x_);
        tacet::backward(*y_, gy_);
        y_.reset();
    }
    void set_input(std::size_t k, Array const& a) override {
        each([&](std::size_t i, auto const& x) { if (i == k) copy_into(x.value(), a); });
    }
    void set_gradient(Array const& gy) override {
        gy_ = Tensor<T, Y::rank>(shape_of<Y::rank>(gy.shape));
        copy_into(gy_, gy);
    }
    Array result() const override { return array_of(y_->value()); }
    Array gradient(std::size_t k) const override {
        Array g;
        each([&](std::size_t i, auto const& x) { if (i == k && x.has_grad()) g = array_of(x.grad()); });
        return g;
    }
    bool recorded() const override { return y_->requires_grad(); }

private:
    using Y = decltype(Variable(std::declval<F const&>()(std::declval<X const&>()...)));
    void each(auto&& body) const {
        std::size_t i = 0;
        std::apply([&](auto const&... x) { (body(i++, x), ...); }, x_);
    }

    F f_;
    std::tuple<X...> x_;
    std::optional<Y> y_;
    Tensor<T, Y::rank> gy_;
};

template <class T, int... R, class F> MakeRun make_run(F const& f) {
    return [f](Arrays const& in, std::vector<bool> const& wants) -> std::unique_ptr<Run> {
        check(in.size() == sizeof...(R), "a case with ", sizeof...(R), " inputs has a run with ", in.size());
        return [&]<std::size_t... k>(std::index_sequence<k...>) {
            return std::make_unique<TypedRun<T, F, Variable<T, R>...>>(f, variable_of<T, R>(in[k], wants[k])...);
        }(std::make_index_sequence<sizeof...(R)>{});
    };
}
}  // namespace detail

/// Registers an operation on inputs of ranks R...: see the top of this file.
template <int... R> struct Case {
    template <class F> Case(OpCase op, F const& f) {
        op.f32 = detail::make_run<float, R...>(f);
        op.f64 = detail::make_run<double, R...>(f);
        op_cases().push_back(std::move(op));
    }
};

/// Reproducible inputs of a run, exact in float.
inline Arrays inputs_of(OpCase const& op, Shapes const& shapes) {
    Arrays in;
    for (std::size_t k = 0; k < shapes.size(); ++k) {
        Domain const d = op.domain(k);
        in.push_back(numbers(shapes[k], d.low, d.high, 17 * k + shapes[k].size() + static_cast<std::uint64_t>(count(shapes[k]))));
        if (d.binary)
            for (double& v : in.back().data) v = v > (d.low + d.high) / 2;
    }
    return in;
}

/// What is wrong with a public function by its cases: one line per failed run, or nothing. Too few cases are wrong, too.
std::string failures_of(std::string const& name);
bool has_case(std::string const& name);

}  // namespace tacet::test
