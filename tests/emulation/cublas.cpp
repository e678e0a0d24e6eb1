// SPDX-License-Identifier: MIT
#include <cuda_runtime.h>
#include <cublas_v2.h>
#include <number_arrays.hpp>
#include <tacet/core/mma.cuh>
#include <algorithm>
#include <cstdint>
#include <cstring>

struct cublasContext {
    cudaStream_t stream = nullptr;
    void* memory = nullptr;
    std::size_t bytes = 0;
};

namespace {

using emulation::Number;

Number number_of(cudaDataType type) {
    switch (type) {
        case CUDA_R_32F: break;
        case CUDA_R_64F: return Number::float64;
        case CUDA_R_16F: return Number::float16;
        case CUDA_R_16BF: return Number::bfloat16;
    }
    return Number::float32;
}

struct Matrix {
    cublasOperation_t op;
    void const* data;
    cudaDataType type;
    long long ld, stride;
    /// Element (i, j) after op, of matrix z.
    double at(long long z, long long i, long long j, cublasComputeType_t compute) const {
        double const x = emulation::element(data, number_of(type), z * stride + (op == CUBLAS_OP_N ? i + j * ld : j + i * ld));
        return compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? std::bit_cast<float>(tacet::gpu::Tf32(static_cast<float>(x)).bits) : x;
    }
    bool fits(int rows, int columns) const { return ld >= std::max(1, op == CUBLAS_OP_N ? rows : columns); }
};

bool types_fit(cudaDataType factors, cudaDataType result, cublasComputeType_t compute) {
    if (compute == CUBLAS_COMPUTE_64F) return factors == CUDA_R_64F && result == CUDA_R_64F;
    if (compute == CUBLAS_COMPUTE_32F_FAST_TF32) return factors == CUDA_R_32F && result == CUDA_R_32F;
    return factors != CUDA_R_64F && (result == factors || result == CUDA_R_32F);
}
double factor(void const* number, cublasComputeType_t compute) {
    return compute == CUBLAS_COMPUTE_64F ? *static_cast<double const*>(number) : *static_cast<float const*>(number);
}

}  // namespace

char const* cublasGetStatusName(cublasStatus_t status) {
    switch (status) {
        case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
        case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
        case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
        case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    }
    return "unknown status";
}
cublasStatus_t cublasCreate(cublasHandle_t* handle) {
    *handle = new cublasContext;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t) { return handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED; }
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = {stream};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* memory, std::size_t bytes) {
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (reinterpret_cast<std::uintptr_t>(memory) % 256) return CUBLAS_STATUS_INVALID_VALUE;
    handle->memory = memory, handle->bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                                          void const* alpha, void const* a, cudaDataType type_a, int lda, long long stride_a,
                                          void const* b, cudaDataType type_b, int ldb, long long stride_b, void const* beta, void* c,
                                          cudaDataType type_c, int ldc, long long stride_c, int batch, cublasComputeType_t compute,
                                          cublasGemmAlgo_t algo) {
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    Matrix const left{op_a, a, type_a, lda, stride_a}, right{op_b, b, type_b, ldb, stride_b};
    if (m < 0 || n < 0 || k < 0 || batch < 0 || !left.fits(m, k) || !right.fits(k, n) || ldc < std::max(1, m) || !alpha || !beta)
        return CUBLAS_STATUS_INVALID_VALUE;
    bool const overlap = batch > 1 && stride_c < static_cast<long long>(ldc) * n;
    if (type_a != type_b || !types_fit(type_a, type_c, compute) || algo != CUBLAS_GEMM_DEFAULT || overlap || !handle->memory)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    double const scale = factor(alpha, compute), keep = factor(beta, compute);
    auto const work = [=, memory = handle->memory, bytes = handle->bytes] {
        std::memset(memory, 0x5a, bytes);
        for (long long z = 0; z < batch; ++z)
            for (long long i = 0; i < m; ++i)
                for (long long j = 0; j < n; ++j) {
                    double sum = 0;
                    for (long long l = 0; l < k; ++l) sum += left.at(z, i, l, compute) * right.at(z, l, j, compute);
                    long long const at = z * stride_c + i + j * static_cast<long long>(ldc);
                    double const before = keep != 0 ? keep * emulation::element(c, number_of(type_c), at) : 0;
                    emulation::store(c, number_of(type_c), at, scale * sum + before);
                }
    };
    return emulation::submit(handle->stream, work) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}
