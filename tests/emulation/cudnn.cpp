// SPDX-License-Identifier: MIT
#include <cuda_runtime.h>
#include <cudnn.h>
#include <number_arrays.hpp>
#include <cstring>
#include <functional>

struct cudnnContext {
    cudaStream_t stream = nullptr;
};
namespace {
/// Four extents, channels innermost: images (n, h, w, c), or filters (k, h, w, c).
struct Extents {
    cudnnDataType_t type{};
    int n = 0, h = 0, w = 0, c = 0;
    long long at(long long image, long long i, long long j, long long channel) const { return ((image * h + i) * w + j) * c + channel; }
    long long size() const { return at(n, 0, 0, 0); }
};
}  // namespace
struct cudnnTensorStruct : Extents {};
struct cudnnFilterStruct : Extents {};
struct cudnnConvolutionStruct {
    int padding[2], stride[2], dilation[2], groups = 1;
    cudnnDataType_t compute{};
    cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

namespace {

using emulation::Number;

constexpr std::size_t workspace_bytes = 48;

Number number_of(cudnnDataType_t type) {
    switch (type) {
        case CUDNN_DATA_FLOAT: break;
        case CUDNN_DATA_DOUBLE: return Number::float64;
        case CUDNN_DATA_HALF: return Number::float16;
        case CUDNN_DATA_BFLOAT16: return Number::bfloat16;
    }
    return Number::float32;
}

/// One convolution, described by the caller.
struct Window {
    Extents x, y, w;
    cudnnConvolutionStruct conv;

