// SPDX-License-Identifier: MIT
// Expressions, their sums and their gradients on the device.
#include "../support/catch.hpp"
#include <device_check.hpp>
#include <tacet/autograd/backward.hpp>
#include <tacet/autograd/pullback.hpp>
#include <tacet/expr/reduce.hpp>
#include <tacet/tensor/factory.hpp>
#include <tacet/tensor/move.hpp>

namespace expression_kernels_test {
using namespace tacet;

namespace {
template <class T, int R> auto random(Shape<R> const& shape, std::uint64_t seed) {
    Rng rng(seed);
    return randn<T>(shape, rng);
}
/// The largest difference of two tensors of the host.
template <class T, int R> double distance(Tensor<T, R> const& a, Tensor<T, R> const& b) {
    REQUIRE(a.shape() == b.shape());
    double largest = 0;
    for (Index k = 0; k < a.size(); ++k) {
        double const d = std::fabs(static_cast<double>(a.data()[k]) - static_cast<double>(b.data()[k]));
        largest = d > largest || d != d ? d : largest;
    }
    return largest;
}
}  // namespace

TEST_CASE("Expressions are evaluated on the device, flat and broadcast, and in place", "[evaluator]") {
    auto const x = random<float>(Shape{3, 5, 7}, 1);
    auto const b = random<float>(Shape{5, 1}, 2);
    auto const on_device = to<Cuda>(x);
    CHECK(distance(to<Cpu>(Tensor<float, 3, Cuda>(exp(on_device) * 2 + on_device)), Tensor<float, 3>(exp(x) * 2 + x)) < 1e-5);
    CHECK(distance(to<Cpu>(Tensor<float, 3, Cuda>(on_device * to<Cuda>(b))), Tensor<float, 3>(x * b)) == 0);
    auto y = to<Cuda>(x);
    y += 1.f;
    CHECK(distance(to<Cpu>(y), Tensor<float, 3>(x + 1.f)) == 0);
}
TEST_CASE("The functions of expressions, and their gradients", "[evaluator][pullback]") { CHECK(test::device_failures_of_functions() == ""); }
TEST_CASE("Sums along and across the rows of an image, and of all", "[reduce]") {
    auto const x = random<double>(Shape{9, 70, 130}, 3);
    auto const check = [&]<int R>(Shape<R> const& shape) {
        Tensor<double, R> expected(shape);
        Tensor<double, R, Cuda> sum(shape);
        sum_into(expected, x);
        sum_into(sum, to<Cuda>(x));
        CHECK(distance(to<Cpu>(sum), expected) < 1e-10);
    };
    check(Shape<0>{});
    check(Shape{130});
    check(Shape{70, 1});
    check(Shape{9, 1, 130});
    check(Shape{9, 70, 1});
    check(Shape{1, 70, 130});
}
TEST_CASE("Gradients of expressions, summed where variables were broadcast", "[pullback]") {
    auto const x = random<double>(Shape{4, 6, 5}, 4), s = random<double>(Shape{4, 1, 1}, 6);
    auto const w = random<double>(Shape{5}, 5);
    auto const gradients = [&]<class D>(D) {
        Variable const a(to<D>(x), true);
        Variable const b(to<D>(w), true);  // of another rank, for which nvcc wants a declaration of its own
        Variable const c(to<D>(s), true);
        Variable const y = exp(a * b) * c + a;
        backward(y, full<D>(y.shape(), 0.5));
        return std::tuple{to<Cpu>(a.grad()), to<Cpu>(b.grad()), to<Cpu>(c.grad())};
    };
    auto const [a, b, c] = gradients(Cuda{});
    auto const [ea, eb, ec] = gradients(Cpu{});
    CHECK(distance(a, ea) < 1e-12);
    CHECK(distance(b, eb) < 1e-10);
    CHECK(distance(c, ec) < 1e-10);
}
}  // namespace expression_kernels_test
