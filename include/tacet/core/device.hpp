// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/config.hpp>
#include <tacet/core/cuda.hpp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tacet {

/// A host processor with the instruction set I.
template <class I> struct Processor {
    static constexpr char const* name = "Cpu";
};
/// The host's processor, as this unit is compiled for it.
using Cpu = Processor<instruction_set::Native>;
/// An NVIDIA GPU: the current device of the CUDA runtime.
struct Cuda {
    static constexpr char const* name = "Cuda";
};

template <class D> concept Device = requires { D::name; };

/// Raw memory of a device: the only place that allocates, frees or copies it.
template <Device D> struct Memory;

template <> struct Memory<Cpu> {
    static constexpr std::size_t alignment = 64;  // one cache line, one AVX-512 vector
    static constexpr std::size_t large_page = std::size_t(1) << 21;
    static void* allocate(std::size_t bytes) {
        bool const large = bytes >= 2 * large_page;
        std::size_t const unit = large ? large_page : alignment;
        void* const p = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
        if (!p) throw std::bad_alloc();
#if defined(__linux__)
        if (large) madvise(p, bytes, MADV_HUGEPAGE);  // a wish: fewer page faults, fewer misses of the address cache
#endif
        return p;
    }
    /// `bytes` as they were asked for.
    static void release(void* p, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__)
        if (bytes >= 2 * large_page) madvise(p, bytes, MADV_DONTNEED);  // free() may keep the pages for what comes next, of other sizes
#endif
        std::free(p);
    }
    static void from_host(void* dst, void const* src, std::size_t bytes) { if (bytes) std::memcpy(dst, src, bytes); }
    static void to_host(void* dst, void const* src, std::size_t bytes) { if (bytes) std::memcpy(dst, src, bytes); }
};

#if TACET_WITH_CUDA
template <> struct Memory<Cuda> {
    static constexpr std::size_t alignment = 256;
    static void* allocate(std::size_t bytes) {
        void* p = nullptr;
        auto const status = cudaMallocAsync(&p, bytes, current_stream());
        if (status == cudaErrorMemoryAllocation) {
            cudaGetLastError();  // it is not the next launch's error
            throw std::bad_alloc();
        }
        check_cuda(status, "allocating GPU memory");
        return p;
    }
    static void release(void* p, std::size_t) noexcept { cudaFreeAsync(p, current_stream()); }
    static void from_host(void* dst, void const* src, std::size_t bytes) { copy(dst, src, bytes, cudaMemcpyHostToDevice); }
    static void to_host(void* dst, void const* src, std::size_t bytes) { copy(dst, src, bytes, cudaMemcpyDeviceToHost); }

private:
    // After everything before it on the stream; the host waits.
    static void copy(void* dst, void const* src, std::size_t bytes, cudaMemcpyKind kind) {
        check_cuda(cudaMemcpyAsync(dst, src, bytes, kind, current_stream()), "copying to or from the GPU");
        check_cuda(cudaStreamSynchronize(current_stream()), "computing on the GPU");
    }
};
#endif

}  // namespace tacet
