// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/autograd/variable.hpp>
#include <tacet/ops/gemm.hpp>

namespace tacet {

/// The matrix product a (m, k) b (k, n) -> (m, n), or a batch of them: a (B, m, k) b (B, k, n) -> (B, m, n).
/// Throws ShapeError where the shapes do not fit. Keeps a and b.
template <class T, int R, class D> Variable<T, R, D> matmul(Variable<T, R, D> const& a, Variable<T, R, D> const& b) {
    static_assert(R == 2 || R == 3, "matmul takes matrices (m, k) (k, n) or batches of them (B, m, k) (B, k, n)");
    using enum Transposition;
    Index const batch = R == 3 ? a.shape()[0] : 1, m = a.shape()[R - 2], k = a.shape()[R - 1], n = b.shape()[R - 1];
    check_shape(b.shape()[R - 2] == k && (R == 2 || b.shape()[0] == batch), "matmul: a ", a.shape(), " and b ", b.shape(), " do not fit");
    Shape<R> shape = a.shape();
    shape[R - 1] = n;
    Tensor<T, R, D> c(shape);
    GemmKernel<D>::template run<T>(None, None, batch, m, n, k, a.value().data(), b.value().data(), c.data());
    Tensor<T, R, D> saved_a, saved_b;  // each is needed for the other's gradient only
    if (b.requires_grad()) saved_a = a.value();
    if (a.requires_grad()) saved_b = b.value();
    return record(
        c,
        [=, sa = a.slot(), sb = b.slot()](Tensor<T, R, D> const& gc) {
            if (sa) {
                Tensor<T, R, D> ga(sa->shape);
                GemmKernel<D>::template run<T>(None, Transpose, batch, m, k, n, gc.data(), saved_b.data(), ga.data());
                sa->accumulate(std::move(ga));
            }
            if (sb) {
                Tensor<T, R, D> gb(sb->shape);
                GemmKernel<D>::template run<T>(Transpose, None, batch, k, n, m, saved_a.data(), gc.data(), gb.data());
                sb->accumulate(std::move(gb));
            }
        },
        a, b);
}

}  // namespace tacet
