// SPDX-License-Identifier: MIT
#pragma once
#include <support/array.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/pullback.hpp>
#include <functional>
#include <memory>
#include <optional>

// What a case of an operation (support/op_case.hpp) is, and how it runs, on any device.
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

/// Among the ranks of a case: an input that stays float where images are stored in 16 bits.
constexpr int weights(int rank) { return -rank; }

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
template <class T, int R, class D> void copy_into(Tensor<T, R, D> const& t, Array const& a) {
    check(t.size() == a.size(), "an array of shape ", text(a.shape), " was given for a tensor of shape ", t.shape());
    std::vector<T> host;
    for (double v : a.data) host.push_back(static_cast<T>(static_cast<Wide<T>>(v)));
    Memory<D>::from_host(t.data(), host.data(), host.size() * sizeof(T));
}
template <class T, int R, class D> Array array_of(Tensor<T, R, D> const& t) {
    Extents shape;
    for (int d = 0; d < R; ++d) shape.push_back(t.shape()[d]);
    std::vector<T> host(static_cast<std::size_t>(t.size()));
    Memory<D>::to_host(host.data(), t.data(), host.size() * sizeof(T));
    Array a(shape);
    for (std::size_t k = 0; k < host.size(); ++k) a.data[k] = static_cast<double>(host[k]);
    return a;
}
template <class X> X variable_of(Array const& a, bool wanted) {
    Tensor<typename X::value_type, X::rank, typename X::device_type> t(shape_of<X::rank>(a.shape));
    copy_into(t, a);
    return X(t, wanted);
}
/// The variable of an input among the R of a case on elements T.
template <class T, int R, class D> using Input = Variable<std::conditional_t<(R < 0), Wide<T>, T>, (R < 0 ? -R : R), D>;

template <class F, class... X> class TypedRun final : public Run {
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
        gy_ = Gradient(shape_of<Y::rank>(gy.shape));
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
    using Gradient = Tensor<typename Y::value_type, Y::rank, typename Y::device_type>;
    void each(auto&& body) const {
        std::size_t i = 0;
        std::apply([&](auto const&... x) { (body(i++, x), ...); }, x_);
    }

    F f_;
    std::tuple<X...> x_;
    std::optional<Y> y_;
    Gradient gy_;
};

template <class T, class D, int... R, class F> MakeRun make_run(F const& f) {
    return [f](Arrays const& in, std::vector<bool> const& wants) -> std::unique_ptr<Run> {
        check(in.size() == sizeof...(R), "a case with ", sizeof...(R), " inputs has a run with ", in.size());
        return [&]<std::size_t... k>(std::index_sequence<k...>) {
            return std::make_unique<TypedRun<F, Input<T, R, D>...>>(f, variable_of<Input<T, R, D>>(in[k], wants[k])...);
        }(std::make_index_sequence<sizeof...(R)>{});
    };
}
}  // namespace detail

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

}  // namespace tacet::test
