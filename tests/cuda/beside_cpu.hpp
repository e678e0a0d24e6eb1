// SPDX-License-Identifier: MIT
#pragma once
#include "../support/catch.hpp"
#include <orders.hpp>
#include <support/difference.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/core/random.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/move.hpp>
#include <cmath>
#include <tuple>
#include <vector>

// An operation on the device, with numbers of some type, beside the same on the CPU in double.
namespace tacet::test {

/// An input of an operation: images, of the 16-bit type, or weights, which are wide.
template <int R, bool is_image> struct Input {
    static constexpr int rank = R;
    Shape<R> shape;
    template <class X> using Type = std::conditional_t<is_image, X, Wide<X>>;
};
template <int R> Input<R, true> images(Shape<R> const& s) { return {s}; }
template <int R> Input<R, false> weights(Shape<R> const& s) { return {s}; }

/// The same values whatever T is: small integers by 64, which all types hold.
template <class T, class D, int R> Tensor<T, R, D> values(Shape<R> const& shape, std::uint64_t seed) {
    Rng rng(seed);
    return detail::filled<T, D>(shape, [&](T* data, Index n) {
        for (Index k = 0; k < n; ++k) data[k] = static_cast<T>(std::round(rng.uniform() * 200 - 100) / 64);
    });
}
using Results = std::vector<std::vector<double>>;
template <class T, int R, class D> void add(Results& all, Tensor<T, R, D> const& t) {
    auto const host = to<Cpu>(t);
    all.emplace_back(host.data(), host.data() + host.size());
}

/// What the operation gives for images of type X: its result and the gradients of its inputs.
template <class X, class D, class F, class... In> Results results(F const& op, In const&... in) {
    std::uint64_t seed = 10;
    std::tuple const x{[&](auto const& input) {
        using Kind = std::remove_cvref_t<decltype(input)>;
        using T = typename Kind::template Type<X>;
        return Variable<T, Kind::rank, D>(values<T, D>(input.shape, ++seed), true);
    }(in)...};
    Variable const y = std::apply(op, x);
    Results all;
    add(all, y.value());
    backward(y, values<typename decltype(y)::value_type, D>(y.shape(), 99));
    std::apply([&](auto const&... v) { (add(all, v.grad()), ...); }, x);
    return all;
}
/// Results and gradients differ by less than `limit`, squared and relative to their squares, whatever the order of threads.
template <class X, class F, class... In> void compare(double limit, F const& op, In const&... in) {
    auto const expected = results<double, Cpu>(op, in...);
    for (std::uint64_t order = 1; order <= test::device_orders; ++order) {
        test::set_device_order(order);
        auto const found = results<X, Cuda>(op, in...);
        for (std::size_t k = 0; k < expected.size(); ++k) {
            INFO((k ? concat_text("gradient of input ", k - 1) : std::string("result")) << ", order " << order);
            CHECK(relative_square(found[k], expected[k]) < limit);
        }
    }
}

}  // namespace tacet::test
