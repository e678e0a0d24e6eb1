// SPDX-License-Identifier: MIT
// The example of docs/adding-an-op.md: an elementwise function, and an operation with a kernel.
#include <support/catch.hpp>
#include <tacet/autograd/gradcheck.hpp>
#include <tacet/tensor/factory.hpp>

namespace tacet {

namespace fn {
struct Softplus {
    constexpr auto operator()(auto x) const { return log_of(exp_of(x) + real<decltype(x)>(1)); }
};
}  // namespace fn
/// log(1 + e^x).
template <Expression A> auto softplus(A const& x) { return map(fn::Softplus{}, x); }

/// Device half of reverse_rows: y[i] = x[n - 1 - i], rows of `width` elements.
template <class D> struct ReverseRowsKernel {
    static_assert(sizeof(D) == 0, "reverse_rows has no kernels for this device here: compile this file as .cu");
    static void run(auto const&...) {}
};
template <> struct ReverseRowsKernel<Cpu> {
    template <class T> static void run(T* y, T const* x, Index rows, Index width) {
        parallel_for(rows, [&](Index i) { std::copy_n(x + (rows - 1 - i) * width, width, y + i * width); });
    }
};

/// The rows of x (N, W) in reverse order.
template <class T, class D> Variable<T, 2, D> reverse_rows(Variable<T, 2, D> const& x) {
    auto const [n, w] = x.shape().extent;
    check_shape(n > 0, "reverse_rows: x ", x.shape(), " has no rows");
    Tensor<T, 2, D> y(x.shape());
    ReverseRowsKernel<D>::run(y.data(), x.value().data(), n, w);
    // What the pull captures is what the tape keeps: here the slot of the gradient and two numbers, but not x.
    return record(y, [slot = x.slot(), n = n, w = w](Tensor<T, 2, D> const& gy) {
        Tensor<T, 2, D> gx(gy.shape());
        ReverseRowsKernel<D>::run(gx.data(), gy.data(), n, w);
        deliver(slot, gx);
    }, x);
}

}  // namespace tacet

using namespace tacet;

TEST_CASE("A new elementwise function needs no derivative, a new operation its own") {
    Rng rng(0);
    Variable x(randn<double>(Shape{3, 4}, rng), true);
    REQUIRE(gradcheck([](auto const& v) { Variable y = softplus(2 * v) * v; return y; }, x));
    REQUIRE(gradcheck([](auto const& v) { return reverse_rows(v); }, x));
    REQUIRE(reverse_rows(x).value()(0, 1) == x.value()(2, 1));
}