    bool fits() const {
        bool const wide = x.type == CUDNN_DATA_DOUBLE;
        auto const extent = [&](int in, int kernel, int axis) {
            return (in + 2 * conv.padding[axis] - conv.dilation[axis] * (kernel - 1) - 1) / conv.stride[axis] + 1;
        };
        return x.type == w.type && x.type == y.type && conv.compute == (wide ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT) && x.n == y.n &&
               x.c == w.c * conv.groups && y.c == w.n && y.c % conv.groups == 0 && y.h == extent(x.h, w.h, 0) && y.w == extent(x.w, w.w, 1);
    }
    /// f(element of x, of w, of y) for all products, the last tap first: not in the order of our kernels, and so with other last digits.
    template <class F> void for_products(F&& f) const {
        int const out = y.c / conv.groups;
        for (int n = 0; n < y.n; ++n)
            for (int i = 0; i < y.h; ++i)
                for (int j = 0; j < y.w; ++j)
                    for (int u = w.h - 1; u >= 0; --u)
                        for (int v = w.w - 1; v >= 0; --v) {
                            int const r = i * conv.stride[0] - conv.padding[0] + u * conv.dilation[0];
                            int const q = j * conv.stride[1] - conv.padding[1] + v * conv.dilation[1];
                            if (r < 0 || r >= x.h || q < 0 || q >= x.w) continue;
                            for (int o = 0; o < y.c; ++o)
                                for (int c = 0; c < w.c; ++c) f(x.at(n, r, q, o / out * w.c + c), w.at(o, u, v, c), y.at(n, i, j, o));
                        }
    }
};

/// Adds products up in `sums`, as long as `to` is, and writes them there.
cudnnStatus_t compute(cudnnHandle_t handle, Window const& window, void* memory, std::size_t bytes, void const* alpha, void const* beta,
                      Extents const& shape, void* to, std::function<void(Window const&, std::vector<double>&)> const& add) {
    if (!handle || !window.fits() || !memory || bytes < workspace_bytes) return CUDNN_STATUS_BAD_PARAM;
    bool const wide = window.conv.compute == CUDNN_DATA_DOUBLE;
    double const scale = wide ? *static_cast<double const*>(alpha) : *static_cast<float const*>(alpha);
    double const keep = wide ? *static_cast<double const*>(beta) : *static_cast<float const*>(beta);
    if (scale != 1 || keep != 0) return CUDNN_STATUS_NOT_SUPPORTED;
    auto const work = [=] {
        std::memset(memory, 0x5a, bytes);
        std::vector<double> sums(static_cast<std::size_t>(shape.size()));
        add(window, sums);
        for (std::size_t k = 0; k < sums.size(); ++k) emulation::store(to, number_of(shape.type), static_cast<long long>(k), sums[k]);
    };
    return emulation::submit(handle->stream, work) == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

template <class Perf> cudnnStatus_t offer(Window const& window, int most, int* count, Perf* found) {
    *count = 0;
    if (!window.fits() || most < 2) return CUDNN_STATUS_BAD_PARAM;
    for (auto const determinism : {CUDNN_NON_DETERMINISTIC, CUDNN_DETERMINISTIC})
        found[(*count)++] = {{}, CUDNN_STATUS_SUCCESS, 1, workspace_bytes, determinism, window.conv.math, {}};
    return CUDNN_STATUS_SUCCESS;
}

template <class D> cudnnStatus_t create(D** d) {
    *d = new D{};
    return CUDNN_STATUS_SUCCESS;
}
template <class D> cudnnStatus_t destroy(D* d) {
    delete d;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t describe(Extents* d, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h, int w) {
    if (!d || n <= 0 || c <= 0 || h <= 0 || w <= 0) return CUDNN_STATUS_BAD_PARAM;
    if (format != CUDNN_TENSOR_NHWC) return CUDNN_STATUS_NOT_SUPPORTED;
    *d = {type, n, h, w, c};
    return CUDNN_STATUS_SUCCESS;
}

}  // namespace

char const* cudnnGetErrorString(cudnnStatus_t status) {
    switch (status) {
        case CUDNN_STATUS_SUCCESS: return "CUDNN_STATUS_SUCCESS";
        case CUDNN_STATUS_BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
        case CUDNN_STATUS_NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    }
    return "unknown status";
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) { return create(handle); }
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) { return destroy(handle); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    if (!handle) return CUDNN_STATUS_BAD_PARAM;
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* d) { return create(d); }
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) { return destroy(d); }
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h, int w) {
    return describe(d, format, type, n, c, h, w);
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* d) { return create(d); }
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d) { return destroy(d); }
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format, int k, int c, int h, int w) {
    return describe(d, format, type, k, c, h, w);
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* d) { return create(d); }
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d) { return destroy(d); }
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                                              int dilation_w, cudnnConvolutionMode_t mode, cudnnDataType_t compute) {
    if (!d || pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1) return CUDNN_STATUS_BAD_PARAM;
    if (mode != CUDNN_CROSS_CORRELATION) return CUDNN_STATUS_NOT_SUPPORTED;
    *d = {{pad_h, pad_w}, {stride_h, stride_w}, {dilation_h, dilation_w}, 1, compute, CUDNN_DEFAULT_MATH};
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t d, int groups) {
    d->groups = groups;
    return groups > 0 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math) {
    d->math = math;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t y, int most, int* count,
                                                     cudnnConvolutionFwdAlgoPerf_t* found) {
    return offer(Window{*x, *y, *w, *conv}, most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,
                                                          cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t dx, int most, int* count,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* found) {
    auto const status = offer(Window{*dx, *dy, *w, *conv}, most, count, found);
    if (*count == 2) found[1].algo = CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
    return status;
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,
                                                            cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t dw, int most,
                                                            int* count, cudnnConvolutionBwdFilterAlgoPerf_t* found) {
    auto const status = offer(Window{*x, *dy, *dw, *conv}, most, count, found);
    if (*count == 2) found[1].algo = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
    return status;
}

namespace {
/// An array of numbers, read as the algorithm does.
struct Array {
    void const* data;
    Number type;
    double operator[](long long k) const { return emulation::element(data, type, k); }
};
double& at(std::vector<double>& sums, long long k) { return sums[static_cast<std::size_t>(k)]; }
}  // namespace

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, void const* alpha, cudnnTensorDescriptor_t x_shape, void const* x,
                                      cudnnFilterDescriptor_t w_shape, void const* w, cudnnConvolutionDescriptor_t conv,
                                      cudnnConvolutionFwdAlgo_t, void* memory, std::size_t bytes, void const* beta,
                                      cudnnTensorDescriptor_t y_shape, void* y) {
    Array const image{x, number_of(x_shape->type)}, filter{w, image.type};
    return compute(handle, {*x_shape, *y_shape, *w_shape, *conv}, memory, bytes, alpha, beta, *y_shape, y,
                   [=](Window const& window, std::vector<double>& sums) {
        window.for_products([&](long long kx, long long kw, long long ky) { at(sums, ky) += image[kx] * filter[kw]; });
    });
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, void const* alpha, cudnnFilterDescriptor_t w_shape, void const* w,
                                           cudnnTensorDescriptor_t y_shape, void const* dy, cudnnConvolutionDescriptor_t conv,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* memory, std::size_t bytes, void const* beta,
                                           cudnnTensorDescriptor_t x_shape, void* dx) {
    if (algorithm != CUDNN_CONVOLUTION_BWD_DATA_ALGO_1) return CUDNN_STATUS_NOT_SUPPORTED;
    Array const gradient{dy, number_of(y_shape->type)}, filter{w, gradient.type};
    return compute(handle, {*x_shape, *y_shape, *w_shape, *conv}, memory, bytes, alpha, beta, *x_shape, dx,
                   [=](Window const& window, std::vector<double>& sums) {
        window.for_products([&](long long kx, long long kw, long long ky) { at(sums, kx) += gradient[ky] * filter[kw]; });
    });
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, void const* alpha, cudnnTensorDescriptor_t x_shape, void const* x,
                                             cudnnTensorDescriptor_t y_shape, void const* dy, cudnnConvolutionDescriptor_t conv,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* memory, std::size_t bytes,
                                             void const* beta, cudnnFilterDescriptor_t w_shape, void* dw) {
    if (algorithm != CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1) return CUDNN_STATUS_NOT_SUPPORTED;
    Array const image{x, number_of(x_shape->type)}, gradient{dy, image.type};
    return compute(handle, {*x_shape, *y_shape, *w_shape, *conv}, memory, bytes, alpha, beta, *w_shape, dw,
                   [=](Window const& window, std::vector<double>& sums) {
        window.for_products([&](long long kx, long long kw, long long ky) { at(sums, kw) += image[kx] * gradient[ky]; });
    });
}
