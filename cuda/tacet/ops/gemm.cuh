// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/tile_product.cuh>
#include <tacet/ops/gemm.hpp>
#include <cublas_v2.h>
#include <limits>

namespace tacet {
namespace detail {

/// Throws Error, in which `what` names what was tried, unless the status is success; OutOfMemory where that is what is missing.
inline void check_cublas(cublasStatus_t status, KernelLabel const& what) {
    if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemory(concat_text(what, ": cuBLAS has no memory for it, on ", device_name()));
    check(status == CUBLAS_STATUS_SUCCESS, what, ": ", cublasGetStatusName(status), ", on ", device_name());
}

/// What a thread needs to call cuBLAS on one device.
class CublasHandle {
public:
    CublasHandle() {
        check_cublas(cublasCreate(&handle_), "starting cuBLAS");
        // Sums of 16-bit products stay in float where they are made in parts, too.
        check_cublas(cublasSetMathMode(handle_, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION), "starting cuBLAS");
    }
    ~CublasHandle() { cublasDestroy(handle_); }
    CublasHandle(CublasHandle const&) = delete;
    CublasHandle& operator=(CublasHandle const&) = delete;

    /// This thread's on the current device, for the current stream, with memory to work in: memory of its own cuBLAS would share between
    /// streams, with bits that depend on what else runs, and a recorded graph would not keep it.
    static cublasHandle_t ready(Buffer<Cuda> const& memory, std::size_t bytes) {
        cublasHandle_t const handle = of_this_device<CublasHandle>().handle_;
        check_cublas(cublasSetStream(handle, current_stream()), "giving cuBLAS a stream");
        check_cublas(cublasSetWorkspace(handle, memory.data(), bytes), "giving cuBLAS memory");
        return handle;
    }

private:
    cublasHandle_t handle_ = nullptr;
};

template <class T> constexpr cudaDataType cublas_type = CUDA_R_32F;
template <> inline constexpr cudaDataType cublas_type<double> = CUDA_R_64F;
template <> inline constexpr cudaDataType cublas_type<Half> = CUDA_R_16F;
template <> inline constexpr cudaDataType cublas_type<BFloat16> = CUDA_R_16BF;

/// The factors and the result of `batch` products: op(a_i) (m, k) op(b_i) (k, n) = c_i (m, n), row-major and contiguous.
template <class T, class S> struct Gemm {
    Transposition ta, tb;
    Index batch, m, n, k;
    T const *a, *b;
    S* c;

    /// By our own kernels, which take any extents.
    void run(char const* name) const {
        gpu::ProductShape const s{m, n, k, batch};
        // Element (i, l) of a, (l, j) of b.
        if (ta == Transposition::None) right(label(name), s, gpu::Factor<T, true>{a, m * k, k});
        else right(label(name), s, gpu::Factor<T, false>{a, m * k, m});
    }
    /// By cuBLAS, whose matrices are column-major: what it takes for the transposed result is the product of the transposed factors.
    void run_cublas(char const* name) const {
        constexpr std::size_t bytes = std::size_t(32) << 20;  // what NVIDIA recommends for compute capability 9
        Buffer<Cuda> const memory(Index(bytes), 1);
        auto const op = [](Transposition t) { return t == Transposition::None ? CUBLAS_OP_N : CUBLAS_OP_T; };
        auto const line = [](Transposition t, Index rows, Index columns) {
            return static_cast<int>(t == Transposition::None ? columns : rows);
        };
        auto const compute = std::is_same_v<T, double> ? CUBLAS_COMPUTE_64F
                             : std::is_same_v<T, float> && TensorFloat32::wanted() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
        Wide<T> const one = 1, zero = 0;
        auto const status = cublasGemmStridedBatchedEx(
            CublasHandle::ready(memory, bytes), op(tb), op(ta), static_cast<int>(n), static_cast<int>(m), static_cast<int>(k), &one, b,
            cublas_type<T>, line(tb, k, n), k * n, a, cublas_type<T>, line(ta, m, k), m * k, &zero, c, cublas_type<S>, static_cast<int>(n),
            m * n, static_cast<int>(batch), compute, CUBLAS_GEMM_DEFAULT);
        check_cublas(status, label(name));
    }

private:
    KernelLabel label(char const* name) const { return {name, Shape{batch, m, k}, Shape{batch, k, n}}; }
    template <class A> void right(KernelLabel const& what, gpu::ProductShape const& s, A const& left) const {
        gpu::PlainResult<S> const result{c, m, n};
        if (tb == Transposition::None) tile_product<T>(what, s, left, gpu::Factor<T, false>{b, k * n, n}, result);
        else tile_product<T>(what, s, left, gpu::Factor<T, true>{b, k * n, k}, result);
    }
};

/// A product with nothing else to do: by cuBLAS, where its 32-bit extents suffice.
template <class T, class S>
void gemm(char const* name, Transposition ta, Transposition tb, Index batch, Index m, Index n, Index k, T const* a, T const* b, S* c) {
    Gemm<T, S> const product{ta, tb, batch, m, n, k, a, b, c};
    if (batch * m * n == 0) return;
    if (k > 0 && std::max({batch, m, n, k}) <= std::numeric_limits<int>::max()) product.run_cublas(name);
    else product.run(name);
}

}  // namespace detail

template <> struct GemmKernel<Cuda> {
    template <class T>
    static void run(Transposition ta, Transposition tb, Index batch, Index m, Index n, Index k, T const* a, T const* b, T* c) {
        detail::gemm("matmul", ta, tb, batch, m, n, k, a, b, c);
    }
};

}  // namespace tacet
