// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/launch.cuh>
#include <tacet/ops/conv2d_activation.cuh>
#include <tacet/ops/conv2d_weights.cuh>
#if TACET_WITH_CUDNN
#include <cudnn.h>
#include <limits>
#include <optional>
#endif

// Convolutions by cuDNN. Every function returns false, and has done nothing, where cuDNN cannot do what is asked for.
namespace tacet::detail {

#if TACET_WITH_CUDNN
/// Throws Error, in which `what` names what was tried, unless the status is success.
inline void check_cudnn(cudnnStatus_t status, KernelLabel const& what) {
    check(status == CUDNN_STATUS_SUCCESS, what, ": ", cudnnGetErrorString(status), ", on ", device_name());
}

/// A handle or a descriptor of cuDNN.
template <class H, auto create, auto destroy> class CudnnObject {
public:
    CudnnObject() { check_cudnn(create(&object_), "starting cuDNN"); }
    ~CudnnObject() { destroy(object_); }
    CudnnObject(CudnnObject const&) = delete;
    CudnnObject& operator=(CudnnObject const&) = delete;
    operator H() const { return object_; }

private:
    H object_ = nullptr;
};
using CudnnHandle = CudnnObject<cudnnHandle_t, &cudnnCreate, &cudnnDestroy>;
using CudnnTensor = CudnnObject<cudnnTensorDescriptor_t, &cudnnCreateTensorDescriptor, &cudnnDestroyTensorDescriptor>;
using CudnnFilter = CudnnObject<cudnnFilterDescriptor_t, &cudnnCreateFilterDescriptor, &cudnnDestroyFilterDescriptor>;
using CudnnWindow = CudnnObject<cudnnConvolutionDescriptor_t, &cudnnCreateConvolutionDescriptor, &cudnnDestroyConvolutionDescriptor>;

template <class T> constexpr cudnnDataType_t cudnn_type = CUDNN_DATA_FLOAT;
template <> inline constexpr cudnnDataType_t cudnn_type<double> = CUDNN_DATA_DOUBLE;
template <> inline constexpr cudnnDataType_t cudnn_type<Half> = CUDNN_DATA_HALF;
template <> inline constexpr cudnnDataType_t cudnn_type<BFloat16> = CUDNN_DATA_BFLOAT16;

/// A convolution of images and weights with channels innermost, as cuDNN is told of it.
template <class T> class CudnnConvolution {
public:
    CudnnConvolution(Conv2dGeometry const& g, char const* name)
        : handle_(of_this_device<CudnnHandle>()), label_(name, g.in_shape()) {
        auto const i = [](Index extent) { return static_cast<int>(extent); };
        auto const images = [&](CudnnTensor const& d, Index h, Index w, Index c) {
            check_cudnn(cudnnSetTensor4dDescriptor(d, CUDNN_TENSOR_NHWC, cudnn_type<T>, i(g.n), i(c), i(h), i(w)), label_);
        };
        images(x_, g.h, g.w, g.c), images(y_, g.out_h(), g.out_w(), g.oc);
        check_cudnn(cudnnSetFilter4dDescriptor(w_, cudnn_type<T>, CUDNN_TENSOR_NHWC, i(g.oc), i(g.c / g.groups), i(g.kh), i(g.kw)), label_);
        check_cudnn(cudnnSetConvolution2dDescriptor(window_, i(g.padding), i(g.padding), i(g.stride), i(g.stride), i(g.dilation),
                                                    i(g.dilation), CUDNN_CROSS_CORRELATION, cudnn_type<Wide<T>>), label_);
        check_cudnn(cudnnSetConvolutionGroupCount(window_, i(g.groups)), label_);
        check_cudnn(cudnnSetConvolutionMathType(window_, math()), label_);
        check_cudnn(cudnnSetStream(handle_, current_stream()), label_);
    }
    bool forward(T const* x, T const* w, T* y) const {
        return run<cudnnConvolutionFwdAlgoPerf_t>([&](auto... out) {
            return cudnnGetConvolutionForwardAlgorithm_v7(handle_, x_, w_, window_, y_, out...);
        }, [&](auto algorithm, void* memory, std::size_t bytes) {
            return cudnnConvolutionForward(handle_, &one, x_, x, w_, w, window_, algorithm, memory, bytes, &zero, y_, y);
        });
    }
    bool input_gradient(T const* gy, T const* w, T* gx) const {
        return run<cudnnConvolutionBwdDataAlgoPerf_t>([&](auto... out) {
            return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle_, w_, y_, window_, x_, out...);
        }, [&](auto algorithm, void* memory, std::size_t bytes) {
            return cudnnConvolutionBackwardData(handle_, &one, w_, w, y_, gy, window_, algorithm, memory, bytes, &zero, x_, gx);
        });
    }
    bool weight_gradient(T const* x, T const* gy, T* gw) const {
        return run<cudnnConvolutionBwdFilterAlgoPerf_t>([&](auto... out) {
            return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle_, x_, y_, window_, w_, out...);
        }, [&](auto algorithm, void* memory, std::size_t bytes) {
            return cudnnConvolutionBackwardFilter(handle_, &one, x_, x, y_, gy, window_, algorithm, memory, bytes, &zero, w_, gw);
        });
    }

