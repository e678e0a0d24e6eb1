// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/checkpoint.hpp>
#include <tacet/ops/swin_block_gradients.hpp>
#include <tacet/ops/swin_block_parts.hpp>

namespace tacet {

/// Device half of swin_block: x, y and their gradients (N, H, W, C), parameters as SwinMatrix and SwinVector say. `takes` tells whether a
/// block has the sizes of its kernel; `goes_back`, whether that has a backward pass, else the forward pass is done again operation by
/// operation. `largest_window` is that of the windows for which networks gain by it.
template <class D> struct SwinBlockKernel {
    static_assert(sizeof(D) == 0, "swin_block has no kernels for this device here: compile this file as .cu");
    template <class T> static constexpr Index largest_window = 0;
    static constexpr bool goes_back = false;
    template <class T> static bool takes(auto const&...) { return false; }
    template <class T> static void forward(auto const&...) {}
};

template <> struct SwinBlockKernel<Cpu> {
    // Of a window of 16 x 16, the scores of a head are 256 x 256: they stay in the second-level cache. Double is for tests.
    template <class T> static constexpr Index largest_window = std::is_same_v<T, float> ? 16 : 0;
    static constexpr bool goes_back = true;

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

template <class T, class D> struct SwinBlockPull {
    Tensor<T, 4, D> x;  // (N, H, W, C)
    SwinParameters<T, D> parameters;
    SwinSetting<D> setting;  // holds what the problem points to
    SwinProblem problem;
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
        SwinBlockKernel<D>::template backward<T>(problem, parameters.pointers(), x.data(), gy.data(), gx.data(), gradients);
        deliver(slot, gx);
        for (std::size_t k = 0; k < matrix.size(); ++k) deliver(parameters.matrix[k].slot(), matrix[k]);
        for (std::size_t k = 0; k < vector.size(); ++k) deliver(parameters.vector[k].slot(), vector[k]);
    }
};

/// What the kernels are told; throws ShapeError for what does not fit.
template <class W, class D>
SwinProblem swin_problem(Shape<4> const& x, SwinParameters<W, D> const& parameters, SwinSetting<D> const& setting) {
    Shape<4> qkv = x;
    qkv[3] *= 3;
    SwinProblem const problem{window_grid(qkv, parameters.matrix[SwinMatrix::table].shape(), setting.window),
                              parameters.matrix[SwinMatrix::fc1].shape()[0],
                              setting.keep.data(), setting.factors.data(), setting.eps[0], setting.eps[1]};
    for (std::size_t k = 0; k < SwinMatrix::count; ++k)
        check_shape(parameters.matrix[k].shape() == Shape{problem.rows_of(k), problem.columns_of(k)}, "swin_block: matrix ", k, " ",
                    parameters.matrix[k].shape(), " does not fit x ", x);
    for (std::size_t k = 0; k < SwinVector::count; ++k)
        check_shape(parameters.vector[k].size() == problem.size_of(k), "swin_block: vector ", k, " ", parameters.vector[k].shape(),
                    " does not fit x ", x);
    check_shape(!setting.keep.data() || setting.keep.shape() == Shape{x[0], x[1], x[2], Index(1)}, "swin_block: the mask ",
                setting.keep.shape(), " does not fit x ", x);
    check_shape(!setting.factors.data() || setting.factors.shape() == Shape{Index(2), x[0]}, "swin_block: the factors ",
                setting.factors.shape(), " do not fit x ", x);
    return problem;
}

/// A Swin block in one pass over memory: y = x + f0 attention(norm1(x)), and y + f1 mlp(norm2(y)), for x (N, H, W, C). Tokens for which
/// `keep` (N, H, W, 1; may be undefined) is 0 are projected as zeros; `factors` (2, N; may be undefined) are f0 and f1 by image. Keeps x
/// alone: the backward pass computes everything again. Same results as the composition, but for rounding; where the device has no kernel
/// for these sizes or for T, it is the composition that is computed.
template <class T, class D>
Variable<T, 4, D> swin_block(Variable<T, 4, D> const& x, SwinParameters<Wide<T>, D> const& parameters, SwinSetting<D> const& setting) {
    using Kernel = SwinBlockKernel<D>;
    auto const problem = swin_problem(x.shape(), parameters, setting);
    auto const computed = [&] {
        Tensor<T, 4, D> y(x.shape());
        Kernel::template forward<T>(problem, parameters.pointers(), x.value().data(), y.data());
        return y;
    };
    return parameters.with(x, [&](auto const&... in) {
        if constexpr (Kernel::goes_back) {
            if (!records(in...)) return Variable<T, 4, D>(computed());
            return record(computed(), SwinBlockPull<T, D>{x.value(), parameters, setting, problem, x.slot()}, in...);
        } else {
            auto const by_parts = [=](Variable<T, 4, D> const& v) { return swin_block_by_parts<T, D>(v, parameters, setting); };
            bool const one_pass = Kernel::template takes<T>(problem);
            if (!records(in...)) return one_pass ? Variable<T, 4, D>(computed()) : by_parts(x);
            return one_pass ? checkpoint(by_parts, x, computed()) : checkpoint(by_parts, x);
        }
    });
}

}  // namespace detail
}  // namespace tacet

#ifdef __CUDACC__
#include <tacet/ops/swin_block.cuh>
#endif
