// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/swin_block_gradients.hpp>
#include <tacet/ops/window_attention.hpp>

namespace tacet {

/// Device half of swin_block: x, y and their gradients (N, H, W, C), parameters as SwinMatrix and SwinVector say. `largest_window` is that
/// of the windows for which the device has it and gains by it; 0: for none.
template <class D> struct SwinBlockKernel {
    template <class T> static constexpr Index largest_window = 0;
};

template <> struct SwinBlockKernel<Cpu> {
    // Of a window of 16 x 16, the scores of a head are 256 x 256: they stay in the second-level cache. Double is for tests.
    template <class T> static constexpr Index largest_window = std::is_same_v<T, float> ? 16 : 0;

    template <class T>
    static void forward(detail::SwinProblem const& problem, detail::SwinPointers<T const> const& parameters, T const* x, T* y) {
        detail::kernel::swin_block<Simd<T>>(problem, parameters, x, y);
    }
    /// gx may be null.
    template <class T>
    static void backward(detail::SwinProblem const& problem, detail::SwinPointers<T const> const& parameters, T const* x, T const* gy,
                         T* gx, detail::SwinPointers<T> const& gradients) {
        detail::kernel::swin_block_gradients<Simd<T>>(problem, parameters, x, gy, gx, gradients);
    }
};

namespace detail {

/// The parameters of a fused Swin block.
template <class T, class D> struct SwinParameters {
    std::array<Variable<T, 2, D>, SwinMatrix::count> matrix;
    std::array<Variable<T, 1, D>, SwinVector::count> vector;

    SwinPointers<T const> pointers() const {
        SwinPointers<T const> p;
        for (std::size_t k = 0; k < matrix.size(); ++k) p.matrix[k] = matrix[k].value().data();
        for (std::size_t k = 0; k < vector.size(); ++k) p.vector[k] = vector[k].value().data();
        return p;
    }
    /// Calls f(x, parameters...).
    auto with(auto const& x, auto&& f) const {
        return [&]<std::size_t... m, std::size_t... v>(std::index_sequence<m...>, std::index_sequence<v...>) {
            return f(x, matrix[m]..., vector[v]...);
        }(std::make_index_sequence<SwinMatrix::count>(), std::make_index_sequence<SwinVector::count>());
    }
};

template <class T, class D> struct SwinBlockPull {
    Tensor<T, 4, D> x;  // (N, H, W, C)
    SwinParameters<T, D> parameters;
    SwinProblem problem;
    Tensor<std::uint8_t, 4, D> keep;  // (N, H, W, 1) or undefined
    std::vector<float> factors;       // (2, N) or empty
    std::shared_ptr<Slot<T, 4, D>> slot;

    void operator()(Tensor<T, 4, D> const& gy) const {
        Tensor<T, 4, D> gx;
        if (slot) gx = Tensor<T, 4, D>(x.shape());
        std::array<Tensor<T, 2, D>, SwinMatrix::count> matrix;
        std::array<Tensor<T, 1, D>, SwinVector::count> vector;
        SwinPointers<T> gradients;
        for (std::size_t k = 0; k < matrix.size(); ++k) {
            matrix[k] = Tensor<T, 2, D>(parameters.matrix[k].shape());
            gradients.matrix[k] = matrix[k].data();
        }
        for (std::size_t k = 0; k < vector.size(); ++k) {
            vector[k] = Tensor<T, 1, D>(parameters.vector[k].shape());
            gradients.vector[k] = vector[k].data();
        }
        SwinProblem here = problem;
        here.factors = factors.empty() ? nullptr : factors.data();
        SwinBlockKernel<D>::template backward<T>(here, parameters.pointers(), x.data(), gy.data(), gx.data(), gradients);
        deliver(slot, gx);
        for (std::size_t k = 0; k < matrix.size(); ++k) deliver(parameters.matrix[k].slot(), matrix[k]);
        for (std::size_t k = 0; k < vector.size(); ++k) deliver(parameters.vector[k].slot(), vector[k]);
    }
};

/// A Swin block in one pass over memory: y = x + f0 attention(norm1(x)), and y + f1 mlp(norm2(y)), for x (N, H, W, C). Tokens for which
/// `keep` (N, H, W, 1; may be undefined) is 0 are projected as zeros; `factors` (2, N; may be empty) are f0 and f1 by image. Keeps x
/// alone: the backward pass computes everything again, window by window. Same results as the composition, but for rounding.
template <class T, class D>
Variable<T, 4, D> swin_block(Variable<T, 4, D> const& x, SwinParameters<T, D> const& parameters, WindowAttentionOptions const& options,
                             Tensor<std::uint8_t, 4, D> const& keep = {}, std::vector<float> const& factors = {},
                             std::array<double, 2> const& eps = {1e-5, 1e-5}) {
    Shape<4> qkv = x.shape();
    qkv[3] *= 3;
    SwinProblem const problem{window_grid(qkv, parameters.matrix[SwinMatrix::table].shape(), options),
                              parameters.matrix[SwinMatrix::fc1].shape()[0], keep.data(), factors.empty() ? nullptr : factors.data(),
                              eps[0], eps[1]};
    for (std::size_t k = 0; k < SwinMatrix::count; ++k)
        check_shape(parameters.matrix[k].shape() == Shape{problem.rows_of(k), problem.columns_of(k)}, "swin_block: matrix ", k, " ",
                    parameters.matrix[k].shape(), " does not fit x ", x.shape());
    for (std::size_t k = 0; k < SwinVector::count; ++k)
        check_shape(parameters.vector[k].size() == problem.size_of(k), "swin_block: vector ", k, " ", parameters.vector[k].shape(),
                    " does not fit x ", x.shape());
    check_shape(!keep.data() || keep.shape() == Shape{x.shape()[0], x.shape()[1], x.shape()[2], Index(1)}, "swin_block: the mask ",
                keep.shape(), " does not fit x ", x.shape());
    Tensor<T, 4, D> y(x.shape());
    SwinBlockKernel<D>::template forward<T>(problem, parameters.pointers(), x.value().data(), y.data());
    return parameters.with(x, [&](auto const&... in) {
        if (!records(in...)) return Variable<T, 4, D>(std::move(y));
        return record(std::move(y), SwinBlockPull<T, D>{x.value(), parameters, problem, keep, factors, x.slot()}, in...);
    });
}

}  // namespace detail
}  // namespace tacet
