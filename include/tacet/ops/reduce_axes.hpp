// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/ops/operand.hpp>

namespace tacet {

/// Keeps the axes that a reduction runs over, with extent 1: `sum<1, 2>(x, keep_dims)`.
struct KeepDims {};
inline constexpr KeepDims keep_dims{};

namespace detail {

/// Which axes of rank R a reduction runs over: those named, of which negative ones count from the end, or all when none is named.
template <int R, int... Axes> struct Reduction {
    static_assert(distinct_axes<R, Axes...>, "a reduction names an axis twice, or one that the operand does not have");
    static constexpr bool reduces([[maybe_unused]] int d) { return sizeof...(Axes) == 0 || ((d == axis_of<R>(Axes)) || ...); }
    static constexpr int reduced = [] {
        int n = 0;
        for (int d = 0; d < R; ++d) n += reduces(d);
        return n;
    }();
    static constexpr int kept = R - reduced;

    /// The shape with extent 1 where it is reduced.
    static Shape<R> ones(Shape<R> shape) {
        for (int d = 0; d < R; ++d)
            if (reduces(d)) shape[d] = 1;
        return shape;
    }
    /// The shape without the reduced axes.
    static Shape<kept> dropped(Shape<R> const& shape) {
        Shape<kept> s;
        for (int d = 0, k = 0; d < R; ++d)
            if (!reduces(d)) s[k++] = shape[d];
        return s;
    }
    /// How many elements each result is made from.
    static Index count(Shape<R> const& shape) {
        Index n = 1;
        for (int d = 0; d < R; ++d)
            if (reduces(d)) n *= shape[d];
        return n;
    }
};

/// The first of two operands, repeated over the shape of both.
struct First {
    constexpr auto operator()(auto a, auto) const { return a; }
};
template <class T, int R, class G, int Q, class D> Tensor<T, R, D> repeated(Tensor<G, Q, D> const& t, Shape<R> const& shape) {
    return Tensor<T, R, D>(map(First{}, cast<T>(t), Constant<T, R, D>{shape, 0}));
}

/// What a sum's pull keeps: the expression, to be computed again, or of a single variable nothing but its shape.
template <class E> struct Summand {
    E e;
    template <class T, int Q, class D> void pull(Tensor<T, Q, D> const& g) const {
        using X = typename E::value_type;
        if constexpr (Q == 0) pullback(e, g);
        else pullback(e * cast<X>(g), Tensor<T, 0, D>(Constant<T, 0, D>{{}, T(1)}));
    }
};
template <class T, int R, class D> struct Summand<Variable<T, R, D>> {
    Shape<R> shape;
    std::shared_ptr<Slot<T, R, D>> slot;
    explicit Summand(Variable<T, R, D> const& x) : shape(x.shape()), slot(x.slot()) {}
    template <class G, int Q> void pull(Tensor<G, Q, D> const& g) const {
        if (slot) deliver(slot, repeated<T, R>(g, shape));
    }
};

/// t / divisor, a number or a tensor of rank 0; t itself when the divisor is the number 1.
template <class T, int R, class D, class N> Tensor<T, R, D> divided(Tensor<T, R, D> const& t, N const& divisor) {
    if constexpr (std::is_arithmetic_v<N>) return divisor == 1 ? t : Tensor<T, R, D>(t / static_cast<T>(divisor));
    else return Tensor<T, R, D>(t / divisor);
}

/// The sum of e over Axes over a divisor, recorded as one node; `shape` is that of the result.
template <int... Axes, class E, class N, int Q> auto divided_sum(E const& e, N const& divisor, Shape<Q> const& shape) {
    using T = Wide<typename E::value_type>;
    using Over = Reduction<E::rank, Axes...>;
    static_assert(!std::is_same_v<T, bool>, "a condition is summed as a number: write sum(cast<float>(x > 0))");
    auto const spread = [&] {
        if constexpr (Over::kept == 0) return Shape<0>{};
        else return Over::ones(e.shape());
    }();
    Tensor<T, Q, typename E::device_type> total(shape);
    sum_into(total.reshape(spread), e);
    return record_on(e, divided(total, divisor), [spread, divisor, summand = Summand<E>{e}](auto const& gy) {
        summand.pull(divided(gy.reshape(spread), divisor));
    });
}

/// The mean, for both forms of the result.
template <int... Axes, class E, int Q> auto checked_mean(E const& e, Shape<Q> const& shape) {
    auto const n = Reduction<E::rank, Axes...>::count(e.shape());
    check_shape(n > 0, "mean: there are no elements to average in ", e.shape());
    return divided_sum<Axes...>(e, static_cast<double>(n), shape);
}

/// The variance, for both forms of the result: two passes. Around the mean, the derivative of the mean itself cancels.
template <int... Axes, class E, int Q> auto checked_variance(E const& e, int correction, Shape<Q> const& shape) {
    using Over = Reduction<E::rank, Axes...>;
    using X = typename E::value_type;
    using T = Wide<X>;
    auto const n = Over::count(e.shape());
    check_shape(n > correction, "var: ", n, " elements of ", e.shape(), " with correction ", correction, " have no variance");
    Tensor<T, E::rank, typename E::device_type> mean(Over::ones(e.shape()));
    sum_into(mean, e);
    mean /= static_cast<T>(n);
    return divided_sum<Axes...>(square(e - cast<X>(mean)), static_cast<double>(n - correction), shape);
}

}  // namespace detail
}  // namespace tacet