private:
    /// Floats are rounded to TF32 only where that is wanted.
    static cudnnMathType_t math() {
        if (is_16_bit<T>) return CUDNN_TENSOR_OP_MATH;
        return std::is_same_v<T, float> && !TensorFloat32::wanted() ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
    }
    /// Runs the algorithm that cuDNN expects to be the fastest of those with the same bits every time.
    template <class Found> bool run(auto const& ask, auto const& compute) const {
        constexpr int most = 8;
        Found found[most];
        int count = 0;
        if (ask(most, &count, found) != CUDNN_STATUS_SUCCESS) return false;
        for (Found const* f = found; f < found + count; ++f) {
            bool const rounds = math() == CUDNN_FMA_MATH && f->mathType != CUDNN_FMA_MATH;
            if (f->status != CUDNN_STATUS_SUCCESS || f->determinism != CUDNN_DETERMINISTIC || rounds) continue;
            check_cudnn(cudnnSetConvolutionMathType(window_, f->mathType), label_);
            Buffer<Cuda> const memory(static_cast<Index>(f->memory), 1);
            check_cudnn(compute(f->algo, memory.data(), f->memory), label_);
            return true;
        }
        return false;
    }

    static constexpr Wide<T> one = 1, zero = 0;
    cudnnHandle_t handle_;
    KernelLabel label_;
    CudnnTensor x_, y_;
    CudnnFilter w_;
    CudnnWindow window_;
};
#endif

/// What Conv2dKernel does, for the same arguments.
struct Conv2dCudnn {
#if TACET_WITH_CUDNN
    template <class T>
    static bool forward(Conv2dGeometry const& g, kernel::Images<T> const& x, Wide<T> const* w, Wide<T> const* b, Epilogue<Wide<T>> const& e,
                        T* y) {
        if (!takes<T>(g) || !plain(x) || e.pool) return false;
        Packed<T> const packed(g, w);
        if (!CudnnConvolution<T>(g, "conv2d by cuDNN").forward(x.first.data, packed.data(), y)) return false;
        if (b || e.activates())
            launch_each("conv2d_epilogue", g.out_shape(), gpu::FinishSums<T>{y, b, g.oc, e});
        return true;
    }
    template <class T> static bool input_gradient(Conv2dGeometry const& g, T const* gy, Wide<T> const* w, T* gx) {
        if (!takes<T>(g)) return false;
        Packed<T> const packed(g, w);
        return CudnnConvolution<T>(g, "conv2d_input_gradient by cuDNN").input_gradient(gy, packed.data(), gx);
    }
    template <class T> static bool weight_gradient(Conv2dGeometry const& g, kernel::Images<T> const& x, T const* gy, Wide<T>* gw) {
        if (!takes<T>(g) || !plain(x)) return false;
        Index const channels = g.c / g.groups, taps = g.kh * g.kw, count = g.oc * channels * taps;
        Buffer<Cuda> const memory(count, sizeof(T));
        auto* const last = static_cast<T*>(memory.data());
        if (!CudnnConvolution<T>(g, "conv2d_weight_gradient by cuDNN").weight_gradient(x.first.data, gy, last)) return false;
        launch_part_sums("conv2d_weight_gradient", count, gpu::WeightSum<Wide<T>, T>{gw, last, 1, g.oc, channels, taps});
        return true;
    }

private:
    template <class T> struct Packed {
        Buffer<Cuda> memory;
        Packed(Conv2dGeometry const& g, Wide<T> const* w) : memory(g.oc * (g.c / g.groups) * g.kh * g.kw, sizeof(T)) {
            launch_each("conv2d_weights", Shape{g.oc, g.c / g.groups, g.kh, g.kw},
                        gpu::ChannelsLast<T>{static_cast<T*>(memory.data()), w, g.c / g.groups, g.kh * g.kw});
        }
        T const* data() const { return static_cast<T const*>(memory.data()); }
    };
    template <class T> static bool plain(kernel::Images<T> const& x) { return x.first.scale == 1 && x.second.channels == 0; }
    /// Zero padding, and images whose elements 32 bits can count.
    template <class T> static bool takes(Conv2dGeometry const& g) {
        Index const most = std::numeric_limits<int>::max();
        bool const countable = g.n * g.h * g.w * g.c <= most && g.n * g.out_h() * g.out_w() * g.oc <= most;
        return (g.mode == PaddingMode::Zero || g.padding == 0) && countable && g.n > 0;
    }
#else
    static bool forward(auto const&...) { return false; }
    static bool input_gradient(auto const&...) { return false; }
    static bool weight_gradient(auto const&...) { return false; }
#endif
};

}  // namespace tacet::detail
